/**
 * Codec preferences in GStreamer's caps syntax: `video/x-h264,profile=baseline;video/x-vp8`, most wanted first. Of the
 * caps only the media types matter here. The codecs' own names (`H264,VP8`) are taken too.
 */
import { anyOf, type PropertyType } from './property-types.ts';
import { splitOutside } from './structure-text.ts';

/** What a program may write: caps text, codec names, or null for "nothing of this kind". */
export type CodecsInput<Name extends string> = string | readonly Name[] | null;

/** `known`: each codec's name and its media type. */
export function codecList<Name extends string>(
  known: { readonly [K in Name]: string },
): PropertyType<CodecsInput<Name>, readonly Name[]> {
  const names = Object.keys(known) as Name[];
  const find = (word: unknown): Name | undefined => {
    if (typeof word !== 'string') return undefined;
    const plain = word
      .replace(/\(.*?\)/g, '')
      .trim()
      .toLowerCase();
    return names.find((name) => name.toLowerCase() === plain || known[name] === plain);
  };
  const list = (words: readonly unknown[]): readonly Name[] | undefined => {
    const found = words.map(find);
    return found.includes(undefined) ? undefined : [...new Set(found as Name[])];
  };
  // A piece with `=` in it is a field of the structure before it.
  const pieces = (source: string): string[] =>
    source.trim() === 'none' ? [] : splitOutside(source, /[;,]/).filter((piece) => piece !== '' && !piece.includes('='));
  const words = (value: unknown): readonly unknown[] | undefined =>
    value === null ? [] : typeof value === 'string' ? pieces(value) : Array.isArray(value) ? value : undefined;
  const check = (value: unknown): readonly Name[] | undefined => {
    const given = words(value);
    return given && list(given);
  };
  return {
    label: 'caps',
    expected: `none, or a list, most wanted first, of ${anyOf(names.map((name) => `${known[name]} (${name})`))}`,
    placeholder: 'caps',
    parse: check,
    check,
    blame: (value) => {
      const unknown = words(value)?.find((word) => find(word) === undefined);
      return unknown === undefined ? undefined : `names the codec ${JSON.stringify(unknown)}`;
    },
    format: (value) => (value.length === 0 ? 'none' : value.map((name) => known[name]).join(';')),
  };
}
