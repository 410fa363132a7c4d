/**
 * Transport-wide congestion control feedback: bodies behind the RTCP header (draft-holmer-rmcat-transport-wide-cc-
 * extensions-01 §3.1). Arrival times come out in one typed array, since this is read many times a second for every viewer.
 */
import { type ByteWriter, readUint16, readUint32 } from './bytes.ts';
import type { TransportFeedback } from './types.ts';

/** In `TransportFeedback.arrivals`: the packet did not arrive. No arrival can have this value. */
export const NOT_RECEIVED = -0x80000000;

/** Units of `TransportFeedback.arrivals` in a ms. */
export const ARRIVAL_TICKS_PER_MS = 4;

/** Units of `TransportFeedback.referenceTime` in ms. */
export const REFERENCE_TIME_UNIT_MS = 64;

/** Half the number circle: beyond it a 16-bit number says no more which packet is meant. Bounds what a small packet can cost. */
const MOST_PACKETS = 0x8000;

const SMALL_DELTA = 1;
const LARGE_DELTA = 2;
const ONE_BIT_SYMBOLS = 14;
const TWO_BIT_SYMBOLS = 7;
const LONGEST_RUN = 0x1fff;

export function readTransportFeedback(body: Uint8Array): TransportFeedback | undefined {
  const end = body.length;
  if (end < 16) return undefined;
  const count = readUint16(body, 10);
  if (count === 0 || count > MOST_PACKETS) return undefined;
  const arrivals = new Int32Array(count);
  const deltas = readSymbols(body, arrivals);
  if (deltas < 0) return undefined;
  let at = deltas;
  let time = 0;
  for (let i = 0; i < count; i++) {
    const symbol = arrivals[i]!;
    if (symbol === SMALL_DELTA) {
      if (at >= end) return undefined;
      time += body[at]!;
      at++;
    } else if (symbol === LARGE_DELTA) {
      if (at + 2 > end) return undefined;
      time += (readUint16(body, at) << 16) >> 16;
      at += 2;
    } else {
      arrivals[i] = NOT_RECEIVED;
      continue;
    }
    arrivals[i] = time;
  }
  return {
    type: 'transport-cc',
    senderSsrc: readUint32(body, 0),
    mediaSsrc: readUint32(body, 4),
    baseSequenceNumber: readUint16(body, 8),
    referenceTime: ((body[12]! << 24) >> 8) | (body[13]! << 8) | body[14]!,
    feedbackPacketCount: body[15]!,
    arrivals,
  };
}

/** Fills `symbols` from the status chunks; returns the offset of the deltas, -1 where the chunks are cut off. */
function readSymbols(body: Uint8Array, symbols: Int32Array): number {
  const count = symbols.length;
  let at = 16;
  for (let i = 0; i < count; at += 2) {
    if (at + 2 > body.length) return -1;
    const chunk = readUint16(body, at);
    if (chunk < 0x8000) {
      const to = Math.min(count, i + (chunk & LONGEST_RUN));
      // A run of no packets makes no progress; the length of the body still bounds the loop.
      symbols.fill(chunk >> 13, i, to);
      i = to;
    } else if (chunk & 0x4000) {
      for (let shift = 12; shift >= 0 && i < count; shift -= 2) symbols[i++] = (chunk >> shift) & 3;
    } else {
      for (let shift = 13; shift >= 0 && i < count; shift--) symbols[i++] = (chunk >> shift) & 1;
    }
  }
  return at;
}

/**
 * Throws a `RangeError` where two arrivals lie further apart than 16 bits of 250 µs (8.2 s) or there are none: start another
 * message then.
 */
export function writeTransportFeedback(out: ByteWriter, feedback: TransportFeedback): void {
  const { arrivals } = feedback;
  const count = arrivals.length;
  if (count === 0 || count > MOST_PACKETS)
    throw new RangeError(`transport feedback covers 1 to ${MOST_PACKETS} packets, not ${count}`);
  const symbols = new Uint8Array(count);
  let time = 0;
  for (let i = 0; i < count; i++) {
    const arrival = arrivals[i]!;
    if (arrival === NOT_RECEIVED) continue;
    const delta = arrival - time;
    if (delta < -0x8000 || delta > 0x7fff)
      throw new RangeError(`an arrival ${delta} × 250 µs after the last does not fit 16 bits`);
    symbols[i] = delta >= 0 && delta <= 0xff ? SMALL_DELTA : LARGE_DELTA;
    time = arrival;
  }
  out.uint32(feedback.senderSsrc);
  out.uint32(feedback.mediaSsrc);
  out.uint16(feedback.baseSequenceNumber);
  out.uint16(count);
  out.uint24(feedback.referenceTime);
  out.uint8(feedback.feedbackPacketCount);
  writeSymbols(out, symbols);
  time = 0;
  for (let i = 0; i < count; i++) {
    if (symbols[i] === 0) continue;
    const delta = arrivals[i]! - time;
    if (symbols[i] === SMALL_DELTA) out.uint8(delta);
    else out.uint16(delta);
    time = arrivals[i]!;
  }
}

function writeSymbols(out: ByteWriter, symbols: Uint8Array): void {
  const count = symbols.length;
  for (let i = 0; i < count; ) {
    const symbol = symbols[i]!;
    let run = 1;
    while (i + run < count && run < LONGEST_RUN && symbols[i + run] === symbol) run++;
    // A run is the shorter form as soon as it covers what a vector of its symbols would, or all that is left.
    const vector = symbol === LARGE_DELTA ? TWO_BIT_SYMBOLS : ONE_BIT_SYMBOLS;
    if (run >= vector || i + run === count) {
      out.uint16((symbol << 13) | run);
      i += run;
      continue;
    }
    const oneBit = !symbols.subarray(i, i + ONE_BIT_SYMBOLS).includes(LARGE_DELTA);
    let chunk = oneBit ? 0x8000 : 0xc000;
    const length = oneBit ? ONE_BIT_SYMBOLS : TWO_BIT_SYMBOLS;
    for (let k = 0; k < length; k++) {
      const value = symbols[i + k] ?? 0;
      chunk |= oneBit ? value << (13 - k) : value << (12 - 2 * k);
    }
    out.uint16(chunk);
    i += length;
  }
}
