/**
 * Sends the probes that the controller asks for: says how many bytes a train still owes by the clock, so that it leaves at
 * its rate though timers are late. What is sent in its name (media first, else retransmissions, else padding) is the
 * caller's business. Stands beside the pacer: while a train is under way it overrides it.
 */
import type { ProbeCluster } from './types.ts';

/** A train that could not be sent for so long is given up, ms (libwebrtc). */
const CLUSTER_TIMEOUT = 5000;
/** A tick sends no more than this time's worth at once: a train sent in one burst measures nothing, ms. */
const MAX_BURST_TIME = 5;
/** More trains than this do not wait (libwebrtc). */
const MAX_WAITING = 5;

export class Prober {
  readonly #waiting: { cluster: ProbeCluster; asked: number }[] = [];
  #started: number | undefined;
  #bytes = 0;
  #packets = 0;

  /** Queues a train. */
  add(cluster: ProbeCluster, now: number): void {
    this.#waiting.push({ cluster, asked: now });
    if (this.#waiting.length > MAX_WAITING) this.#next();
  }

  /** The train under way. */
  get current(): ProbeCluster | undefined {
    return this.#waiting[0]?.cluster;
  }

  /** Whether the train under way has begun. */
  get started(): boolean {
    return this.#started !== undefined;
  }

  /** Bytes that the train should have sent by now and has not; 0 when there is none or it is ahead. */
  due(now: number): number {
    while (this.#waiting[0] && now - this.#waiting[0].asked > CLUSTER_TIMEOUT) this.#next();
    const cluster = this.current;
    if (!cluster) return 0;
    if (this.#started === undefined) return Math.max(1, this.#burst(cluster));
    const owed = ((now - this.#started) * cluster.bitrate) / 8000 - this.#bytes;
    if (owed < 0) return 0;
    const burst = this.#burst(cluster);
    // Late: the schedule moves rather than the rest leave as one burst.
    if (owed > burst) this.#started += ((owed - burst) * 8000) / cluster.bitrate;
    return Math.max(1, Math.min(owed, burst));
  }

  /** ms until `due` says more than 0; undefined without a train. */
  delay(now: number): number | undefined {
    const cluster = this.current;
    if (!cluster) return undefined;
    if (this.#started === undefined) return 0;
    return Math.max(0, this.#started + (this.#bytes * 8000) / cluster.bitrate - now);
  }

  /** A packet of the train left. */
  sent(bytes: number, now: number): void {
    const cluster = this.current;
    if (!cluster) return;
    this.#started ??= now;
    this.#bytes += bytes;
    this.#packets++;
    if (this.#bytes >= cluster.minBytes && this.#packets >= cluster.minPackets) this.#next();
  }

  #next(): void {
    this.#waiting.shift();
    this.#started = undefined;
    this.#bytes = 0;
    this.#packets = 0;
  }

  #burst(cluster: ProbeCluster): number {
    return (cluster.bitrate * MAX_BURST_TIME) / 8000;
  }
}
