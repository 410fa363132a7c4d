/** For tests: seeded templates and ops of every shape that tswebrtc makes, and a few it does not. */
import type { PacketArena } from '../../tswebrtc/src/rtp/packet-arena.ts';
import type { SendOps } from '../../tswebrtc/src/rtp/send-ops.ts';

export type Random = () => number;

export const below = (random: Random, limit: number): number => Math.floor(random() * limit);

export interface Template {
  readonly offset: number;
  readonly length: number;
}

/** Templates of 12 to 1400 bytes: with and without CSRCs, extension block and payload. */
export function randomTemplates(random: Random, arena: PacketArena, count: number): Template[] {
  return Array.from({ length: count }, (_, i) => {
    const csrcs = below(random, 4) === 0 ? below(random, 16) : 0;
    const words = below(random, 3) === 0 ? -1 : below(random, 6);
    const header = 12 + 4 * csrcs + (words < 0 ? 0 : 4 + 4 * words);
    // The shortest and the longest for sure.
    const length = i === 0 ? 12 : i === 1 ? 1400 : Math.max(header, 12 + below(random, 1389));
    const bytes = Uint8Array.from({ length }, () => below(random, 256));
    bytes[0] = 0x80 | (i > 1 ? (words < 0 ? 0 : 0x10) | csrcs : 0);
    if (i > 1 && words >= 0) bytes.set([0xbe, 0xde, 0, words], 12 + 4 * csrcs);
    const offset = arena.offset(arena.alloc(length));
    arena.bytes.set(bytes, offset);
    return { offset, length };
  });
}

/** Appends an op with random numbers and up to four patches anywhere behind the fixed header that leave the header's shape. */
export function pushRandom(random: Random, ops: SendOps, lane: number, { offset, length }: Template, index: number): void {
  const rollover = below(random, 3) === 0 ? below(random, 2 ** 32) : below(random, 3);
  ops.push(
    lane,
    offset,
    length,
    below(random, 2 ** 32),
    rollover,
    index & 0xffff,
    random() < 0.5,
    below(random, 128),
    below(random, 2 ** 32),
  );
  for (let i = below(random, 5); i > 0; i--) {
    const size = 1 + below(random, 4);
    // Some reach beyond the packet and are left out; none changes how long the header says it is.
    const from = 16 + 4 * 15 + 4 * 6;
    ops.patch(from + below(random, Math.max(1, length - from + 2)), size, below(random, 2 ** 32));
  }
}
