/** Keyframes of AV1: the sequence header (AV1 specification §5.5, §6.4), which each comes with in a stream over RTP. */
import { BitReader } from './bit-reader.ts';
import type { Keyframe } from './keyframe.ts';

const SEQUENCE_HEADER = 1;

/** `data`: a temporal unit in the low-overhead format (§5.2). */
export function readAv1Keyframe(data: Uint8Array): Keyframe | undefined {
  for (let at = 0; at < data.length; ) {
    const header = data[at]!;
    let payload = at + ((header & 0x04) === 0 ? 1 : 2);
    let size = data.length - payload;
    if ((header & 0x02) !== 0) {
      size = 0;
      for (let shift = 0; ; shift += 7) {
        const byte = data[payload++];
        if (byte === undefined || shift > 28) return undefined;
        size += (byte & 0x7f) * 2 ** shift;
        if (byte < 0x80) break;
      }
    }
    const end = payload + size;
    if (((header >> 3) & 0x0f) === SEQUENCE_HEADER) return readSequenceHeader(data.subarray(payload, end), data.slice(at, end));
    at = end;
  }
  return undefined;
}

function readSequenceHeader(payload: Uint8Array, configuration: Uint8Array): Keyframe | undefined {
  const reader = new BitReader(payload);
  // seq_profile, still_picture
  reader.skip(3 + 1);
  const reduced = reader.flag();
  if (reduced) reader.skip(5);
  else skipOperatingPoints(reader);
  const widthBits = reader.bits(4) + 1;
  const heightBits = reader.bits(4) + 1;
  const width = reader.bits(widthBits) + 1;
  const height = reader.bits(heightBits) + 1;
  return reader.exhausted ? undefined : { width, height, configuration };
}

function skipOperatingPoints(reader: BitReader): void {
  let delayBits = 0;
  if (reader.flag()) {
    // num_units_in_display_tick, time_scale; equal_picture_interval, num_ticks_per_picture_minus_1
    reader.skip(32 + 32);
    if (reader.flag()) reader.exponential();
    if (reader.flag()) {
      delayBits = reader.bits(5) + 1;
      reader.skip(32 + 5 + 5);
    }
  }
  const displayDelays = reader.flag();
  const points = reader.bits(5) + 1;
  for (let i = 0; i < points; i++) {
    reader.skip(12);
    if (reader.bits(5) > 7) reader.skip(1);
    if (delayBits > 0 && reader.flag()) reader.skip(2 * delayBits + 1);
    if (displayDelays && reader.flag()) reader.skip(4);
  }
}
