/**
 * One incoming RTP stream: takes its packets as they come, those sent again (RFC 4588), in RED or recovered by ULPFEC among
 * them, and gives its frames; says what to ask the sender for, and keeps the books for reports and statistics.
 *
 * Sans-IO: times in ms of any steady clock, always the same one.
 */
import { createDepacketiser } from '../depacketiser.ts';
import { readKeyframe } from '../keyframes/keyframe.ts';
import { fromNtp } from '../ntp.ts';
import { parseRtp, RtpHeader } from '../packet.ts';
import { parseRed } from '../red.ts';
import type { ReportBlock, SenderReport } from '../rtcp/types.ts';
import { SequenceUnwrapper } from '../sequence.ts';
import { UlpfecDecoder } from '../ulpfec-decoder.ts';
import { JitterBuffer, type ReceivedFrame } from './jitter-buffer.ts';
import { LossTracker } from './loss-tracker.ts';
import type { PlayoutBounds } from './playout-delay.ts';
import { Reception, type ReceptionStats } from './reception.ts';
import { SenderClock } from './sender-clock.ts';

/** What a payload type stands for. */
export interface PayloadFormat {
  /** As in the SDP, any case: a codec, `rtx`, `red` or `ulpfec`. */
  readonly name: string;
  /** Hz. */
  readonly clockRate: number;
  /** Of sound, where the rtpmap says it. */
  readonly channels?: number;
  readonly fmtp?: Readonly<Record<string, string>>;
  /** Of `rtx`: the payload type that is sent again. */
  readonly associated?: number;
}

export interface InboundStreamOptions {
  readonly ssrc: number;
  readonly kind: 'audio' | 'video';
  /** By payload type. */
  readonly formats: ReadonlyMap<number, PayloadFormat>;
  /** Whether the sender sends again what it is asked for. */
  readonly nack: boolean;
  readonly bounds: PlayoutBounds;
}

/** A frame with what it is and when it was captured. */
export interface InboundFrame extends ReceivedFrame {
  readonly payloadType: number;
  /** Codec name as in the SDP. */
  readonly codec: string;
  /** Hz: units of `timestamp`. */
  readonly clockRate: number;
  /** Of sound, where the rtpmap says it. */
  readonly channels?: number;
  /** Parameters of the codec in the SDP. */
  readonly fmtp?: Readonly<Record<string, string>>;
  /** By the sender's clock, ms since the Unix epoch; undefined before its first report. */
  readonly captureTime: number | undefined;
}

/** What the sender is to be asked for. */
export interface FeedbackWanted {
  /** Packets to send again, 16-bit sequence numbers. */
  readonly nack: readonly number[];
  readonly keyframe: boolean;
}

const NOTHING_WANTED: FeedbackWanted = { nack: [], keyframe: false };

/** W3C RTCInboundRtpStreamStats, in part. */
export interface InboundStreamStats extends ReceptionStats {
  readonly framesReceived: number;
  readonly keyFramesReceived: number;
  /** Video, pixels: of the last keyframe. */
  readonly frameWidth?: number;
  readonly frameHeight?: number;
  /** Of those that were missing: not what fills probes. */
  readonly retransmittedPacketsReceived: number;
  readonly fecPacketsReceived: number;
  /** Packets that redundancy brought back, ULPFEC or RED. */
  readonly packetsRecovered: number;
  /** Packets that came too late, twice, or made no sense. */
  readonly packetsDiscarded: number;
  /** Packets asked for, each as often as it was. */
  readonly packetsRequested: number;
  readonly nackCount: number;
  readonly pliCount: number;
  /** ms that frames wait so that they come evenly. */
  readonly playoutDelay: number;
  /** Places at which something was lost for good. */
  readonly gaps: number;
}

/** Keyframes are asked for so often at most, ms: one takes its time to be made and to come. */
const KEYFRAME_INTERVAL = 500;
/** A stream that begins with a keyframe is given this time for it, ms. */
const FIRST_KEYFRAME_TIME = 200;
/** Assumed until measured, ms. */
const DEFAULT_RTT = 100;

