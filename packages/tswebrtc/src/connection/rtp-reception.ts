/**
 * What a connection does as a receiver: gives each RTP packet to the stream it belongs to (RFC 8843 §9.2), lets streams have
 * their time, and tells the peer what came and what did not: receiver reports every second (RFC 3550 §6.4.2), transport-wide
 * feedback, requests for lost packets and for keyframes (RFC 4585).
 */
import { HeaderExtensionReader } from '../rtp/header-extensions.ts';
import { compactNtp, toNtp } from '../rtp/ntp.ts';
import { parseRtp, RtpHeader } from '../rtp/packet.ts';
import { ArrivalRecorder } from '../rtp/receive/arrival-recorder.ts';
import { writeRtcp } from '../rtp/rtcp/rtcp.ts';
import type { ExtendedReport, ReportBlock, RtcpPacket } from '../rtp/rtcp/types.ts';
import type { NegotiatedExtensions } from '../sdp/negotiate.ts';
import type { RtpReceiver } from './rtp-receiver.ts';
import { randomSsrc } from './rtp-sender.ts';

/** ms between two receiver reports. */
const REPORT_INTERVAL = 1000;
/** ms between two transport-wide feedback messages: often enough for the sender's estimator, a few kbit/s. */
const FEEDBACK_INTERVAL = 50;
/** Report blocks in one packet (RFC 3550 §6.4.1). */
const MOST_BLOCKS = 31;
/** Timers are no more exact, ms. */
const SHORTEST_WAIT = 1;

export interface RtpReceptionOptions {
  readonly cname: string;
  readonly receivers: () => readonly RtpReceiver[];
  /** Ids of the header extensions that were negotiated. */
  readonly extensions: () => NegotiatedExtensions;
  /** ms; undefined before it is known. */
  readonly roundTripTime: () => number | undefined;
  readonly send: (compound: Uint8Array) => void;
}

export class RtpReception {
  readonly #options: RtpReceptionOptions;
  /** In whose name we report. */
  readonly #ssrc = randomSsrc();
  readonly #header = new RtpHeader();
  readonly #extensions = new HeaderExtensionReader();
  readonly #arrivals = new ArrivalRecorder();
  /** Of the stream that came last, for feedback that names one. */
  #mediaSsrc = 0;
  #timer: NodeJS.Timeout | undefined;
  #wake = Number.POSITIVE_INFINITY;
  #nextReport = Number.POSITIVE_INFINITY;
  #nextFeedback = Number.POSITIVE_INFINITY;
  #stopped = false;
  /** ms, by the last extended report (RFC 3611 §4.5); undefined before it. */
  #roundTripTime: number | undefined;

  constructor(options: RtpReceptionOptions) {
    this.#options = options;
  }

  /** ms; undefined before the sender has told. */
  get roundTripTime(): number | undefined {
    return this.#roundTripTime;
  }

  /** Takes one unprotected packet; what belongs to no stream is left out. `arrival` in ms of `performance.now()`. */
  receive(packet: Uint8Array, arrival: number): void {
    const header = this.#header;
    if (this.#stopped || !parseRtp(packet, header)) return;
    this.#recordArrival(packet, header, arrival);
    const receiver = this.#find(packet, header);
    const stream = receiver?.stream;
    if (!receiver || !stream) return;
    if (this.#nextReport === Number.POSITIVE_INFINITY) this.#nextReport = arrival + REPORT_INTERVAL;
    if (header.ssrc === stream.ssrc) {
      this.#mediaSsrc = stream.ssrc;
      stream.packet(packet, header, arrival);
    } else stream.retransmission(packet, header, arrival);
    receiver.deliver(arrival);
    this.#attend(receiver, arrival);
    this.#schedule(arrival);
  }

  /** Takes what the peer reports of its streams. */
  handle(packets: readonly RtcpPacket[], arrival: number): void {
    for (const packet of packets) {
      if (packet.type === 'sr') this.#bySsrc(packet.ssrc)?.stream?.senderReport(packet, arrival);
      else if (packet.type === 'xr') this.#measure(packet, arrival);
      else if (packet.type === 'bye') for (const ssrc of packet.ssrcs) this.#bySsrc(ssrc)?.end();
    }
  }

  #measure({ delays }: ExtendedReport, arrival: number): void {
    const ours = delays.find(({ ssrc }) => ssrc === this.#ssrc);
    if (!ours || ours.lastReference === 0) return;
    const units = (compactNtp(toNtp(performance.timeOrigin + arrival)) - ours.lastReference - ours.delay) | 0;
    // Less than nothing is a clock that was set meanwhile; more than a minute is nonsense.
    if (units >= 0 && units < 60 * 65_536) this.#roundTripTime = (units * 1000) / 65_536;
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** The receiver of a packet (RFC 8843 §9.2): by its SSRC where that is known, else by what it says or can only be. */
  #find(packet: Uint8Array, header: RtpHeader): RtpReceiver | undefined {
    const { ssrc, payloadType } = header;
    const receivers = this.#options.receivers();
    for (const receiver of receivers) if (receiver.stream?.ssrc === ssrc || receiver.rtxSsrc === ssrc) return receiver;
    const { mid, rid, repairedRid } = this.#options.extensions();
    const name = this.#text(packet, header, mid);
    const fitting = receivers.filter(
      (candidate) => candidate.format(payloadType) !== undefined && (name === undefined || candidate.mid === name),
    );
    const [receiver, other] = fitting;
    if (!receiver || other) return undefined;
    const encoding = this.#text(packet, header, rid) ?? this.#text(packet, header, repairedRid);
    if (encoding !== undefined && !receiver.takesEncoding(encoding)) return undefined;
    const retransmissions = receiver.format(payloadType)!.name === 'rtx';
    if (retransmissions && !receiver.stream) return undefined;
    receiver.adopt(ssrc, retransmissions);
    return receiver;
  }

  /** What a header extension says; undefined where the packet has none. */
  #text(packet: Uint8Array, header: RtpHeader, id: number | undefined): string | undefined {
    if (id === undefined || header.extensionProfile === undefined) return undefined;
    const extensions = this.#extensions;
    extensions.reset(packet, header);
    if (!extensions.find(id)) return undefined;
    return Buffer.from(packet.buffer, packet.byteOffset + extensions.offset, extensions.length).toString('latin1');
  }

  #bySsrc(ssrc: number): RtpReceiver | undefined {
    return this.#options.receivers().find(({ stream }) => stream?.ssrc === ssrc);
  }

