/** Whom a connectivity check asks, without reading the rest of it. */

const STUN_HEADER = 20;
const USERNAME = 0x0006;

/** What stands before the colon of USERNAME: the fragment of who is asked (RFC 8445 §7.2.2). */
export function usernameFragmentOf(check: Buffer): string | undefined {
  for (let at = STUN_HEADER; at + 4 <= check.length; ) {
    const length = check.readUInt16BE(at + 2);
    if (check.readUInt16BE(at) === USERNAME) {
      const colon = check.indexOf(0x3a, at + 4);
      return colon < 0 || colon > at + 4 + length ? undefined : check.toString('latin1', at + 4, colon);
    }
    at += 4 + length + (-length & 3);
  }
  return undefined;
}