export class InboundStream {
  readonly ssrc: number;
  readonly #options: InboundStreamOptions;
  readonly #numbers = new SequenceUnwrapper();
  readonly #tracker = new LossTracker();
  readonly #reception: Reception;
  readonly #fec: UlpfecDecoder | undefined;
  readonly #header = new RtpHeader();
  readonly #mediaPayloadTypes = new Set<number>();
  #redPayloadType: number | undefined;
  #ulpfecPayloadType: number | undefined;
  #buffer: JitterBuffer | undefined;
  #payloadType = -1;
  #format: PayloadFormat | undefined;
  #report: SenderReport | undefined;
  #senderClock: SenderClock;
  /** When it was, or is taken to have been. */
  #keyframeAsked = Number.NEGATIVE_INFINITY;
  #keyframeWanted = false;
  #roundTripTime = DEFAULT_RTT;

  #size: { readonly frameWidth: number; readonly frameHeight: number } | undefined;
  #frames = 0;
  #keyframes = 0;
  #retransmitted = 0;
  #fecPackets = 0;
  #recovered = 0;
  #discarded = 0;
  #nacks = 0;
  #plis = 0;

  constructor(options: InboundStreamOptions) {
    this.ssrc = options.ssrc;
    this.#options = options;
    for (const [payloadType, { name }] of options.formats) {
      if (!isHelper(name)) this.#mediaPayloadTypes.add(payloadType);
      else if (name.toLowerCase() === 'red') this.#redPayloadType = payloadType;
      else if (name.toLowerCase() === 'ulpfec') this.#ulpfecPayloadType = payloadType;
    }
    const [media] = this.#mediaPayloadTypes;
    const clockRate = media === undefined ? 90_000 : options.formats.get(media)!.clockRate;
    this.#reception = new Reception(options.ssrc, clockRate);
    this.#senderClock = new SenderClock(clockRate);
    this.#fec = this.#ulpfecPayloadType === undefined ? undefined : new UlpfecDecoder(options.ssrc);
  }

  /** ms, as far as known: requests are repeated by it. */
  set roundTripTime(ms: number) {
    this.#roundTripTime = ms;
  }

  /** Of the media that came last; -1 before any. */
  get payloadType(): number {
    return this.#payloadType;
  }

  /** The application needs a keyframe, though decoding could go on. */
  requestKeyframe(): void {
    this.#keyframeWanted = true;
  }

  /** A packet of this SSRC came; `header` is parsed from it. */
  packet(packet: Uint8Array, header: RtpHeader, arrival: number): void {
    const sequence = this.#arrived(header.sequenceNumber, arrival, true);
    this.#reception.packet(sequence, header.timestamp, header.payloadLength, header.payloadOffset, arrival);
    const payload = packet.subarray(header.payloadOffset, header.payloadOffset + header.payloadLength);
    this.#accept(packet, header, header.payloadType, sequence, payload, arrival);
  }

