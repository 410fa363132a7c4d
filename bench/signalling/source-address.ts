/**
 * Where connections come from. Between two addresses and one port there are as many connections as the system has ephemeral
 * ports, 28,232 on Linux; beyond, a client needs further addresses, of which the loopback network has plenty.
 */
const PER_ADDRESS = 20_000;

/** The address for the connection with this index, where it needs one of its own. */
export function sourceAddress(url: string, index: number): { from?: string } {
  const block = Math.floor(index / PER_ADDRESS);
  return block === 0 || !new URL(url).hostname.startsWith('127.') ? {} : { from: `127.0.0.${1 + block}` };
}
