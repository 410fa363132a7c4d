/** A packetised frame on its way from one shard's arena into another's: its templates back to back in a buffer of their own. */
import type { PacketArena } from '../../rtp/packet-arena.ts';
import type { PacketisedFrame } from '../../rtp/packetised-frame.ts';

export interface PackedFrame
  extends Pick<
    PacketisedFrame,
    | 'timestamp'
    | 'captureTime'
    | 'keyframe'
    | 'marker'
    | 'pictureIdOffset'
    | 'layerByte'
    | 'temporalLayer'
    | 'lengths'
    | 'size'
    | 'timeCode'
  > {
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Undefined where the arena has given up a part of it. */
export function packFrame(frame: PacketisedFrame, arena: PacketArena): PackedFrame | undefined {
  const { timestamp, captureTime, keyframe, marker, pictureIdOffset, layerByte, temporalLayer, lengths, positions, size } = frame;
  const bytes = new Uint8Array(size);
  for (let i = 0, at = 0; i < positions.length; i++) {
    if (!arena.has(positions[i]!)) return undefined;
    const from = arena.offset(positions[i]!);
    bytes.set(arena.bytes.subarray(from, from + lengths[i]!), at);
    at += lengths[i]!;
  }
  return {
    timestamp,
    captureTime,
    keyframe,
    marker,
    temporalLayer,
    lengths,
    size,
    bytes,
    ...(frame.timeCode ? { timeCode: frame.timeCode } : {}),
    ...(pictureIdOffset === undefined ? {} : { pictureIdOffset }),
    ...(layerByte === undefined ? {} : { layerByte }),
  };
}

export function unpackFrame({ bytes, ...fields }: PackedFrame, arena: PacketArena): PacketisedFrame {
  const { lengths } = fields;
  const positions = new Float64Array(lengths.length);
  for (let i = 0, at = 0; i < lengths.length; i++) {
    const length = lengths[i]!;
    positions[i] = arena.alloc(length);
    arena.bytes.set(bytes.subarray(at, at + length), arena.offset(positions[i]!));
    at += length;
  }
  return { ...fields, count: lengths.length, positions };
}
