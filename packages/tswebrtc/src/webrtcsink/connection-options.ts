/** What the sink's properties mean for the connections of its sessions. */
import { isIP } from 'node:net';
import type { ConnectionOptions } from '../connection/types.ts';
import type { ResolvedSinkOptions } from './properties.ts';

/** `signallingUri`: where consumers come from, when known. */
export function connectionOptions(
  options: ResolvedSinkOptions,
  signallingUri: string | undefined,
): Omit<ConnectionOptions, 'srtpSender' | 'logger'> {
  return {
    iceServers: options.stunServer ? [{ urls: options.stunServer.replace('stun://', 'stun:') }] : [],
    iceTransportPolicy: options.iceTransportPolicy,
    ...(options.icePortRange ? { portRange: options.icePortRange } : {}),
    // Consumers that share our loopback interface can use it; for all others it is a useless candidate.
    gatherLoopback: signallingUri === undefined || isLoopback(new URL(signallingUri).hostname),
  };
}

function isLoopback(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '');
  return host === 'localhost' || (isIP(host) === 4 && host.startsWith('127.')) || host === '::1';
}
