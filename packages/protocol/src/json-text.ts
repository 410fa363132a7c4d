/**
 * What `JSON.parse` lets through and a strict JSON reader does not (RFC 8259 §4 leaves duplicate names, §8.2 lone surrogates
 * and §9 nesting to the implementation). The reference refuses all three, and so must we: a message that we forward has to
 * be readable by the stricter peer at the other end.
 */

/** How deep `meta` may nest. Its carriers add three levels, and the strictest known reader stops at 128. */
export const MAX_META_DEPTH = 64;

/** True when the object in `text` (valid JSON) has the key `key` more than once at its top level. */
export function hasDuplicateTopLevelKey(text: string, key: string): boolean {
  let depth = 0;
  let expectsKey = false;
  let seen = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x22: {
        const end = endOfString(text, at);
        if (expectsKey && depth === 1 && decodeString(text, at, end) === key && ++seen > 1) return true;
        expectsKey = false;
        at = end;
        break;
      }
      case 0x7b: // {
        depth++;
        expectsKey = true;
        break;
      case 0x5b: // [
        depth++;
        expectsKey = false;
        break;
      case 0x7d: // }
      case 0x5d: // ]
        depth--;
        break;
      case 0x2c: // , separates members of an object at depth 1, since only objects are read here
        expectsKey = depth === 1;
        break;
    }
  }
  return false;
}

/** Index of the quote that closes the string opened at `start`. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end > 0 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end < 0 ? text.length : end;
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text.charCodeAt(at - 1 - backslashes) === 0x5c) backslashes++;
  return backslashes % 2 === 1;
}

function decodeString(text: string, start: number, end: number): string {
  const raw = text.slice(start + 1, end);
  return raw.includes('\\') ? (JSON.parse(`"${raw}"`) as string) : raw;
}

// A text frame is valid UTF-8, so a lone surrogate can only come out of an escape.
const SURROGATE_ESCAPE = /\\u[dD][89a-fA-F]/;
const LONE_SURROGATE = /\p{Surrogate}/u;

/** True when a string of `value`, which was parsed from `text`, is not well-formed Unicode. `value` nests no deeper than `depth`. */
export function hasLoneSurrogate(text: string, value: unknown): boolean {
  return SURROGATE_ESCAPE.test(text) && anyString(value, (string) => LONE_SURROGATE.test(string));
}

function anyString(value: unknown, test: (text: string) => boolean): boolean {
  if (typeof value === 'string') return test(value);
  if (typeof value !== 'object' || value === null) return false;
  for (const [key, member] of Object.entries(value)) if (test(key) || anyString(member, test)) return true;
  return false;
}

/** True when arrays and objects of `value` nest deeper than `limit`. */
export function isDeeperThan(value: unknown, limit: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (limit === 0) return true;
  for (const member of Object.values(value)) if (isDeeperThan(member, limit - 1)) return true;
  return false;
}
