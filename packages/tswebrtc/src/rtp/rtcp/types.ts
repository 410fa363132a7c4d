/** The RTCP packets we read and write, as one union: `parseRtcp` gives them, `writeRtcp` takes them. */
import type { NtpTime } from '../ntp.ts';

/** What a receiver says of one of our streams (RFC 3550 §6.4.1). */
export interface ReportBlock {
  /** The stream reported on. */
  readonly ssrc: number;
  /** 0..1 since the last report, in steps of 1/256. */
  readonly fractionLost: number;
  /** Since the start; negative where duplicates arrived. 24 bits. */
  readonly packetsLost: number;
  /** Highest sequence number received: cycles << 16 | number. */
  readonly highestSequenceNumber: number;
  /** Units of the stream's clock rate. */
  readonly jitter: number;
  /** Middle 32 bits of the NTP time of the last sender report seen; 0 = none. */
  readonly lastSenderReport: number;
  /** Since that sender report arrived, units of 2^-16 s. */
  readonly delaySinceLastSenderReport: number;
}

/** RFC 3550 §6.4.1. */
export interface SenderReport {
  readonly type: 'sr';
  readonly ssrc: number;
  readonly ntpTime: NtpTime;
  /** The same moment as `ntpTime` on the stream's RTP clock. */
  readonly rtpTimestamp: number;
  readonly packetCount: number;
  /** Payload bytes, headers and padding excluded. */
  readonly octetCount: number;
  readonly reports: readonly ReportBlock[];
}

/** RFC 3550 §6.4.2. */
export interface ReceiverReport {
  readonly type: 'rr';
  readonly ssrc: number;
  readonly reports: readonly ReportBlock[];
}

/** RFC 3611, in part: what measures the round-trip time of a receiver. */
export interface ExtendedReport {
  readonly type: 'xr';
  readonly ssrc: number;
  /** When it was sent, by the sender's clock. */
  readonly referenceTime?: NtpTime;
  /** For those whose reference times came: which it was (compact), and how long ago, in units of 2^-16 s. */
  readonly delays: readonly { readonly ssrc: number; readonly lastReference: number; readonly delay: number }[];
}

/** RFC 3550 §6.5; only the CNAME is kept. */
export interface SourceDescription {
  readonly type: 'sdes';
  readonly chunks: readonly { readonly ssrc: number; readonly cname: string | undefined }[];
}

/** RFC 3550 §6.6. */
export interface Goodbye {
  readonly type: 'bye';
  readonly ssrcs: readonly number[];
  readonly reason?: string;
}

/** Who sends a feedback message, and on which stream (RFC 4585 §6.1). */
interface Feedback {
  readonly senderSsrc: number;
  readonly mediaSsrc: number;
}

/** Generic NACK (RFC 4585 §6.2.1). */
export interface Nack extends Feedback {
  readonly type: 'nack';
  /** In the order of the message. */
  readonly sequenceNumbers: readonly number[];
}

/** Picture loss indication (RFC 4585 §6.3.1). */
export interface PictureLossIndication extends Feedback {
  readonly type: 'pli';
}

/** Full intra request (RFC 5104 §4.3.1). */
export interface FullIntraRequest {
  readonly type: 'fir';
  readonly senderSsrc: number;
  /** A repeated command number means a repeated message, not a new request. */
  readonly requests: readonly { readonly ssrc: number; readonly commandSequenceNumber: number }[];
}

/** Transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1). */
export interface TransportFeedback extends Feedback {
  readonly type: 'transport-cc';
  /** Transport sequence number of the first packet reported on. */
  readonly baseSequenceNumber: number;
  /** The receiver's clock at the start of this report, units of 64 ms, signed 24 bits: it wraps. */
  readonly referenceTime: number;
  /** 8 bits, one more with each message. */
  readonly feedbackPacketCount: number;
  /**
   * Packet `baseSequenceNumber + i` arrived `arrivals[i]` × 250 µs after the reference time, or not at all: `NOT_RECEIVED`.
   */
  readonly arrivals: Int32Array;
}

/** Congestion control feedback (RFC 8888 §3.1): what arrived when, stream by stream, by RTP sequence numbers. */
export interface CongestionControlFeedback {
  readonly type: 'ccfb';
  readonly senderSsrc: number;
  readonly reports: readonly {
    readonly ssrc: number;
    /** RTP sequence number of the first metric block. */
    readonly beginSequenceNumber: number;
    /** One a packet: received (bit 15), ECN (bits 14, 13), how long before `reportTimestamp` it arrived (1/1024 s). */
    readonly metrics: Uint16Array;
  }[];
  /** When the report was made: middle 32 bits of an NTP time, of any clock. */
  readonly reportTimestamp: number;
}

/** Receiver estimated maximum bitrate, REMB (draft-alvestrand-rmcat-remb-03 §2.2). */
export interface ReceiverEstimatedMaximumBitrate {
  readonly type: 'remb';
  readonly senderSsrc: number;
  /** For all streams named together, lower layers included, bit/s. */
  readonly bitrate: number;
  readonly ssrcs: readonly number[];
}

export type RtcpPacket =
  | SenderReport
  | ReceiverReport
  | ExtendedReport
  | SourceDescription
  | Goodbye
  | Nack
  | PictureLossIndication
  | FullIntraRequest
  | TransportFeedback
  | CongestionControlFeedback
  | ReceiverEstimatedMaximumBitrate;
