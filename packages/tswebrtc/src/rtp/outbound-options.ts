/** What an outgoing stream is made with: what offer and answer agreed on, where its numbers begin, how much it keeps. */
import type { StreamName } from './stream-names.ts';

export interface OutboundStreamOptions {
  readonly ssrc: number;
  readonly payloadType: number;
  /** Hz. */
  readonly clockRate: number;
  /** With `rtxPayloadType`: lost packets are sent again as RFC 4588 says; without: they are sent again as they were. */
  readonly rtxSsrc?: number;
  readonly rtxPayloadType?: number;
  /** RED: with `ulpfecPayloadType` for protected video, without for redundant audio. */
  readonly redPayloadType?: number;
  readonly ulpfecPayloadType?: number;
  /** RTX of RED; without, what was in RED is sent again as `rtxPayloadType` says, out of its RED. */
  readonly redRtxPayloadType?: number;
  /** Ids under which the session negotiated each extension; 1..14, others cannot be sent and are taken as not negotiated. */
  readonly extensions: {
    readonly transportCc?: number;
    readonly absSendTime?: number;
    readonly playoutDelay?: number;
    readonly absCaptureTime?: number;
    /** RFC 6051 §3.3: the same time in the same place, so it is not sent where that was negotiated too. */
    readonly ntp64?: number;
  };
  /**
   * What the receiver is told under `extensions.playoutDelay`: how long to wait before it shows a frame, at least and at most, ms.
   * It takes the place of abs-send-time, so it is not sent where that was negotiated too.
   */
  readonly playoutDelay?: readonly [min: number, max: number];
  /**
   * What packets are named until the peer reports on the stream, and retransmissions always: instead of the send time or the
   * playout delay. Default: nothing.
   */
  readonly names?: { readonly media: readonly StreamName[]; readonly retransmissions: readonly StreamName[] } | undefined;
  /** Whether the peer reports as RFC 8888 says, so that `transportSequenceNumberOf` must know. Default false. */
  readonly congestionControlFeedback?: boolean;
  /** Largest packet that redundancy may make, bytes. Default 1200. */
  readonly mtu?: number;
  /** 16-bit, random (RFC 3550 §5.1). Below 2^15 a loss right at the start cannot be mistaken for a wrap (RFC 3711 §3.3.1). */
  readonly initialSequenceNumber: number;
  readonly initialRtxSequenceNumber: number;
  /** 32-bit, random, added to every timestamp. */
  readonly timestampOffset: number;
  /** Instead: timestamps count from here, ms since the Unix epoch (RFC 7273 §5.2). */
  readonly timestampEpoch?: number;
  /** 15-bit, random. */
  readonly initialPictureId: number;
  /** How long a sent packet can be asked for again, ms. Default 1000. */
  readonly historyDuration?: number;
  /** How many packets are kept at most. A power of two up to 32768. Default 1024. */
  readonly historySize?: number;
  /** How many bytes of packets are kept at most. Default 2 MiB. */
  readonly historyBytes?: number;
  /** Most that retransmissions may take of the bytes sent, per cent; -1, the default, sets no bound. */
  readonly retransmissionPercentage?: number;
}
