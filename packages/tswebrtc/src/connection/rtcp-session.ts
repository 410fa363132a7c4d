/**
 * RTCP of a connection as a sender (RFC 3550 §6, RFC 4585): a report and CNAME for each stream every second, the first as soon
 * as the stream began so that the receiver can synchronise at once; the peer's feedback to the sender it concerns; goodbye.
 */
import { compactNtp } from '../rtp/ntp.ts';
import type { OutboundStream } from '../rtp/outbound-stream.ts';
import { parseRtcp, writeRtcp } from '../rtp/rtcp/rtcp.ts';
import type {
  CongestionControlFeedback,
  ExtendedReport,
  ReportBlock,
  RtcpPacket,
  SenderReport,
  TransportFeedback,
} from '../rtp/rtcp/types.ts';
import { sequenceDelta } from '../rtp/sequence.ts';
import { CcfbTranslator } from './ccfb-translation.ts';
import type { RtpSender } from './rtp-sender.ts';

/** ms between two sender reports of a stream. */
const REPORT_INTERVAL = 1000;
/** ms between looks for a stream that has just begun. */
const FIRST_REPORT_POLL = 50;
/** Sender reports in one compound packet: each has 28 bytes and an SDES chunk, together under an MTU. */
const REPORTS_PER_COMPOUND = 8;
/** Receivers behind one peer whose reference times are kept: it has one, a relay may have some. */
const MOST_REFERENCES = 8;

/** What a receiver reported of one of our streams. */
export interface ReceptionReport {
  /** 0..1, since the last report. */
  readonly fractionLost: number;
  /** How many packets of the stream `fractionLost` is about; 0 where the report says nothing new. */
  readonly packets: number;
  /** Seconds; undefined where this report measures none. */
  readonly roundTripTime: number | undefined;
}

export interface RtcpSessionOptions {
  readonly cname: string;
  readonly senders: () => readonly RtpSender[];
  readonly send: (compound: Uint8Array) => void;
  /** Also for RFC 8888 feedback, translated. */
  readonly onTransportFeedback: (feedback: TransportFeedback, arrival: number) => void;
  /** bit/s. */
  readonly onReceiverEstimate?: (bitrate: number, arrival: number) => void;
  readonly onReport?: (report: ReceptionReport, arrival: number) => void;
}

export class RtcpSession {
  readonly #options: RtcpSessionOptions;
  #timer: NodeJS.Timeout | undefined;
  #running = false;
  #roundTripTime: number | undefined;
  /** Highest sequence number reported, with the receiver's count of cycles. */
  readonly #highest = new WeakMap<OutboundStream, number>();
  #ccfb: CcfbTranslator | undefined;
  /** The peer's receivers that want to know the round-trip time, by SSRC: when they sent, and when that came, ms. */
  readonly #references = new Map<number, { readonly compact: number; readonly arrival: number }>();

  constructor(options: RtcpSessionOptions) {
    this.#options = options;
  }

  /** Seconds, from the latest report block; undefined before the first. */
  get roundTripTime(): number | undefined {
    return this.#roundTripTime;
  }

  /** A first estimate from elsewhere (connectivity checks), in seconds. */
  suggestRoundTripTime(seconds: number): void {
    this.#roundTripTime ??= seconds;
  }

