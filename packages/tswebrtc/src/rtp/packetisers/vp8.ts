/**
 * VP8 into RTP (RFC 7741 §4): a payload descriptor with 15-bit PictureID, TL0PICIDX and temporal layer before each piece of
 * the frame. PictureID and TL0PICIDX stay blank: they must run continuously per session, so each session patches in its own.
 */
import type { PacketArena } from '../packet-arena.ts';
import type { PacketisedFrame } from '../packetised-frame.ts';
import { TemplateWriter } from '../template.ts';
import { toRtpTimestamp } from '../timestamp.ts';
import type { EncodedFrameInput, Packetiser } from './types.ts';

/** Flags; extension flags; PictureID (2); TL0PICIDX; TID. */
const DESCRIPTOR_LENGTH = 6;
const EXTENDED = 0x80;
const START_OF_PARTITION = 0x10;
/** I, L and T: PictureID, TL0PICIDX and TID are present. No K: a KEYIDX would have to be continuous per session, for nobody. */
const HAS_PICTURE_ID_TL0_TID = 0xe0;
const LONG_PICTURE_ID = 0x80;
/**
 * Y: the frame depends on the base layer alone, as all our upper layers do. Without it a receiver waits for a frame of the same
 * layer that it could build on, and so drops them all.
 */
const LAYER_SYNC = 0x20;
const PICTURE_ID_OFFSET = 2;

export class Vp8Packetiser implements Packetiser {
  readonly clockRate = 90_000;
  readonly #writer: TemplateWriter;

  constructor(writer = new TemplateWriter()) {
    this.#writer = writer;
  }

  packetise(frame: EncodedFrameInput, arena: PacketArena): PacketisedFrame | undefined {
    const { data, temporalLayer } = frame;
    if (data.length === 0 || !this.#writer.begin(arena, data.length)) return undefined;
    const count = Math.ceil(data.length / (this.#writer.maxPayload - DESCRIPTOR_LENGTH));
    const layerByte = ((temporalLayer & 3) << 6) | (temporalLayer > 0 ? LAYER_SYNC : 0);
    const bytes = arena.bytes;
    for (let i = 0, from = 0; i < count; i++) {
      // Pieces of equal size: a small last packet would cost as much to send and would be as likely to be lost.
      const to = Math.floor((data.length * (i + 1)) / count);
      const at = this.#writer.addPacket(DESCRIPTOR_LENGTH + to - from);
      bytes[at] = EXTENDED | (i === 0 ? START_OF_PARTITION : 0);
      bytes[at + 1] = HAS_PICTURE_ID_TL0_TID;
      bytes[at + 2] = LONG_PICTURE_ID;
      bytes[at + 3] = 0;
      bytes[at + 4] = 0;
      bytes[at + 5] = layerByte;
      bytes.set(data.subarray(from, to), at + DESCRIPTOR_LENGTH);
      from = to;
    }
    return this.#writer.end({
      timestamp: toRtpTimestamp(frame.timestamp, this.clockRate),
      captureTime: frame.captureTime,
      // The frame tag says it (RFC 6386 §9.1), whatever the encoder's wrapper claims.
      keyframe: (data[0]! & 1) === 0,
      marker: true,
      pictureIdOffset: PICTURE_ID_OFFSET,
      temporalLayer,
    });
  }
}
