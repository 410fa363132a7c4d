/**
 * RED (RFC 2198) and ULPFEC (RFC 5109) in an m-line. Neither names the codec it is for, except RED of audio in its fmtp: peers
 * that list one RED for each codec mean what those mean that share one among all. Of several, Chromium takes the first of its
 * answer, and so does this library.
 */
import type { MediaKind } from './codecs.ts';
import type { Format } from './description.ts';

export interface FecFormats {
  readonly red: Format;
  /** Only for video. */
  readonly ulpfec?: Format;
}

/** The RED, and for video the ULPFEC, that `formats` of an m-line have for `codec`; undefined where it takes none. */
export function findFec(kind: MediaKind, formats: readonly Format[], codec: Format): FecFormats | undefined {
  const called = (name: string): Format[] =>
    formats.filter((format) => format.name.toLowerCase() === name && format.clockRate === codec.clockRate);
  if (kind === 'audio') {
    // One packet of what is not compressed, or of many channels, fills a packet: it cannot be sent twice in one.
    if (codec.name.toLowerCase() !== 'opus') return undefined;
    const red = called('red').find((format) => carries(format, codec));
    return red && { red };
  }
  const [red] = called('red');
  const [ulpfec] = called('ulpfec');
  return red && ulpfec && { red, ulpfec };
}

/** Whether the fmtp of an audio RED, `111/111`, allows `codec` in each of its blocks, and at least two of them. */
function carries(red: Format, codec: Format): boolean {
  if (red.channels !== codec.channels) return false;
  const blocks = Object.keys(red.fmtp)[0]?.split('/') ?? [];
  return blocks.length >= 2 && blocks.every((block) => block === String(codec.payloadType));
}