  /** A packet of its RTX stream came: one of this stream once more, behind its sequence number (RFC 4588 §4). */
  retransmission(packet: Uint8Array, header: RtpHeader, arrival: number): void {
    const associated = this.#options.formats.get(header.payloadType)?.associated;
    // Padding has no payload to speak of.
    if (associated === undefined || header.payloadLength <= 2) return;
    const at = header.payloadOffset;
    const sequenceNumber = (packet[at]! << 8) | packet[at + 1]!;
    // Senders fill their probes with packets that have long been here.
    if (this.#tracker.isSettled(this.#numbers.peek(sequenceNumber))) return;
    this.#retransmitted++;
    const sequence = this.#arrived(sequenceNumber, arrival, false);
    // Its header extensions are its own: to the FEC decoder it is not the packet that was lost.
    this.#accept(undefined, header, associated, sequence, packet.subarray(at + 2, at + header.payloadLength), arrival);
  }

  /** The sender's report on this stream came. */
  senderReport(report: SenderReport, arrival: number): void {
    this.#report = report;
    this.#senderClock.report(report);
    this.#reception.senderReport(report, arrival);
  }

  /** The next frame that is due; undefined where there is none, see `nextTime`. */
  take(now: number): InboundFrame | undefined {
    const frame = this.#buffer?.take(now);
    if (!frame) return undefined;
    const { name: codec, clockRate, channels, fmtp } = this.#format!;
    this.#frames++;
    if (frame.keyframe) {
      this.#keyframes++;
      this.#keyframeWanted = false;
      const { width, height } = readKeyframe(codec, frame.data) ?? {};
      if (width && height) this.#size = { frameWidth: width, frameHeight: height };
    }
    return {
      ...frame,
      payloadType: this.#payloadType,
      codec,
      clockRate,
      ...(channels === undefined ? {} : { channels }),
      ...(fmtp === undefined ? {} : { fmtp }),
      captureTime: this.#senderClock.captureTime(frame.timestamp),
    };
  }

  /** What to ask the sender for now. */
  feedback(now: number): FeedbackWanted {
    const buffer = this.#buffer;
    if (!buffer) return NOTHING_WANTED;
    this.#tracker.forgetBefore(buffer.oldest);
    const missing = this.#options.nack ? this.#tracker.take(now, this.#roundTripTime) : [];
    const keyframe = now >= this.#keyframeDue(buffer);
    // With almost every packet.
    if (missing.length === 0 && !keyframe) return NOTHING_WANTED;
    if (missing.length > 0) this.#nacks++;
    if (keyframe) {
      this.#keyframeAsked = now;
      this.#plis++;
    }
    return { nack: missing.map((sequence) => sequence & 0xffff), keyframe };
  }

  /** When `take` or `feedback` may have something new though no packet comes, ms; infinite when never. */
  get nextTime(): number {
    const buffer = this.#buffer;
    if (!buffer) return Number.POSITIVE_INFINITY;
    const request = this.#options.nack ? this.#tracker.next(this.#roundTripTime) : Number.POSITIVE_INFINITY;
    return Math.min(buffer.nextTime, request, this.#keyframeDue(buffer));
  }

  /** When to ask for a keyframe, ms; infinite where none is wanted. */
  #keyframeDue(buffer: JitterBuffer): number {
    const wanted = this.#options.kind === 'video' && (buffer.needsKeyframe || this.#keyframeWanted);
    return wanted ? this.#keyframeAsked + Math.max(KEYFRAME_INTERVAL, 2 * this.#roundTripTime) : Number.POSITIVE_INFINITY;
  }

  /** The block for the next receiver report; undefined before the first packet. */
  report(now: number): ReportBlock | undefined {
    return this.#reception.report(now);
  }

  /** What the sender last said of the stream; undefined before it said anything. */
  get senderStats(): { packetsSent: number; bytesSent: number; remoteTimestamp: number } | undefined {
    const report = this.#report;
    if (!report) return undefined;
    const { packetCount, octetCount, ntpTime } = report;
    return { packetsSent: packetCount, bytesSent: octetCount, remoteTimestamp: fromNtp(ntpTime) };
  }

  stats(): InboundStreamStats {
    return {
      ...this.#reception.stats,
      framesReceived: this.#frames,
      keyFramesReceived: this.#keyframes,
      ...this.#size,
      retransmittedPacketsReceived: this.#retransmitted,
      fecPacketsReceived: this.#fecPackets,
      packetsRecovered: this.#recovered,
      packetsDiscarded: this.#discarded,
      packetsRequested: this.#tracker.requestedPackets,
      nackCount: this.#nacks,
      pliCount: this.#plis,
      playoutDelay: this.#buffer?.delay ?? 0,
      gaps: this.#buffer?.gaps ?? 0,
    };
  }

  /** Notes a number that is there; returns it unwrapped. */
  #arrived(sequenceNumber: number, arrival: number, original: boolean): number {
    const sequence = this.#numbers.unwrap(sequenceNumber);
    if (!this.#tracker.arrived(sequence, arrival, original)) this.#buffer?.reset();
    return sequence;
  }

  /** `packet`: whole, as it was sent first; undefined where that did not come. */
  #accept(
    packet: Uint8Array | undefined,
    header: RtpHeader,
    payloadType: number,
    sequence: number,
    payload: Uint8Array,
    arrival: number,
  ): void {
    if (payloadType === this.#redPayloadType) this.#acceptRed(packet, header, sequence, payload, arrival);
    else this.#acceptMedia(packet, header, payloadType, sequence, payload, arrival);
  }

  #acceptMedia(
    packet: Uint8Array | undefined,
    header: RtpHeader,
    payloadType: number,
    sequence: number,
    payload: Uint8Array,
    arrival: number,
  ): void {
    const { timestamp, marker } = header;
    // Padding, and what accompanies media (comfort noise, key presses), has a number all the same.
    if (payload.length === 0 || !this.#mediaPayloadTypes.has(payloadType)) this.#buffer?.fill(sequence, timestamp, arrival);
    else if (this.#insert(payloadType, sequence, timestamp, marker, payload, arrival)) {
      this.#protect(packet, header, payloadType, sequence, payload, arrival);
    }
  }

  #acceptRed(packet: Uint8Array | undefined, header: RtpHeader, sequence: number, payload: Uint8Array, arrival: number): void {
    const blocks = parseRed(payload);
    const primary = blocks?.pop();
    if (!blocks || !primary) {
      this.#discarded++;
      return;
    }
    if (primary.payloadType === this.#ulpfecPayloadType) {
      this.#fecPackets++;
      this.#buffer?.fill(sequence, header.timestamp, arrival);
      this.#takeRecovered(this.#fec?.addFec(primary.data) ?? [], arrival);
      return;
    }
    // The blocks before it are the packets before it: what number a block had is not said (RFC 2198).
    for (const [index, { payloadType, timestampOffset, data }] of blocks.entries()) {
      const earlier = sequence - (blocks.length - index);
      if (data.length === 0 || !this.#tracker.has(earlier)) continue;
      this.#tracker.arrived(earlier, arrival, false);
      this.#recovered++;
      this.#insert(payloadType, earlier, (header.timestamp - timestampOffset) >>> 0, false, data, arrival);
    }
    this.#acceptMedia(packet, header, primary.payloadType, sequence, primary.data, arrival);
  }

  /** Gives a media packet to the FEC decoder as it would be without the RED around it. */
  #protect(
    packet: Uint8Array | undefined,
    header: RtpHeader,
    payloadType: number,
    sequence: number,
    payload: Uint8Array,
    arrival: number,
  ): void {
    if (!this.#fec || !packet) return;
    const plain = new Uint8Array(header.payloadOffset + payload.length);
    plain.set(packet.subarray(0, header.payloadOffset));
    plain[0]! &= ~0x20;
    plain[1] = (header.marker ? 0x80 : 0) | payloadType;
    plain[2] = sequence >> 8;
    plain[3] = sequence;
    plain.set(payload, header.payloadOffset);
    this.#takeRecovered(this.#fec.addMedia(plain), arrival);
  }

  #takeRecovered(packets: readonly Uint8Array[], arrival: number): void {
    const header = this.#header;
    for (const packet of packets) {
      if (!parseRtp(packet, header)) continue;
      this.#recovered++;
      const sequence = this.#arrived(header.sequenceNumber, arrival, false);
      const payload = packet.subarray(header.payloadOffset, header.payloadOffset + header.payloadLength);
      this.#insert(header.payloadType, sequence, header.timestamp, header.marker, payload, arrival);
    }
  }

