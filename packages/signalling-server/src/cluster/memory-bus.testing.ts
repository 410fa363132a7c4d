/**
 * A broker in memory, as unreliable as a test wants it. It keeps the order from one publisher to one subscriber; copies made by
 * `duplication` may come late, among what was published after them.
 */
import type { ClusterBus } from './bus.ts';

export interface Weather {
  /** Shares of what is delivered that get lost, or come twice. */
  loss: number;
  duplication: number;
  /** Longest delay, in ms. */
  delay: number;
}

export class MemoryBroker {
  readonly weather: Weather = { loss: 0, duplication: 0, delay: 0 };
  /** All that was published: for tests that count. */
  readonly published: { channel: string; payload: string }[] = [];
  readonly #buses = new Set<MemoryBus>();
  readonly #schedule: (delay: number, action: () => void) => void;
  readonly #random: () => number;
  readonly #now: () => number;

  /** Delivers in the next turn of the event loop; on a virtual clock with chance where these are given. */
  constructor(schedule?: (delay: number, action: () => void) => void, now = () => 0, random = () => 1) {
    this.#schedule = schedule ?? ((_delay, action) => void setImmediate(action));
    this.#now = now;
    this.#random = random;
  }

  connect(): MemoryBus {
    const bus = new MemoryBus(this);
    this.#buses.add(bus);
    return bus;
  }

  /** The broker goes away or comes back, for all. */
  setRunning(isRunning: boolean): void {
    for (const bus of this.#buses) bus.setConnected(isRunning);
  }

  remove(bus: MemoryBus): void {
    this.#buses.delete(bus);
  }

  publish(from: MemoryBus, channel: string, payload: string): void {
    this.published.push({ channel, payload });
    const { loss, duplication, delay } = this.weather;
    for (const to of this.#buses) {
      if (from.island !== to.island || this.#random() < loss) continue;
      const deliver = (): void => to.deliver(channel, payload);
      const at = Math.max(to.lastFrom.get(from) ?? 0, this.#now() + this.#random() * delay);
      to.lastFrom.set(from, at);
      this.#schedule(at - this.#now(), deliver);
      if (this.#random() < duplication) this.#schedule(at - this.#now() + this.#random() * delay, deliver);
    }
  }
}

export class MemoryBus implements ClusterBus {
  onConnectionChanged: ((isConnected: boolean) => void) | undefined;
  /** Buses on different islands do not reach each other, although all believe that they are connected. */
  island = 0;
  /** How often it was told to make a new connection. */
  reconnections = 0;
  readonly lastFrom = new Map<MemoryBus, number>();
  readonly #broker: MemoryBroker;
  readonly #listeners = new Map<string, (payload: string) => void>();
  #isConnected = true;
  #held: (() => void)[] | undefined;

  constructor(broker: MemoryBroker) {
    this.#broker = broker;
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  publish(channel: string, payload: string): void {
    if (this.#isConnected) this.#broker.publish(this, channel, payload);
  }

  async subscribe(channel: string, listener: (payload: string) => void): Promise<void> {
    this.#listeners.set(channel, listener);
  }

  reconnect(): void {
    this.reconnections++;
  }

  async close(): Promise<void> {
    this.#isConnected = false;
    this.#broker.remove(this);
  }

  setConnected(isConnected: boolean): void {
    if (this.#isConnected === isConnected) return;
    this.#isConnected = isConnected;
    this.onConnectionChanged?.(isConnected);
  }

  /** The process stops reading: what comes waits in its socket. */
  hold(): void {
    this.#held = [];
  }

  /** The process reads on. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const deliver of held) deliver();
  }

  deliver(channel: string, payload: string): void {
    if (this.#held) this.#held.push(() => this.deliver(channel, payload));
    else if (this.#isConnected) this.#listeners.get(channel)?.(payload);
  }
}
