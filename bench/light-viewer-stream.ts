/**
 * What a light viewer makes of one RTP stream: the packets in order, the frames that a decoder could show, what is missing,
 * and what a receiver report says (RFC 3550 §6.4.1, appendix A.3 and A.8). Nothing is decoded. Sans-IO: times in ms.
 */
import type { RtpHeader } from '../packages/tswebrtc/dist/rtp/packet.js';
import type { ReportBlock, SenderReport } from '../packages/tswebrtc/dist/rtp/rtcp/types.js';
import { load } from './tswebrtc.ts';

const { SequenceUnwrapper } = await load('rtp/sequence');
const { compactNtp } = await load('rtp/ntp');

/** As Chromium has it: a packet is asked for so often at most, and of more missing ones none. */
const MOST_REQUESTS = 10;
const MOST_MISSING = 1000;

export interface Frame {
  /** ms; when its last packet came, or the one that those before it waited for */
  readonly time: number;
  /** Of its payloads. */
  readonly bytes: number;
  readonly keyframe: boolean;
  /** As `Start.quantiser`. */
  readonly quantiser: number | undefined;
}

/** What the first packet of a frame tells. */
export interface Start {
  readonly keyframe: boolean;
  /** Quantiser index of the codec; undefined where it is not looked at. */
  readonly quantiser: number | undefined;
}

interface Packet {
  readonly timestamp: number;
  readonly marker: boolean;
  readonly bytes: number;
  readonly start: Start | undefined;
}

interface Missing {
  askAt: number;
  requests: number;
}

export class LightStream {
  readonly ssrc: number;
  /** Original packets that came, those that came a second time, and those that came only when asked for. */
  received = 0;
  duplicates = 0;
  recovered = 0;
  /** Nothing more can be decoded before a keyframe, or too much is missing. */
  #needsKeyframe = true;
  readonly #clockRate: number;
  readonly #onFrame: (frame: Frame) => void;
  readonly #numbers = new SequenceUnwrapper();
  #first = -1;
  #highest = -1;
  /** The number that comes next in order, and what came after it. */
  #next = -1;
  readonly #ahead = new Map<number, Packet>();
  readonly #missing = new Map<number, Missing>();
  #bytes = 0;
  #start: Start | undefined;
  #jitter = 0;
  #transit: number | undefined;
  #reported = { expected: 0, received: 0 };
  #senderReport: { readonly ntp: number; readonly arrival: number } | undefined;

  constructor(ssrc: number, clockRate: number, onFrame: (frame: Frame) => void) {
    this.ssrc = ssrc;
    this.#clockRate = clockRate;
    this.#onFrame = onFrame;
  }

  get needsKeyframe(): boolean {
    return this.#needsKeyframe;
  }

  /** Packets sent, as far as the numbers tell. */
  get expected(): number {
    return this.#first < 0 ? 0 : this.#highest - this.#first + 1;
  }

  /** A packet of the stream, `original` or sent again. `header.sequenceNumber` is that of the stream. */
  packet(header: RtpHeader, sequenceNumber: number, original: boolean, start: Start | undefined, now: number): void {
    const number = this.#numbers.unwrap(sequenceNumber);
    if (this.#first < 0) this.#first = this.#next = number;
    if (original) {
      this.received++;
      this.#measure(header.timestamp, now);
    }
    for (let i = this.#highest + 1; this.#highest >= 0 && i < number; i++) this.#missing.set(i, { askAt: now, requests: 0 });
    if (number > this.#highest) this.#highest = number;
    else if (this.#missing.delete(number)) {
      if (!original) this.recovered++;
    } else {
      this.duplicates++;
      return;
    }
    if (this.#missing.size > MOST_MISSING) {
      this.#missing.clear();
      this.#needsKeyframe = true;
    }
    if (number < this.#next) return;
    const packet = { timestamp: header.timestamp, marker: header.marker, bytes: header.payloadLength, start };
    this.#ahead.set(number, packet);
    if (number !== this.#next && packet.marker) this.#jump(number);
    for (let next = this.#ahead.get(this.#next); next; next = this.#ahead.get(this.#next)) {
      this.#ahead.delete(this.#next++);
      this.#take(next, now);
    }
  }

  /** Numbers to ask for now; each again after a round trip (ms). */
  due(now: number, roundTripTime: number): number[] {
    const numbers: number[] = [];
    for (const [number, missing] of this.#missing) {
      if (missing.askAt > now) continue;
      if (missing.requests >= MOST_REQUESTS) {
        this.#missing.delete(number);
        continue;
      }
      missing.requests++;
      missing.askAt = now + roundTripTime;
      numbers.push(number % 0x10000);
    }
    return numbers;
  }

  senderReported(report: SenderReport, now: number): void {
    this.#senderReport = { ntp: compactNtp(report.ntpTime), arrival: now };
  }

  /** What to report; undefined before the first packet. */
  report(now: number): ReportBlock | undefined {
    if (this.#first < 0) return undefined;
    const { expected, received } = this;
    const interval = expected - this.#reported.expected;
    const lost = Math.max(0, interval - (received - this.#reported.received));
    this.#reported = { expected, received };
    const sender = this.#senderReport;
    return {
      ssrc: this.ssrc,
      fractionLost: interval > 0 ? lost / interval : 0,
      packetsLost: expected - received,
      highestSequenceNumber: this.#highest,
      jitter: Math.round(this.#jitter),
      lastSenderReport: sender?.ntp ?? 0,
      delaySinceLastSenderReport: sender ? Math.round(((now - sender.arrival) * 65_536) / 1000) : 0,
    };
  }

  /** A keyframe that is complete makes up for whatever is missing before it. */
  #jump(last: number): void {
    const { timestamp } = this.#ahead.get(last)!;
    let begin = -1;
    for (let at = last; this.#ahead.get(at)?.timestamp === timestamp; at--) {
      if (this.#ahead.get(at)!.start?.keyframe) begin = at;
    }
    if (begin < 0) return;
    for (const number of this.#ahead.keys()) if (number < begin) this.#ahead.delete(number);
    for (const number of this.#missing.keys()) if (number < begin) this.#missing.delete(number);
    this.#next = begin;
    this.#bytes = 0;
  }

  #take({ marker, bytes, start }: Packet, now: number): void {
    if (start?.keyframe) this.#needsKeyframe = false;
    if (this.#needsKeyframe) return;
    if (this.#bytes === 0) this.#start = start;
    this.#bytes += bytes;
    if (!marker) return;
    const { keyframe = false, quantiser } = this.#start ?? {};
    this.#onFrame({ time: now, bytes: this.#bytes, keyframe, quantiser });
    this.#bytes = 0;
  }

  #measure(timestamp: number, now: number): void {
    const transit = (now * this.#clockRate) / 1000 - timestamp;
    const change = Math.abs(transit - (this.#transit ?? transit));
    this.#transit = transit;
    // A wrap of the timestamp is no jitter.
    if (change < 2 ** 31) this.#jitter += (change - this.#jitter) / 16;
  }
}
