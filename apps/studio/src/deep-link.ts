/**
 * The streams to play, in the fragment of the address: `#door` or `#door,gate`. Keys are ids or names, percent-encoded, so
 * that a comma in a name is told from the comma between two.
 */

/** The keys in a fragment (with or without `#`). Never throws: what cannot be decoded is taken as it stands. */
export function readDeepLink(fragment: string): string[] {
  const keys = fragment
    .replace(/^#/, '')
    .split(',')
    .map((part) => decode(part).trim());
  return [...new Set(keys.filter((key) => key !== ''))];
}

/** The fragment for these keys, with `#`; empty for none. */
export function writeDeepLink(keys: readonly string[]): string {
  return keys.length === 0 ? '' : `#${keys.map(encodeURIComponent).join(',')}`;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
