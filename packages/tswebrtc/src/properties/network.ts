/** Properties that producers and consumers share because they are those of their connections, and what follows from them. */
import { isIP } from 'node:net';
import { readRoots } from '../common/tls-options.ts';
import { TcpMux } from '../connection/transport/ice-tcp/tcp-mux.ts';
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
  // The original's ports over TCP differ each time, which no firewall lets through.
  iceTcpPort: property({
    type: uint(0, 65_535),
    default: 0,
    when: 'ready',
    doc: 'One local TCP port for all sessions together, to which peers connect where UDP does not get through; 0 has none. It is open on all addresses. All sessions are served by the main thread then.',
  }),
  iceHostCandidate: property({
    type: nullable(hosts('local')),
    default: null,
    when: 'ready',
    doc: 'Addresses or names to announce in place of those of this host, where a NAT or the host of a container has them; local among them announces those of this host too.',
  }),
} satisfies Schema;

/**
 * `signallingUri`: where peers come from, when known; `offered`: servers that the signalling server has offered, which come before
 * relays that are named, since they were asked for. Throws `CERTIFICATE_UNREADABLE` naming the file of authorities.
 */
export function connectionOptions(
  options: OutputOf<typeof networkProperties>,
  signallingUri: string | undefined,
  offered: readonly IceServer[] = [],
  shared?: Pick<SharedPorts, 'udpMux' | 'tcpMux'>,
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
    ...(shared?.udpMux ? { udpMux: shared.udpMux } : {}),
    ...(shared?.tcpMux ? { tcpMux: shared.tcpMux } : {}),
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

/** Ports that all sessions share, where such are named. */
export interface SharedPorts {
  readonly udpMux?: UdpMux;
  readonly tcpMux?: TcpMux;
  close(): Promise<void>;
}

/** Whoever opens them closes them. Rejects with `ADDRESS_IN_USE`. */
export async function openSharedPorts(
  { iceUdpMux, iceTcpPort }: OutputOf<typeof networkProperties>,
  signallingUri: string | undefined,
): Promise<SharedPorts> {
  const udpMux = iceUdpMux === 0 ? undefined : await UdpMux.open(iceUdpMux, loopbackFor(signallingUri));
  try {
    const tcpMux = iceTcpPort === 0 ? undefined : await TcpMux.open(iceTcpPort);
    return {
      ...(udpMux ? { udpMux } : {}),
      ...(tcpMux ? { tcpMux } : {}),
      close: async () => {
        await Promise.all([udpMux?.close(), tcpMux?.close()]);
      },
    };
  } catch (error) {
    await udpMux?.close();
    throw error;
  }
}
