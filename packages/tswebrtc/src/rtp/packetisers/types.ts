/**
 * What a packetiser is: it turns one encoded frame into RTP packet templates, once, for all sessions that will send it. One
 * packetiser per encoding, as some remember parameter sets or the last packet's time.
 */
import type { PacketArena } from '../packet-arena.ts';
import type { PacketisedFrame } from '../packetised-frame.ts';

/** An encoded frame as a packetiser takes it. */
export interface EncodedFrameInput {
  /** Valid during the call only: packetisers copy. */
  readonly data: Uint8Array;
  /** Position on the media timeline, µs. */
  readonly timestamp: number;
  /** ms since the Unix epoch. */
  readonly captureTime: number;
  readonly keyframe: boolean;
  /** 0 = base layer. */
  readonly temporalLayer: number;
  /** µs; 0 when unknown. */
  readonly duration: number;
}

export interface Packetiser {
  /** Hz. */
  readonly clockRate: number;
  /** Writes `frame`'s packets into `arena`; undefined where there is nothing to send in it or it is too large for `arena`. */
  packetise(frame: EncodedFrameInput, arena: PacketArena): PacketisedFrame | undefined;
}
