/**
 * One encoded frame as RTP packet templates in a `PacketArena`: made once, sent by any number of sessions, each of which
 * patches in its own sequence number, SSRC, payload type, timestamp offset, header extensions and picture ids.
 */
import type { FrameTimeCode } from '../common/time-code.ts';
import type { RedTemplates } from './red-templates.ts';

export interface PacketisedFrame {
  /** RTP timestamp in units of the clock rate, before the session's random offset. */
  readonly timestamp: number;
  /** Capture time, ms since the Unix epoch, with fraction. */
  readonly captureTime: number;
  readonly keyframe: boolean;
  /** Number of packets; `positions[i]` and `lengths[i]` name packet i in the arena. Only the last carries the marker bit. */
  readonly count: number;
  readonly positions: Float64Array;
  readonly lengths: Uint16Array;
  /** Sum of the packets' sizes, RTP headers included, in bytes. */
  readonly size: number;
  /** For audio: marker bit on the first packet of a talk spurt (RFC 3551 §4.1); for video: true, the last packet is marked. */
  readonly marker: boolean;
  /**
   * For VP8 and VP9: offset in each packet's payload of the two bytes of PictureID, which the byte of TL0PICIDX follows (RFC 7741 §4.2), in
   * VP9 behind `layerByte` (RFC 9628 §4.2).
   */
  readonly pictureIdOffset?: number;
  /** For VP9: the byte that tells the frame's layers, as it stands in each packet. */
  readonly layerByte?: number;
  /** Temporal layer, 0 = base. */
  readonly temporalLayer: number;
  /** Of a picture, that which its source has. */
  timeCode?: FrameTimeCode | undefined;
  /** The same packets in RED, once a session wanted them so (red-templates.ts). */
  red?: RedTemplates;
  /** For audio: its packet behind the earlier one at the position `earlier`, once a session wanted that. */
  redundant?: { readonly earlier: number; readonly templates: RedTemplates };
}

/**
 * Where the blank extension elements of a template lie. A template leaves room for every extension a session may need; a
 * session that negotiated fewer leaves the room as padding (RFC 8285 §4.2: a zero byte is padding).
 */
export interface TemplateLayout {
  /** RTP header with its extension block but without a capture time, in bytes: the payload starts here. */
  readonly headerLength: number;
  /** Offset of 3 bytes for transport-wide-cc: id and length, then the 16-bit number. */
  readonly transportCcOffset: number;
  /** Offset of 4 bytes for abs-send-time: id and length, then the 24-bit time. */
  readonly absSendTimeOffset: number;
  /** Offset of 9 bytes for abs-capture-time, in templates that have one: id and length, blank, then the 64-bit time. */
  readonly captureTimeOffset: number;
}
