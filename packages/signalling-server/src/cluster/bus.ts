/**
 * What the cluster needs of a broker: publish and subscribe, as little as Redis and NATS have in common. A bus keeps the order
 * from one publisher to one subscriber. It may lose what is published while either is away from the broker; the links above
 * find such losses and repair them.
 */
import { setTimeout } from 'node:timers/promises';

export interface ClusterBus {
  /** Sends a text to all subscribers of a channel, ourselves among them. Never throws; lost while there is no connection. */
  publish(channel: string, payload: string): void;
  /** Resolves when whatever is published from now on arrives, over all reconnections. */
  subscribe(channel: string, listener: (payload: string) => void): Promise<void>;
  /** True while the broker is connected and the subscriptions are in place. */
  readonly isConnected: boolean;
  onConnectionChanged: ((isConnected: boolean) => void) | undefined;
  /** Gives up a connection that is silent, and makes a new one. */
  reconnect(): void;
  /** Sends what was published and ends the connection. Idempotent. */
  close(): Promise<void>;
}

/** How long (ms) a broker has for its answer at the start. */
export const OPEN_TIMEOUT = 5_000;

/** The promise's outcome, or a rejection after `milliseconds`. */
export async function within<T>(milliseconds: number, promise: Promise<T>): Promise<T> {
  const timer = new AbortController();
  const timeout = setTimeout(milliseconds, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`no answer within ${milliseconds / 1000} s`);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    timer.abort();
  }
}
