/** Properties that producers and consumers share because they are those of their connections, and what follows from them. */
import { isIP } from 'node:net';
import { readRoots } from '../common/tls-options.ts';
import { UdpMux } from '../connection/transport/udp-mux.ts';
import type { ConnectionOptions, IceServer } from '../connection/types.ts';
import { type OutputOf, property, type Schema } from './property-schema.ts';
import { boolean, choice, hosts, nullable, portRange, stunUri, text, turnUris, uint } from './property-types.ts';

export const networkProperties = {
  stunServer: property({
    type: nullable(stunUri()),
    default: 'stun://stun.l.google.com:19302',
    when: 'ready',
    doc: 'STUN server that tells each session its public address; none asks nobody, which is enough on one network.',
  }),
  turnServers: property({
    type: nullable(turnUris()),
    default: null,
    when: 'ready',
    doc: 'TURN servers that relay where there is no other way: the ways to one host are tried in their order, two hosts are used.',
  }),
  // Ours: the original verifies against the system's authorities.
  turnCafile: property({
    type: nullable(text('file')),
    default: null,
    when: 'ready',
    doc: 'PEM file of further certificate authorities to trust on turns.',
  }),
  turnInsecureTls: property({
    type: boolean(),
    default: false,
    when: 'ready',
    doc: 'Do not verify the certificates of TURN servers.',
  }),
  iceTransportPolicy: property({
    type: choice('all', 'relay'),
    default: 'all',
    when: 'ready',
    doc: 'Which candidates sessions may use: all, or only those of a TURN relay.',
  }),
  // Ours: the original leaves the choice of ports to the system.
  icePortRange: property({
    type: nullable(portRange()),
    default: null,
    when: 'ready',
    doc: 'Local UDP ports that sessions may use; none lets the system choose.',
  }),
  iceUdpMux: property({
    type: uint(0, 65_535),
    default: 0,
    when: 'ready',
    doc: 'One local UDP port for all sessions together, for firewalls and containers; 0 gives each session ports of its own. All sessions are served by the main thread then.',
  }),
  iceHostCandidate: property({
    type: nullable(hosts('local')),
    default: null,
    when: 'ready',
    doc: 'Addresses or names to announce in place of those of this host, where a NAT or the host of a container has them; local among them announces those of this host too.',
  }),
} satisfies Schema;

/**
 * Throws `CERTIFICATE_UNREADABLE` naming the file. `signallingUri`: where peers come from, when known; `offered`: servers that the signalling server has offered, which come before
 * relays that are named, since they were asked for.
 */
export function connectionOptions(
  options: OutputOf<typeof networkProperties>,
  signallingUri: string | undefined,
  offered: readonly IceServer[] = [],
  udpMux?: UdpMux,
): Omit<ConnectionOptions, 'srtpSender' | 'logger'> & { iceServers: readonly IceServer[] } {
  return {
    iceServers: [
      ...(options.stunServer ? [{ urls: options.stunServer.replace('stun://', 'stun:') }] : []),
      ...offered,
      ...(options.turnServers ?? []).map((urls) => ({ urls })),
    ],
    iceTransportPolicy: options.iceTransportPolicy,
    turnTls: {
      insecureTls: options.turnInsecureTls,
      ...(options.turnCafile === null ? {} : { ca: readRoots(options.turnCafile) }),
    },
    ...(options.icePortRange ? { portRange: options.icePortRange } : {}),
    ...(udpMux ? { udpMux } : {}),
    ...(options.iceHostCandidate ? { hostCandidates: options.iceHostCandidate } : {}),
    gatherLoopback: loopbackFor(signallingUri),
  };
}

/** Peers that share our loopback interface can use it; for all others it is a useless candidate. */
function loopbackFor(signallingUri: string | undefined): boolean | 'IPv6' {
  if (signallingUri === undefined) return true;
  const host = new URL(signallingUri).hostname.replace(/^\[|\]$/g, '');
  if (host === '::1') return 'IPv6';
  return host === 'localhost' || (isIP(host) === 4 && host.startsWith('127.'));
}

/** The port that all sessions share, where one is named. Whoever opens it closes it. Rejects with `ADDRESS_IN_USE`. */
export async function openUdpMux(
  { iceUdpMux }: OutputOf<typeof networkProperties>,
  signallingUri: string | undefined,
): Promise<UdpMux | undefined> {
  return iceUdpMux === 0 ? undefined : UdpMux.open(iceUdpMux, loopbackFor(signallingUri));
}
