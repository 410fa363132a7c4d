/**
 * TCP as a rival: segments, an acknowledgement for each (as with selective acknowledgements, RFC 2018), slow start, fast
 * retransmit, retransmission timeout (RFC 5681, RFC 6298), and growth after NewReno (RFC 6582) or CUBIC (RFC 9438).
 */
import type { Clock } from './clock.testing.ts';
import type { FlowEnd, Link, Packet } from './link.testing.ts';
import { TimeSeries } from './time-series.testing.ts';

const SEGMENT = 1500;
const ACK = 60;
const INITIAL_WINDOW = 10;
const DUPLICATES = 3;
const MIN_RTO = 200;
const MAX_RTO = 60_000;
const CUBIC_C = 0.4;
const CUBIC_BETA = 0.7;

export interface TcpFlowOptions {
  readonly name?: string;
  readonly forward: Link;
  readonly backward: Link;
  readonly propagation: number;
  readonly start: number;
  readonly stop?: number;
  readonly algorithm?: 'reno' | 'cubic';
  /** Segments to send; endless without. */
  readonly segments?: number;
  /** Called when all have been acknowledged. */
  readonly done?: (now: number) => void;
}

interface Segment {
  sent: number;
  retransmitted: boolean;
}

export class TcpFlow implements FlowEnd {
  readonly propagation: number;
  readonly jitter = true;
  readonly name: string;
  readonly received = new TimeSeries();
  readonly #clock: Clock;
  readonly #options: TcpFlowOptions;
  #window = INITIAL_WINDOW;
  #threshold = Number.POSITIVE_INFINITY;
  #next = 0;
  #acknowledged = 0;
  #highestAcknowledged = -1;
  readonly #outstanding = new Map<number, Segment>();
  readonly #lost: number[] = [];
  /** Losses up to this segment belong to the same event. */
  #recovery = -1;
  #srtt: number | undefined;
  #rttvar = 0;
  #backoff = 1;
  #timer = 0;
  #maximum = 0;
  #epoch: number | undefined;
  #finished = false;

