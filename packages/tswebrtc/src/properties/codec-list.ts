/**
 * Codec preferences in GStreamer's caps syntax: `video/x-h264,profile=baseline;video/x-vp8`, most wanted first. Of the
 * caps only the media types matter here. The codecs' own names (`H264,VP8`) are taken too.
 */
import { anyOf, type PropertyType } from './property-types.ts';
import { splitOutside } from './structure-text.ts';

/** What a program may write: caps text, codec names, or null for "nothing of this kind". */
export type CodecsInput<Name extends string> = string | readonly Name[] | null;

/** A structure's type and fields, without the types of the fields. */
const piecesOf = (structure: string): string[] =>
  structure.split(',').map((piece) =>
    piece
      .replace(/\(.*?\)/g, '')
      .replace(/\s/g, '')
      .toLowerCase(),
  );

/** `known`: each codec's name and its media type, with the fields that tell it from others of that type. */
export function codecList<Name extends string>(
  known: { readonly [K in Name]: string },
): PropertyType<CodecsInput<Name>, readonly Name[]> {
  const names = Object.keys(known) as Name[];
  const find = (word: unknown): Name | undefined => {
    if (typeof word !== 'string') return undefined;
    const [plain, ...fields] = piecesOf(word);
    const fits = (name: Name): boolean => {
      const [type, ...wanted] = piecesOf(known[name]);
      return type === plain && wanted.every((field) => fields.includes(field));
    };
    // Where one type is of several codecs, the one that more is said of.
    const [best] = names.filter(fits).sort((a, b) => known[b].length - known[a].length);
    return names.find((name) => name.toLowerCase() === plain) ?? best;
  };
  const list = (words: readonly unknown[]): readonly Name[] | undefined => {
    const found = words.map(find);
    return found.includes(undefined) ? undefined : [...new Set(found as Name[])];
  };
  // A piece with `=` in it is a field of the structure before it.
  const structures = (source: string): string[] => {
    const found: string[] = [];
    for (const piece of source.trim() === 'none' ? [] : splitOutside(source, /[;,]/)) {
      if (piece.includes('=') && found.length > 0) found.push(`${found.pop()},${piece}`);
      else if (piece !== '') found.push(piece);
    }
    return found;
  };
  const words = (value: unknown): readonly unknown[] | undefined =>
    value === null ? [] : typeof value === 'string' ? structures(value) : Array.isArray(value) ? value : undefined;
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
