/** Properties that producers and consumers share because they are those of their connections, and what follows from them. */
import { isIP } from 'node:net';
import { readRoots } from '../common/tls-options.ts';
import type { ConnectionOptions, IceServer } from '../connection/types.ts';
import { type OutputOf, property, type Schema } from './property-schema.ts';
import { boolean, choice, nullable, portRange, stunUri, text, turnUris } from './property-types.ts';

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
} satisfies Schema;

/**
 * Throws `CERTIFICATE_UNREADABLE` naming the file. `signallingUri`: where peers come from, when known; `offered`: servers that the signalling server has offered, which come before
 * relays that are named, since they were asked for.
 */
export function connectionOptions(
  options: OutputOf<typeof networkProperties>,
  signallingUri: string | undefined,
  offered: readonly IceServer[] = [],
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
    // Peers that share our loopback interface can use it; for all others it is a useless candidate.
    gatherLoopback: signallingUri === undefined || isLoopback(new URL(signallingUri).hostname),
  };
}

function isLoopback(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '');
  return host === 'localhost' || (isIP(host) === 4 && host.startsWith('127.')) || host === '::1';
}