  constructor(clock: Clock, options: TcpFlowOptions) {
    this.#clock = clock;
    this.#options = options;
    this.propagation = options.propagation;
    this.name = options.name ?? options.algorithm ?? 'reno';
    clock.at(options.start, () => this.#send());
  }

  get finished(): boolean {
    return this.#finished;
  }

  /** A segment reached the receiver: acknowledge it. */
  arrived(packet: Packet, now: number): void {
    this.received.add(now, packet.size);
    this.#options.backward.send({
      size: ACK,
      flow: this.#ackEnd,
      sent: now,
      number: packet.number,
      queued: 0,
      data: packet.sent,
    });
  }

  readonly #ackEnd: FlowEnd = {
    get propagation() {
      return 0;
    },
    jitter: true,
    arrived: (packet) => this.#clock.after(this.propagation, () => this.#acknowledge(packet.number, packet.data as number)),
  };

  #send(): void {
    const { stop = Number.POSITIVE_INFINITY, segments = Number.POSITIVE_INFINITY } = this.#options;
    if (this.#finished || this.#clock.now >= stop) return;
    while (this.#outstanding.size < Math.floor(this.#window)) {
      const again = this.#lost.shift();
      if (again !== undefined) this.#transmit(again, true);
      else if (this.#next < segments) this.#transmit(this.#next++, false);
      else break;
    }
  }

  #transmit(number: number, retransmitted: boolean): void {
    const { now } = this.#clock;
    if (this.#outstanding.size === 0) this.#arm();
    this.#outstanding.set(number, { sent: now, retransmitted });
    this.#options.forward.send({ size: SEGMENT, flow: this, sent: now, number, queued: 0 });
  }

  #acknowledge(number: number, sent: number): void {
    const { now } = this.#clock;
    const segment = this.#outstanding.get(number);
    if (!segment) {
      // Thought lost, and was not.
      const at = this.#lost.indexOf(number);
      if (at >= 0) {
        this.#lost.splice(at, 1);
        this.#complete();
      }
      return;
    }
    this.#outstanding.delete(number);
    if (!segment.retransmitted) this.#measure(now - sent);
    this.#backoff = 1;
    if (number > this.#highestAcknowledged) this.#highestAcknowledged = number;
    this.#detectLosses(segment.sent);
    if (number > this.#recovery) this.#grow(now);
    this.#arm();
    this.#complete();
    this.#send();
  }

  #complete(): void {
    this.#acknowledged++;
    if (this.#acknowledged < (this.#options.segments ?? Number.POSITIVE_INFINITY) || this.#finished) return;
    this.#finished = true;
    this.#options.done?.(this.#clock.now);
  }

  /** What was sent before the acknowledged segment and lies three or more back in order of sending is lost. */
  #detectLosses(sentTime: number): void {
    let missing: number[] | undefined;
    for (const [number, segment] of this.#outstanding) {
      const overtaken = segment.retransmitted
        ? segment.sent < sentTime - (this.#srtt ?? 0) / 4
        : number + DUPLICATES <= this.#highestAcknowledged;
      if (overtaken) (missing ??= []).push(number);
    }
    if (!missing) return;
    for (const number of missing) {
      this.#outstanding.delete(number);
      this.#lost.push(number);
    }
    this.#lost.sort((a, b) => a - b);
    if (missing.some((number) => number > this.#recovery)) this.#congested();
  }

  #congested(): void {
    this.#recovery = this.#next - 1;
    if (this.#options.algorithm === 'cubic') {
      this.#maximum = this.#window < this.#maximum ? (this.#window * (1 + CUBIC_BETA)) / 2 : this.#window;
      this.#window = Math.max(2, this.#window * CUBIC_BETA);
      this.#epoch = undefined;
    } else {
      this.#window = Math.max(2, this.#window / 2);
    }
    this.#threshold = this.#window;
  }

  #grow(now: number): void {
    if (this.#window < this.#threshold) {
      this.#window += 1;
      return;
    }
    if (this.#options.algorithm !== 'cubic') {
      this.#window += 1 / this.#window;
      return;
    }
    this.#epoch ??= now;
    const rtt = (this.#srtt ?? 100) / 1000;
    const time = (now - this.#epoch) / 1000 + rtt;
    const k = Math.cbrt((this.#maximum * (1 - CUBIC_BETA)) / CUBIC_C);
    const cubic = CUBIC_C * (time - k) ** 3 + this.#maximum;
    const friendly = this.#maximum * CUBIC_BETA + ((3 * (1 - CUBIC_BETA)) / (1 + CUBIC_BETA)) * (time / rtt);
    const wanted = Math.max(cubic, friendly);
    this.#window += wanted > this.#window ? Math.min(1, (wanted - this.#window) / this.#window) : 0.01 / this.#window;
  }

  #measure(sample: number): void {
    if (this.#srtt === undefined) {
      this.#srtt = sample;
      this.#rttvar = sample / 2;
    } else {
      this.#rttvar += (Math.abs(this.#srtt - sample) - this.#rttvar) / 4;
      this.#srtt += (sample - this.#srtt) / 8;
    }
  }

  #arm(): void {
    const mark = ++this.#timer;
    const rto = Math.min(MAX_RTO, Math.max(MIN_RTO, (this.#srtt ?? 500) + 4 * this.#rttvar) * this.#backoff);
    this.#clock.after(rto, () => {
      if (mark === this.#timer && this.#outstanding.size > 0) this.#timeOut();
    });
  }

  #timeOut(): void {
    this.#threshold = Math.max(2, this.#window / 2);
    this.#window = 1;
    this.#epoch = undefined;
    this.#backoff = Math.min(64, this.#backoff * 2);
    for (const number of this.#outstanding.keys()) this.#lost.push(number);
    this.#lost.sort((a, b) => a - b);
    this.#outstanding.clear();
    this.#recovery = this.#next - 1;
    this.#send();
  }
}
