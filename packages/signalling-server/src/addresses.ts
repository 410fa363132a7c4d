/** The addresses of a server in words and URIs. */
import { type AddressInfo, isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';

/** True when only this machine can reach a server that is bound to `address`. */
export function isLoopback(address: string): boolean {
  return address === '::1' || /^(::ffff:)?127\./.test(address) || address === 'localhost';
}

/** The WebSocket URIs of a server bound to `bound`; for the unspecified address, one for each address of the machine. */
export function serverUrls(bound: Pick<AddressInfo, 'address' | 'port'>, isSecure: boolean): string[] {
  const scheme = isSecure ? 'wss' : 'ws';
  return addressesOf(bound.address).map((address) => `${scheme}://${isIPv6(address) ? `[${address}]` : address}:${bound.port}`);
}

function addressesOf(bound: string): string[] {
  if (bound !== '0.0.0.0' && bound !== '::') return [bound];
  const found = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    // Link-local addresses need a zone, which URIs of WebSockets cannot have.
    .filter(({ family, internal, scopeid }) => !internal && (family === 'IPv4' || (bound === '::' && !scopeid)))
    .map(({ address }) => address);
  return ['127.0.0.1', ...found];
}
