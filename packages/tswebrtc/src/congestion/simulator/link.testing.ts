/**
 * One direction of a bottleneck: a capacity that follows a schedule, a tail-drop queue bounded in time or bytes, loss by
 * chance (independent or in bursts), jitter and reordering. Propagation delay belongs to the flow that crosses it, so that
 * flows of different delays share one queue (RFC 8867 §5.5).
 */
import type { Clock } from './clock.testing.ts';
import type { Random } from './random.testing.ts';

export interface Packet {
  readonly size: number;
  /** Where it goes. */
  readonly flow: FlowEnd;
  readonly sent: number;
  /** Transport-wide number, TCP segment, or whatever the flow likes. */
  readonly number: number;
  /** ms in the queue; set by the link. */
  queued: number;
  /** For the flow's own use. */
  readonly data?: unknown;
}

export interface FlowEnd {
  /** One-way propagation delay, ms. */
  readonly propagation: number;
  readonly jitter: boolean;
  arrived(packet: Packet, now: number): void;
}

/** From `from` (ms) on, `capacity` bit/s. */
export interface CapacityStep {
  readonly from: number;
  readonly capacity: number;
}

/** Bursts of loss: a chain of a good and a bad state (Gilbert and Elliott). */
export interface BurstLoss {
  /** Chance a packet to fall into the bad state, and to leave it. */
  readonly enter: number;
  readonly leave: number;
  /** Chance of loss in it. */
  readonly loss: number;
}

export interface LinkOptions {
  readonly capacity: readonly CapacityStep[];
  /** The queue holds this much at the present capacity, ms. */
  readonly queueTime: number;
  readonly queueBytes?: number;
  /** Independent loss, 0..1. */
  readonly loss?: number;
  readonly burstLoss?: BurstLoss;
  /** Standard deviation of the delay variation, ms; truncated at three of them, packets stay in order (RFC 8868 §4.5.1). */
  readonly jitter?: number;
  /** Chance that a packet is held back by 1 to 20 ms and overtaken. */
  readonly reorder?: number;
}

export class Link {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #options: LinkOptions;
  #queue: Packet[] = [];
  #head = 0;
  #queuedBytes = 0;
  #serving = false;
  #bad = false;
  readonly #lastDelivery = new Map<FlowEnd, number>();
  /** Packets that did not get through. */
  dropped = 0;
  onDequeue: ((packet: Packet, now: number) => void) | undefined;
  /** A packet found the queue full. */
  onOverflow: ((packet: Packet, now: number) => void) | undefined;

  constructor(clock: Clock, random: Random, options: LinkOptions) {
    this.#clock = clock;
    this.#random = random;
    this.#options = options;
  }

  /** bit/s at `now`. */
  capacity(now: number): number {
    let capacity = 0;
    for (const step of this.#options.capacity) if (step.from <= now) capacity = step.capacity;
    return capacity;
  }

  /** ms that a packet queued now would wait. */
  queueDelay(now: number): number {
    return (this.#queuedBytes * 8000) / this.capacity(now);
  }

  send(packet: Packet): void {
    const now = this.#clock.now;
    const limit = (this.capacity(now) * this.#options.queueTime) / 8000;
    // A queue always holds one packet, however short it is in time.
    const full =
      this.#queuedBytes > 0 &&
      (this.#queuedBytes + packet.size > Math.max(limit, packet.size) ||
        this.#queuedBytes + packet.size > (this.#options.queueBytes ?? Number.POSITIVE_INFINITY));
    if (full || this.#lose()) {
      this.dropped++;
      if (full) this.onOverflow?.(packet, now);
      return;
    }
    this.#queue.push(packet);
    this.#queuedBytes += packet.size;
    if (!this.#serving) this.#serve();
  }

  #serve(): void {
    const packet = this.#queue[this.#head];
    if (!packet) {
      this.#serving = false;
      return;
    }
    this.#serving = true;
    const now = this.#clock.now;
    packet.queued = now - packet.sent;
    this.onDequeue?.(packet, now);
    this.#clock.after((packet.size * 8000) / this.capacity(now), () => {
      this.#head++;
      if (this.#head > 256) {
        this.#queue = this.#queue.slice(this.#head);
        this.#head = 0;
      }
      this.#queuedBytes -= packet.size;
      this.#deliver(packet);
      this.#serve();
    });
  }

  #deliver(packet: Packet): void {
    const { flow } = packet;
    let time = this.#clock.now + flow.propagation;
    const { jitter = 0, reorder = 0 } = this.#options;
    if (reorder > 0 && this.#random.next() < reorder) {
      time += this.#random.uniform(1, 20);
    } else {
      if (flow.jitter && jitter > 0) {
        const offset = Math.max(-3, Math.min(3, this.#random.normal()));
        time += jitter * (3 + offset);
      }
      time = Math.max(time, this.#lastDelivery.get(flow) ?? 0);
      this.#lastDelivery.set(flow, time);
    }
    this.#clock.at(time, () => flow.arrived(packet, this.#clock.now));
  }

  #lose(): boolean {
    const { loss = 0, burstLoss } = this.#options;
    if (loss > 0 && this.#random.next() < loss) return true;
    if (!burstLoss) return false;
    if (this.#bad) this.#bad = this.#random.next() >= burstLoss.leave;
    else this.#bad = this.#random.next() < burstLoss.enter;
    return this.#bad && this.#random.next() < burstLoss.loss;
  }
}
