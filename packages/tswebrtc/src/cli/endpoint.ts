/** Whatever opens a port to the world says so. */

import { isLoopback } from '@tswebrtc/signalling-server';

/** The sentence for a server that other machines can reach, or undefined. */
export function openPortNotice(what: string, host: string): string | undefined {
  return isLoopback(host.replace(/^\[|\]$/g, ''))
    ? undefined
    : `Note: ${what} listens on ${host} and can be reached from other machines.`;
}