  #recordArrival(packet: Uint8Array, header: RtpHeader, arrival: number): void {
    const id = this.#options.extensions().transportCc;
    if (id === undefined || header.extensionProfile === undefined) return;
    const extensions = this.#extensions;
    extensions.reset(packet, header);
    if (!extensions.find(id) || extensions.length < 2) return;
    this.#arrivals.arrived((packet[extensions.offset]! << 8) | packet[extensions.offset + 1]!, arrival);
    if (this.#nextFeedback === Number.POSITIVE_INFINITY) this.#nextFeedback = arrival + FEEDBACK_INTERVAL;
  }

  /** Asks the peer for what a stream lacks. */
  #attend({ stream }: RtpReceiver, now: number): void {
    if (!stream) return;
    const roundTripTime = this.#roundTripTime ?? this.#options.roundTripTime();
    if (roundTripTime !== undefined) stream.roundTripTime = roundTripTime;
    const { nack, keyframe } = stream.feedback(now);
    if (nack.length === 0 && !keyframe) return;
    const ids = { senderSsrc: this.#ssrc, mediaSsrc: stream.ssrc };
    const packets: RtcpPacket[] = [];
    if (nack.length > 0) packets.push({ type: 'nack', ...ids, sequenceNumbers: nack });
    if (keyframe) packets.push({ type: 'pli', ...ids });
    this.#options.send(writeRtcp(packets));
  }

  #schedule(now: number): void {
    let next = Math.min(this.#nextReport, this.#nextFeedback);
    for (const { stream } of this.#options.receivers()) if (stream) next = Math.min(next, stream.nextTime);
    if (next === Number.POSITIVE_INFINITY || (this.#timer && this.#wake <= next)) return;
    clearTimeout(this.#timer);
    this.#wake = next;
    this.#timer = setTimeout(() => this.#onTime(), Math.max(SHORTEST_WAIT, next - now));
  }

  #onTime(): void {
    this.#timer = undefined;
    this.#wake = Number.POSITIVE_INFINITY;
    if (this.#stopped) return;
    const now = performance.now();
    for (const receiver of this.#options.receivers()) {
      receiver.deliver(now);
      this.#attend(receiver, now);
    }
    if (now >= this.#nextFeedback) {
      this.#nextFeedback = Number.POSITIVE_INFINITY;
      const feedback = this.#arrivals.take(this.#ssrc, this.#mediaSsrc);
      if (feedback) this.#options.send(writeRtcp([feedback]));
    }
    if (now >= this.#nextReport) {
      this.#nextReport = now + REPORT_INTERVAL;
      this.#report(now);
    }
    this.#schedule(now);
  }

  #report(now: number): void {
    const blocks = this.#options.receivers().flatMap(({ stream }): ReportBlock[] => {
      const block = stream?.report(now);
      return block ? [block] : [];
    });
    for (let i = 0; i < blocks.length; i += MOST_BLOCKS) {
      const reports = blocks.slice(i, i + MOST_BLOCKS);
      const chunks = [{ ssrc: this.#ssrc, cname: this.#options.cname }];
      this.#options.send(
        writeRtcp([
          { type: 'rr', ssrc: this.#ssrc, reports },
          { type: 'sdes', chunks },
          // Who only receives learns the round-trip time by asking for it.
          ...(i === 0 ? [this.#reference(now)] : []),
        ]),
      );
    }
    if (blocks.length === 0) this.#nextReport = Number.POSITIVE_INFINITY;
  }

  #reference(now: number): ExtendedReport {
    return { type: 'xr', ssrc: this.#ssrc, referenceTime: toNtp(performance.timeOrigin + now), delays: [] };
  }
}
