/** For tests: the packets an SrtpSender would protect and send for a batch of ops. */

import { parseRtp, RtpHeader } from './packet.ts';
import type { PacketArena } from './packet-arena.ts';
import { OP_WORDS, type SendOps } from './send-ops.ts';

export interface RenderedPacket {
  readonly bytes: Uint8Array;
  readonly header: RtpHeader;
  readonly payload: Uint8Array;
  readonly lane: number;
  readonly rolloverCounter: number;
}

/** Op `index` of `ops` as the packet it stands for. */
export function render(arena: PacketArena, ops: SendOps, index: number): RenderedPacket {
  const w = ops.words.subarray(index * OP_WORDS, (index + 1) * OP_WORDS);
  const bytes = arena.bytes.slice(w[1]!, w[1]! + w[2]!);
  const view = new DataView(bytes.buffer);
  view.setUint16(2, w[5]! & 0xffff);
  bytes[1] = ((w[5]! >>> 24) & 0x80) | ((w[5]! >>> 16) & 0x7f);
  view.setUint32(4, w[6]!);
  view.setUint32(8, w[3]!);
  for (let i = 0; i < w[7]!; i++) {
    const offset = w[8 + 2 * i]! >>> 8;
    const length = w[8 + 2 * i]! & 0xff;
    for (let k = 0; k < length; k++) bytes[offset + k] = w[9 + 2 * i]! >>> (8 * (length - 1 - k));
  }
  const header = new RtpHeader();
  if (!parseRtp(bytes, header)) throw new Error('the op is no RTP packet');
  const payload = bytes.subarray(header.payloadOffset, header.payloadOffset + header.payloadLength);
  return { bytes, header, payload, lane: w[0]!, rolloverCounter: w[4]! };
}

/** All of `ops`, which is then empty. */
export function renderAll(arena: PacketArena, ops: SendOps): RenderedPacket[] {
  const packets = Array.from({ length: ops.count }, (_, i) => render(arena, ops, i));
  ops.clear();
  return packets;
}

/** A small seeded generator (mulberry32): numbers in [0, 1). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** `length` seeded random bytes. */
export function randomBytes(next: () => number, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => next() * 256);
}