  /** Begins to send reports. */
  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#tick();
  }

  /** Stops sending reports. Idempotent. */
  stop(): void {
    this.#running = false;
    clearTimeout(this.#timer);
  }

  #tick(): void {
    if (!this.#running) return;
    const now = performance.now();
    const wallTime = performance.timeOrigin + now;
    const reports: SenderReport[] = [];
    let waiting = false;
    for (const sender of this.#options.senders()) {
      // Timers fire late, never early: a report 20 ms before its time keeps the mean interval at a second.
      const report = sender.dueReport(now, wallTime, REPORT_INTERVAL - 20);
      if (report) reports.push(report);
      waiting ||= sender.awaitsFirstReport;
    }
    for (let i = 0; i < reports.length; i += REPORTS_PER_COMPOUND) this.#send(reports.slice(i, i + REPORTS_PER_COMPOUND));
    this.#timer = setTimeout(() => this.#tick(), waiting ? FIRST_REPORT_POLL : REPORT_INTERVAL);
  }

  #send(reports: readonly SenderReport[]): void {
    const { cname } = this.#options;
    const chunks = reports.map(({ ssrc }) => ({ ssrc, cname }));
    const packets: RtcpPacket[] = [...reports, { type: 'sdes', chunks }];
    if (this.#references.size > 0) packets.push(this.#delays(reports[0]!.ssrc));
    this.#options.send(writeRtcp(packets));
  }

  #delays(ssrc: number): ExtendedReport {
    const now = performance.now();
    const delays = [...this.#references].map(([receiver, { compact, arrival }]) => ({
      ssrc: receiver,
      lastReference: compact,
      delay: Math.round(((now - arrival) * 65_536) / 1000),
    }));
    this.#references.clear();
    return { type: 'xr', ssrc, delays };
  }

  /** Says that our streams end (RFC 3550 §6.6), or those of some of our senders. */
  goodbye(senders: readonly RtpSender[] = this.#options.senders()): void {
    const ssrcs = senders.flatMap((sender) => (sender.stream ? [sender.stream.ssrc] : []));
    const { cname } = this.#options;
    for (let i = 0; i < ssrcs.length; i += REPORTS_PER_COMPOUND) {
      const some = ssrcs.slice(i, i + REPORTS_PER_COMPOUND);
      const chunks = some.map((ssrc) => ({ ssrc, cname }));
      this.#options.send(
        writeRtcp([
          { type: 'rr', ssrc: some[0]!, reports: [] },
          { type: 'sdes', chunks },
          { type: 'bye', ssrcs: some },
        ]),
      );
    }
  }

  /** Takes one compound packet of the peer; returns what was in it. `arrival` in ms of `performance.now()`. */
  receive(compound: Uint8Array, arrival: number): RtcpPacket[] {
    const packets = parseRtcp(compound);
    for (const packet of packets) this.#dispatch(packet, arrival);
    return packets;
  }

  #dispatch(packet: RtcpPacket, arrival: number): void {
    switch (packet.type) {
      case 'sr':
      case 'rr':
        for (const block of packet.reports) {
          const sender = this.#sender(block.ssrc);
          if (sender) this.#reported(sender, block, arrival);
        }
        break;
      case 'xr':
        if (packet.referenceTime && this.#references.size < MOST_REFERENCES) {
          this.#references.set(packet.ssrc, { compact: compactNtp(packet.referenceTime), arrival });
        }
        break;
      case 'nack': {
        const roundTripTime = this.#roundTripTime === undefined ? undefined : this.#roundTripTime * 1000;
        this.#sender(packet.mediaSsrc)?.handleNack(packet.sequenceNumbers, arrival, roundTripTime);
        break;
      }
      case 'pli':
        this.#sender(packet.mediaSsrc)?.handlePictureLoss();
        break;
      case 'fir':
        for (const sender of this.#options.senders()) sender.handleFullIntraRequest(packet);
        break;
      case 'transport-cc':
        this.#options.onTransportFeedback(packet, arrival);
        break;
      case 'ccfb':
        this.#translate(packet, arrival);
        break;
      case 'remb':
        this.#options.onReceiverEstimate?.(packet.bitrate, arrival);
        break;
    }
  }

  #reported(sender: RtpSender, block: ReportBlock, arrival: number): void {
    const { stream } = sender;
    if (!stream) return;
    const measurements = stream.remoteInbound?.roundTripTimeMeasurements ?? 0;
    sender.handleReportBlock(block, arrival);
    const remote = stream.remoteInbound;
    const measured = (remote?.roundTripTimeMeasurements ?? 0) > measurements;
    const roundTripTime = measured ? remote?.roundTripTime : undefined;
    this.#roundTripTime = roundTripTime ?? this.#roundTripTime;
    const packets = this.#expected(stream, block.highestSequenceNumber);
    this.#options.onReport?.({ fractionLost: block.fractionLost, packets, roundTripTime }, arrival);
  }

  /** How many packets a report is about: those after the last report's, up to the highest, if that was sent at all. */
  #expected(stream: OutboundStream, highest: number): number {
    const packets = (highest - (this.#highest.get(stream) ?? stream.initialSequenceNumber - 1)) | 0;
    if (packets <= 0 || sequenceDelta(stream.nextSequenceNumber, highest & 0xffff) <= 0) return 0;
    this.#highest.set(stream, highest);
    return Math.min(packets, stream.stats().packetsSent);
  }

  #translate(feedback: CongestionControlFeedback, arrival: number): void {
    this.#ccfb ??= new CcfbTranslator();
    const messages = this.#ccfb.translate(feedback, (ssrc, sequenceNumber) => {
      for (const { stream } of this.#options.senders()) {
        if (stream && (ssrc === stream.ssrc || ssrc === stream.rtxSsrc)) {
          return stream.transportSequenceNumberOf(sequenceNumber, ssrc);
        }
      }
      return undefined;
    });
    for (const message of messages) this.#options.onTransportFeedback(message, arrival);
  }

  #sender(ssrc: number): RtpSender | undefined {
    for (const sender of this.#options.senders()) if (sender.ssrc === ssrc) return sender;
    return undefined;
  }
}
