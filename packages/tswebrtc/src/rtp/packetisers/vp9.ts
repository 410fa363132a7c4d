/**
 * VP9 into RTP (RFC 9628 §4), non-flexible mode: a payload descriptor with 15-bit PictureID, layer and TL0PICIDX before each piece
 * of the frame, and with a keyframe the scalability structure, without which browsers take no keyframe. PictureID and TL0PICIDX
 * stay blank: they must run continuously per session, so each session patches in its own.
 */
import { readVp9Keyframe } from '../keyframes/vpx.ts';
import type { PacketArena } from '../packet-arena.ts';
import type { PacketisedFrame } from '../packetised-frame.ts';
import { TemplateWriter } from '../template.ts';
import { toRtpTimestamp } from '../timestamp.ts';
import type { EncodedFrameInput, Packetiser } from './types.ts';

/** Flags; PictureID (2); layers; TL0PICIDX. */
const DESCRIPTOR_LENGTH = 5;
/** I and L: PictureID and layer indices are present. */
const HAS_PICTURE_ID_AND_LAYERS = 0xa0;
const INTER_PREDICTED = 0x40;
const START_OF_FRAME = 0x08;
const END_OF_FRAME = 0x04;
const HAS_STRUCTURE = 0x02;
const LONG_PICTURE_ID = 0x80;
/** U: whoever was not sent the upper layer can take it up behind this frame, as nothing is predicted from an upper layer of ours. */
const SWITCHING_UP_POINT = 0x10;
/** N_S = 0, Y and G: the size of the one spatial layer, then the pictures. */
const STRUCTURE_FLAGS = 0x18;
/**
 * One picture in the group, built on the one before it (R = 1, P_DIFF = 1). True of two temporal layers too, in that nothing else is
 * needed: PictureIDs have no gaps where a session leaves out upper layers, so a longer pattern would be wrong from there on.
 */
const PICTURE_GROUP = [1, 0x04, 1] as const;
const STRUCTURE_LENGTH = 1 + 4 + PICTURE_GROUP.length;
const PICTURE_ID_OFFSET = 1;

export class Vp9Packetiser implements Packetiser {
  readonly clockRate = 90_000;
  readonly #writer: TemplateWriter;

  constructor(writer = new TemplateWriter()) {
    this.#writer = writer;
  }

  packetise(frame: EncodedFrameInput, arena: PacketArena): PacketisedFrame | undefined {
    const { data, temporalLayer } = frame;
    if (data.length === 0 || !this.#writer.begin(arena, data.length)) return undefined;
    const keyframe = readVp9Keyframe(data);
    const structure = keyframe ? STRUCTURE_LENGTH : 0;
    const total = structure + data.length;
    const count = Math.ceil(total / (this.#writer.maxPayload - DESCRIPTOR_LENGTH));
    const layerByte = ((temporalLayer & 7) << 5) | SWITCHING_UP_POINT;
    const bytes = arena.bytes;
    for (let i = 0, from = 0; i < count; i++) {
      const first = i === 0;
      // Pieces of equal size, the structure being a part of the first.
      const to = Math.max(Math.floor((total * (i + 1)) / count) - structure, 0);
      const head = DESCRIPTOR_LENGTH + (first ? structure : 0);
      const at = this.#writer.addPacket(head + to - from);
      bytes[at] =
        HAS_PICTURE_ID_AND_LAYERS |
        (keyframe ? 0 : INTER_PREDICTED) |
        (first ? START_OF_FRAME : 0) |
        (i === count - 1 ? END_OF_FRAME : 0) |
        (first && keyframe ? HAS_STRUCTURE : 0);
      bytes[at + 1] = LONG_PICTURE_ID;
      bytes[at + 2] = 0;
      bytes[at + 3] = layerByte;
      bytes[at + 4] = 0;
      if (first && keyframe) writeStructure(bytes, at + DESCRIPTOR_LENGTH, keyframe.width, keyframe.height);
      bytes.set(data.subarray(from, to), at + head);
      from = to;
    }
    return this.#writer.end({
      timestamp: toRtpTimestamp(frame.timestamp, this.clockRate),
      captureTime: frame.captureTime,
      keyframe: keyframe !== undefined,
      marker: true,
      pictureIdOffset: PICTURE_ID_OFFSET,
      layerByte,
      temporalLayer,
    });
  }
}

function writeStructure(bytes: Uint8Array, at: number, width: number, height: number): void {
  bytes[at] = STRUCTURE_FLAGS;
  bytes[at + 1] = width >> 8;
  bytes[at + 2] = width;
  bytes[at + 3] = height >> 8;
  bytes[at + 4] = height;
  bytes.set(PICTURE_GROUP, at + 5);
}
