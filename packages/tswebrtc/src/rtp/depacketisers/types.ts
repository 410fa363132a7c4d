/**
 * What a depacketiser is: it tells what an RTP payload says of the frame it is a piece of, and puts a frame together from its
 * payloads. It keeps nothing from frame to frame (but tables that JPEG sends once); order, losses and time are the jitter buffer's.
 */

/** What one payload says of its frame. */
export interface PayloadInfo {
  /** Whether it is the first packet of its frame; undefined where the codec's packets do not say. */
  readonly begins: boolean | undefined;
  /** It is the last packet of its frame though no marker says so: of codecs whose frames are whole payloads. */
  readonly ends?: boolean;
  /** Decoding can begin with this frame. Told by one packet of the frame at least, not by all. */
  readonly keyframe: boolean;
  /** Temporal layer, 0 = base. */
  readonly temporalLayer: number;
  /** Counts frames of the base layer, 8 bits: upper layers carry that of the frame they build on. Undefined where not sent. */
  readonly tl0PictureIndex: number | undefined;
}

/** Pixels. */
export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

export interface Depacketiser {
  /** Undefined for a payload that makes no sense. */
  inspect(payload: Uint8Array): PayloadInfo | undefined;
  /**
   * The frame, from all of its payloads in order; undefined where they make no sense together. H.264 and H.265 in the byte
   * stream format with start codes, AV1 as OBUs with sizes, without temporal delimiter.
   */
  assemble(payloads: readonly Uint8Array[]): Uint8Array | undefined;
}

/** All of `parts`, one behind the other. */
export function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
