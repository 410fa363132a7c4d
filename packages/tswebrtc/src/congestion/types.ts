/**
 * What congestion control takes in and gives out, in shapes of its own: it knows neither packets' bytes nor sockets, and
 * whoever feeds it translates (transport-wide feedback, RFC 8888 reports, REMB, receiver reports).
 *
 * Units everywhere: bit/s for rates, bytes for sizes, ms for times. Times come in as arguments, on any monotonic clock.
 */

/** What the one-way delay says of the path: a queue grows (`overuse`), drains (`underuse`), or neither. */
export type NetworkState = 'normal' | 'overuse' | 'underuse';

/** In `ArrivalFeedback.arrivals`: this packet did not arrive. */
export const NOT_RECEIVED = -0x80000000;

/**
 * Which packets arrived when, for consecutive transport-wide sequence numbers
 * (draft-holmer-rmcat-transport-wide-cc-extensions-01 §3.1). A report of RFC 8888 becomes one by mapping each SSRC's RTP
 * sequence numbers to the transport-wide numbers that the sender counted for itself.
 */
export interface ArrivalFeedback {
  /** Transport-wide sequence number of the first packet, 16 bit. */
  readonly baseSequence: number;
  /** One entry a packet: arrival in units of 250 µs after `referenceTime`, or `NOT_RECEIVED`. */
  readonly arrivals: Int32Array;
  /** Receiver's clock in units of 64 ms, 24 bit, may wrap. */
  readonly referenceTime: number;
}

/** The bounds that the application sets, bit/s. */
export interface BitrateLimits {
  readonly min: number;
  readonly max: number;
  /** Sets the estimate anew where given, as at the start. */
  readonly start?: number;
}

/** What may be sent now. One object a controller, updated in place. */
export interface Target {
  /** For all media together, headers included, bit/s. */
  bitrate: number;
  /** How fast packets may leave, bit/s; above `bitrate` so that a large frame does not wait. */
  pacingRate: number;
  /** Padding to be sent where media falls short of it, bit/s. */
  paddingRate: number;
  /** A figure that does not follow short swings, for decisions that are costly to undo (resolution, layers), bit/s. */
  stableBitrate: number;
  /** Part of the packets lost lately, 0..1. */
  lossFraction: number;
  /** ms; undefined until known. */
  rtt: number | undefined;
  state: NetworkState;
  /** The media does not use what it may: the estimate cannot be tested by it. */
  applicationLimited: boolean;
}

/** A short train of packets at `bitrate` that measures whether the path carries so much. */
export interface ProbeCluster {
  /** Greater than 0, never given twice by one controller; to be passed to `packetSent` with each packet of the train. */
  readonly clusterId: number;
  /** bit/s. */
  readonly bitrate: number;
  /** The train is complete when it has both. */
  readonly minBytes: number;
  readonly minPackets: number;
}

/** The one interface of all modes of `congestion-control` (reference section 2.8). */
export interface CongestionControl {
  /** A packet with a transport-wide sequence number (16 bit) left; `size` in bytes as it counts on the path. */
  packetSent(sequenceNumber: number, size: number, now: number, probeClusterId?: number): void;
  /** The receiver reported arrivals. Unknown, repeated and reordered numbers are harmless. */
  feedback(feedback: ArrivalFeedback, now: number): void;
  /** A round-trip time measured from receiver reports (RFC 3550 §6.4.1), ms. */
  roundTripTime(ms: number, now: number): void;
  /** The receiver's own estimate (draft-alvestrand-rmcat-remb-03), bit/s: never exceeded. */
  remb(bitrate: number, now: number): void;
  /** A receiver report: the part lost (0..1) of `packets`; steers only while there is no transport-wide feedback. */
  lossReport(fraction: number, packets: number, now: number): void;
  setLimits(limits: BitrateLimits, now: number): void;
  /** The most that the media can use at present, bit/s: nobody probes for more than twice as much. */
  setAllocated(bitrate: number, now: number): void;
  /** Lets time pass. Returns when to be called next (same clock), or undefined when never. */
  process(now: number): number | undefined;
  /** The next probe to be sent, if one is due. Each is given once. */
  takeProbe(now: number): ProbeCluster | undefined;
  readonly target: Readonly<Target>;
}