  /** Returns whether the packet is of use. */
  #insert(
    payloadType: number,
    sequence: number,
    timestamp: number,
    marker: boolean,
    payload: Uint8Array,
    arrival: number,
  ): boolean {
    const buffer = this.#bufferFor(payloadType, arrival);
    const taken = buffer?.insert(sequence, timestamp, marker, payload, arrival) ?? false;
    if (!taken) this.#discarded++;
    return taken;
  }

  /** The sender counts by another clock than its first codec's. */
  #countBy(clockRate: number): void {
    this.#reception.clockRate = clockRate;
    this.#senderClock = new SenderClock(clockRate);
    if (this.#report) this.#senderClock.report(this.#report);
  }

  /** The buffer for a payload type; another codec than before begins anew. */
  #bufferFor(payloadType: number, arrival: number): JitterBuffer | undefined {
    if (payloadType === this.#payloadType) return this.#buffer;
    if (!this.#mediaPayloadTypes.has(payloadType)) return undefined;
    const format = this.#options.formats.get(payloadType)!;
    const { nack, bounds } = this.#options;
    this.#keyframeAsked = Math.max(this.#keyframeAsked, arrival + FIRST_KEYFRAME_TIME - KEYFRAME_INTERVAL);
    if (format.clockRate !== this.#reception.clockRate) this.#countBy(format.clockRate);
    this.#payloadType = payloadType;
    this.#format = format;
    this.#buffer = new JitterBuffer({
      depacketiser: createDepacketiser(format.name),
      clockRate: format.clockRate,
      bounds,
      mayCome: (sequence) => this.#tracker.has(sequence),
      repairable: nack,
    });
    return this.#buffer;
  }
}

/** Payload types that carry no codec of their own. */
const isHelper = (name: string): boolean => /^(rtx|red|ulpfec|flexfec(-03)?|telephone-event|cn)$/i.test(name);
