/**
 * How the channels of multi-channel Opus lie in the streams of a packet (RFC 7845 §5.1.1), and how that is said: in the format
 * parameters of libwebrtc's `multiopus`, or in the identification header of a file.
 */

export interface OpusMapping {
  readonly channels: number;
  readonly streams: number;
  /** Streams that carry two channels; they come first. */
  readonly coupled: number;
  /** For each channel, in the order of Vorbis, which decoded one it is. */
  readonly order: readonly number[];
}

/** Streams, coupled streams and order of family 1, by the number of channels (RFC 7845 §5.1.1.2 and libopus). */
const SURROUND: readonly (readonly [streams: number, coupled: number, order: readonly number[]])[] = [
  [1, 0, [0]],
  [1, 1, [0, 1]],
  [2, 1, [0, 2, 1]],
  [2, 2, [0, 1, 2, 3]],
  [3, 2, [0, 4, 1, 2, 3]],
  [4, 2, [0, 4, 1, 2, 3, 5]],
  [4, 3, [0, 4, 1, 2, 3, 5, 6]],
  [5, 3, [0, 6, 1, 2, 3, 4, 5, 7]],
];

/** What an encoder of mapping family 1 makes of 1 to 8 channels. */
export function surroundMapping(channels: number): OpusMapping {
  const [streams, coupled, order] = SURROUND[channels - 1] ?? SURROUND[1]!;
  return { channels: order.length, streams, coupled, order };
}

/** Format parameters of `multiopus`. */
export function opusMappingParameters({ streams, coupled, order }: OpusMapping): Record<string, string> {
  return { channel_mapping: order.join(','), num_streams: String(streams), coupled_streams: String(coupled) };
}

/** What the format parameters of a `multiopus` say, family 1 where they are silent; undefined where they make no sense. */
export function readOpusMapping(channels: number, fmtp: Readonly<Record<string, string>>): OpusMapping | undefined {
  const usual = surroundMapping(channels);
  const number = (name: string, byDefault: number): number => Number(fmtp[name] ?? byDefault);
  const streams = number('num_streams', usual.streams);
  const coupled = number('coupled_streams', usual.coupled);
  const order = fmtp.channel_mapping === undefined ? usual.order : fmtp.channel_mapping.split(',').map(Number);
  const decoded = streams + coupled;
  // 255 is a channel that is silent.
  const sensible = (place: number): boolean => Number.isInteger(place) && place >= 0 && (place < decoded || place === 255);
  if (!(streams >= 1 && coupled >= 0 && coupled <= streams && decoded <= 255 && Number.isInteger(decoded))) return undefined;
  return order.length === channels && order.every(sensible) ? { channels, streams, coupled, order } : undefined;
}

/** Whether two mappings are of the same packets; in which order a decoder gives the channels is its own affair. */
export function sameOpusStreams(a: OpusMapping, b: OpusMapping): boolean {
  return a.streams === b.streams && a.coupled === b.coupled;
}

/** The identification header (RFC 7845 §5.1). Nothing is skipped: the stream was running before. */
export function opusHead({ channels, streams, coupled, order }: OpusMapping): Uint8Array {
  const family = channels > 2 || streams !== 1 ? 1 : 0;
  const head = new Uint8Array(family === 0 ? 19 : 21 + channels);
  head.set(new TextEncoder().encode('OpusHead'));
  head[8] = 1;
  head[9] = channels;
  new DataView(head.buffer).setUint32(12, 48_000, true);
  if (family === 0) return head;
  head.set([family, streams, coupled, ...order], 18);
  return head;
}
