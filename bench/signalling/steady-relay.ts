/**
 * Pairs that exchange candidates at a fixed rate whatever comes back (an open loop: a server that stalls is not spared by
 * those who wait for it), and how long each took from one's write to the other's read, in this process.
 */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import type { LightPeer } from '../../packages/signalling-server/src/light-peer.testing.ts';
import { quantile } from '../report.ts';
import { candidateMessage, candidateNumber, type Pair } from './pair.ts';

export interface RelayWindow {
  readonly seconds: number;
  readonly sent: number;
  readonly received: number;
  /** Numbers that did not follow the one before. */
  readonly disordered: number;
  /** Sent and not there yet; their time so far counts with the others. */
  readonly waiting: number;
  /** ms */
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** Of this process's own event loop, a timer of 1 ms included, ms. */
  readonly loopP99: number;
}

export class SteadyRelay {
  readonly #directions: Direction[];
  readonly #perSecond: number;
  readonly #loop: IntervalHistogram = monitorEventLoopDelay({ resolution: 1 });
  #began = 0;
  #windowBegan = 0;
  #sent = 0;
  #sentBefore = 0;
  #disordered = 0;
  #latencies: number[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** `perSecond`: messages of each peer. */
  constructor(pairs: readonly Pair[], perSecond: number) {
    const onReceived = (latency: number, isNext: boolean): void => {
      this.#latencies.push(latency);
      if (!isNext) this.#disordered++;
    };
    this.#directions = pairs.flatMap(({ producer, consumer, sessionId }) => [
      new Direction(producer, consumer, sessionId, onReceived),
      new Direction(consumer, producer, sessionId, onReceived),
    ]);
    this.#perSecond = perSecond * this.#directions.length;
  }

  start(): void {
    this.#began = this.#windowBegan = performance.now();
    this.#loop.enable();
    this.#tick();
  }

  /** How many are on their way. */
  get waiting(): number {
    return this.#directions.reduce((sum, direction) => sum + direction.waiting, 0);
  }

  /** What happened since the last window. */
  take(): RelayWindow {
    const now = performance.now();
    const pending = this.#directions.flatMap((direction) => direction.pending(now));
    const latencies = [...this.#latencies, ...pending];
    const window = {
      seconds: (now - this.#windowBegan) / 1000,
      sent: this.#sent - this.#sentBefore,
      received: this.#latencies.length,
      disordered: this.#disordered,
      waiting: pending.length,
      p50: quantile(latencies, 0.5),
      p99: quantile(latencies, 0.99),
      max: quantile(latencies, 1),
      loopP99: this.#loop.percentile(99) / 1e6,
    };
    this.#windowBegan = now;
    this.#sentBefore = this.#sent;
    this.#disordered = 0;
    this.#latencies = [];
    this.#loop.reset();
    return window;
  }

  /** Sends no more; what is on its way is still received. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#loop.disable();
  }

  /** The messages are spread evenly over time; a tick that is late sends what is due. */
  #tick(): void {
    const now = performance.now();
    const due = ((now - this.#began) / 1000) * this.#perSecond;
    for (; this.#sent < due; this.#sent++) this.#directions[this.#sent % this.#directions.length]!.send();
    this.#timer = setTimeout(() => this.#tick(), 1);
  }
}

/** One way of a pair. */
class Direction {
  readonly #from: LightPeer;
  readonly #sessionId: string;
  /** When each was sent that is not there yet, in order. */
  readonly #sentAt = new Map<number, number>();
  #next = 0;
  #expected = 0;

  constructor(from: LightPeer, to: LightPeer, sessionId: string, onReceived: (latency: number, isNext: boolean) => void) {
    this.#from = from;
    this.#sessionId = sessionId;
    to.onMessage = (message) => {
      const number = candidateNumber(message, sessionId);
      if (number === undefined) return;
      const sentAt = this.#sentAt.get(number);
      this.#sentAt.delete(number);
      onReceived(performance.now() - (sentAt ?? Number.NaN), number === this.#expected);
      this.#expected = number + 1;
    };
  }

  send(): void {
    this.#sentAt.set(this.#next, performance.now());
    this.#from.send(candidateMessage(this.#sessionId, this.#next++));
  }

  get waiting(): number {
    return this.#sentAt.size;
  }

  /** How long those have been on their way that are not there, ms. */
  pending(now: number): number[] {
    return Array.from(this.#sentAt.values(), (sentAt) => now - sentAt);
  }
}
