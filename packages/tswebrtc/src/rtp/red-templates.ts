/**
 * Packet templates in RED (RFC 2198): the templates of a frame once more, with block headers before the payload. Made when the
 * first session needs them and kept with the frame, so that all sessions share one copy in the arena. Payload types in the
 * block headers are each session's own and stay blank (`patchRedHeaders`).
 */
import type { PacketArena } from './packet-arena.ts';
import { PacketKind } from './packet-history.ts';
import type { PacketisedFrame } from './packetised-frame.ts';
import {
  BLOCK_LENGTH_LIMIT,
  PRIMARY_HEADER_LENGTH,
  REDUNDANT_HEADER_LENGTH,
  TIMESTAMP_OFFSET_LIMIT,
  writeRedundantHeader,
} from './red.ts';
import type { SendOps } from './send-ops.ts';
import { headerLengthOf } from './template.ts';

/** Where they lie, as in `PacketisedFrame`. */
export interface RedTemplates {
  readonly positions: Float64Array;
  readonly lengths: Uint16Array;
}

/** Room for an earlier packet's header and the primary's. */
const REDUNDANT_HEADERS = REDUNDANT_HEADER_LENGTH + PRIMARY_HEADER_LENGTH;

/** The packets of `frame`, each as the only block of a RED packet. What the arena has given up has a position of -1. */
export function redTemplates(frame: PacketisedFrame, arena: PacketArena): RedTemplates {
  if (frame.red) return frame.red;
  const { count } = frame;
  const positions = new Float64Array(count).fill(-1);
  const lengths = frame.lengths.map((length) => length + PRIMARY_HEADER_LENGTH);
  for (let i = 0; i < count; i++) {
    const position = arena.alloc(lengths[i]!);
    const source = frame.positions[i]!;
    if (!arena.has(source)) continue;
    positions[i] = position;
    const from = arena.offset(source);
    const to = arena.offset(position);
    const { bytes } = arena;
    const headerLength = headerLengthOf(bytes, from);
    bytes.copyWithin(to, from, from + headerLength);
    bytes[to + headerLength] = 0;
    bytes.copyWithin(to + headerLength + PRIMARY_HEADER_LENGTH, from + headerLength, from + frame.lengths[i]!);
  }
  frame.red = { positions, lengths };
  return frame.red;
}

/**
 * The one packet of `frame` behind the one of `previous`, which may have been lost. Undefined where that cannot be said in RED
 * (a pause between them, a block too long), would make the packet longer than `mtu`, or the bytes are gone.
 */
export function redundantTemplates(
  frame: PacketisedFrame,
  previous: PacketisedFrame,
  arena: PacketArena,
  mtu: number,
): RedTemplates | undefined {
  if (frame.count !== 1 || previous.count !== 1) return undefined;
  const earlier = previous.positions[0]!;
  const made = frame.redundant;
  if (made?.earlier === earlier) return made.templates.lengths[0]! > mtu ? undefined : made.templates;
  const source = frame.positions[0]!;
  if (!arena.has(source) || !arena.has(earlier)) return undefined;
  const { bytes } = arena;
  const headerLength = headerLengthOf(bytes, arena.offset(source));
  const earlierHeaderLength = headerLengthOf(bytes, arena.offset(earlier));
  const offset = (frame.timestamp - previous.timestamp) >>> 0;
  const blockLength = previous.lengths[0]! - earlierHeaderLength;
  const primaryLength = frame.lengths[0]! - headerLength;
  const length = headerLength + REDUNDANT_HEADERS + blockLength + primaryLength;
  if (offset >= TIMESTAMP_OFFSET_LIMIT || blockLength >= BLOCK_LENGTH_LIMIT || length > mtu) return undefined;
  const position = arena.alloc(length);
  if (!arena.has(source) || !arena.has(earlier)) return undefined;
  const to = arena.offset(position);
  const from = arena.offset(source);
  const block = arena.offset(earlier) + earlierHeaderLength;
  bytes.copyWithin(to, from, from + headerLength);
  let at = writeRedundantHeader(bytes, to + headerLength, 0, offset, blockLength);
  bytes[at] = 0;
  at += PRIMARY_HEADER_LENGTH;
  bytes.copyWithin(at, block, block + blockLength);
  bytes.copyWithin(at + blockLength, from + headerLength, from + headerLength + primaryLength);
  const templates = { positions: Float64Array.of(position), lengths: Uint16Array.of(length) };
  frame.redundant = { earlier, templates };
  return templates;
}

/** Patches the media's payload type into the block headers of a packet of `kind`, which begin at `offset`. */
export function patchRedHeaders(ops: SendOps, kind: number, offset: number, payloadType: number): void {
  if (kind === PacketKind.RED) ops.patch(offset, 1, payloadType);
  else if (kind === PacketKind.REDUNDANT) {
    ops.patch(offset, 1, 0x80 | payloadType);
    ops.patch(offset + REDUNDANT_HEADER_LENGTH, 1, payloadType);
  }
}
