/** Producers that lose their connections at once and come back as fast as they can. */
import { LightPeer } from '../../packages/signalling-server/src/light-peer.testing.ts';
import { quantile } from '../report.ts';
import { inFlight } from './in-flight.ts';
import { sourceAddress } from './source-address.ts';

/** Fewer than the kernel lets wait to be accepted, so that it does not make them wait a second for another try. */
const CONNECTS_IN_FLIGHT = 500;
/** A server that refuses more than this will not take them back at all. */
const MOST_FAILURES = 10_000;

export interface StormResult {
  /** From the loss until the last was registered again, s. */
  readonly seconds: number;
  /** Of a single one, from its connecting to its being registered, ms. */
  readonly p50: number;
  readonly p99: number;
  /** Tries that failed and were made again. */
  readonly failures: number;
}

export class Storm {
  readonly #url: string;
  #peers: LightPeer[] = [];
  #times: number[] = [];
  #failures = 0;

  private constructor(url: string) {
    this.#url = url;
  }

  /** Connects and registers this many producers. */
  static async gather(url: string, count: number): Promise<Storm> {
    const storm = new Storm(url);
    await storm.#connect(count);
    return storm;
  }

  /** Resets all connections and makes them anew. */
  async comeBack(): Promise<StormResult> {
    const lost = this.#peers;
    this.#times = [];
    this.#failures = 0;
    const began = performance.now();
    for (const peer of lost) peer.reset();
    await this.#connect(lost.length);
    return {
      seconds: (performance.now() - began) / 1000,
      p50: quantile(this.#times, 0.5),
      p99: quantile(this.#times, 0.99),
      failures: this.#failures,
    };
  }

  close(): void {
    for (const peer of this.#peers) peer.reset();
  }

  async #connect(count: number): Promise<void> {
    this.#peers = await inFlight(count, CONNECTS_IN_FLIGHT, (index) => this.#register(index));
  }

  async #register(index: number): Promise<LightPeer> {
    const began = performance.now();
    for (;;) {
      try {
        const peer = await LightPeer.open({ url: this.#url, ...sourceAddress(this.#url, index) });
        await peer.register(['producer'], { name: `camera ${index}` });
        this.#times.push(performance.now() - began);
        return peer;
      } catch (error) {
        if (++this.#failures > MOST_FAILURES) throw error;
      }
    }
  }
}
