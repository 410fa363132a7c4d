/**
 * Retransmission of DTLS handshake flights (RFC 6347 §4.2.4). werift waits a fixed 500 ms and more for each lost flight, on
 * timers that nobody can stop. This replaces its loop: first after about two round trips, then doubling, and ended by `end`.
 */
import { DtlsClient } from 'werift';

const SLOWEST = 1600;
/** With the longest wait between them, well beyond every deadline of a connection. */
const MOST_TRANSMISSIONS = 30;

interface Flight {
  readonly dtls: object & { flight: number };
  readonly nextFlight?: number;
  send(datagrams: Buffer[]): Promise<unknown>;
}

type Transmit = (this: Flight, datagrams: Buffer[]) => Promise<void>;

const handshakes = new WeakMap<object, FlightTimer>();

/** The timers of one handshake. */
export class FlightTimer {
  readonly #first: number;
  #ended = false;
  readonly #waiting = new Map<NodeJS.Timeout, () => void>();

  /** `first`: ms before the first retransmission. */
  constructor(dtlsContext: object, first: number) {
    this.#first = first;
    handshakes.set(dtlsContext, this);
  }

  /** Sends until the next flight has begun. */
  async transmit(flight: Flight, datagrams: Buffer[]): Promise<void> {
    let delay = this.#first;
    for (let n = 0; n < MOST_TRANSMISSIONS && !this.#ended; n++) {
      flight.send(datagrams).catch(() => {});
      if (flight.nextFlight === undefined) return;
      await this.wait(delay);
      if (flight.dtls.flight >= flight.nextFlight) return;
      delay = Math.min(2 * delay, SLOWEST);
    }
  }

  /** Resolves after `ms`, or at once when the handshake ends. */
  wait(ms: number): Promise<void> {
    if (this.#ended) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(timer);
        resolve();
      }, ms);
      this.#waiting.set(timer, resolve);
    });
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** No more retransmissions; stops all timers. */
  end(): void {
    this.#ended = true;
    for (const [timer, resolve] of this.#waiting) {
      clearTimeout(timer);
      resolve();
    }
    this.#waiting.clear();
  }
}

let installed: Promise<boolean> | undefined;

/**
 * Replaces werift's retransmission for handshakes that have a `FlightTimer`; others in the process keep theirs.
 * @returns false when werift has changed its shape, in which case its own timers stay
 */
export function installFlightTimer(): Promise<boolean> {
  installed ??= install().catch(() => false);
  return installed;
}

async function install(): Promise<boolean> {
  // The class of flights is not exported; a client makes one when it is handed a ServerHello, even an empty one.
  const transport = { type: 'probe', closed: false, onData: () => {}, send: async () => {}, close: async () => {} };
  const client = new DtlsClient({ transport: transport as never, srtpProfiles: [] });
  await client.onHandleHandshakes([{ msg_type: 2, fragment: Buffer.alloc(0) } as never]).catch(() => {});
  const { flight5 } = client as unknown as { flight5?: object };
  const prototype = flight5 && (Object.getPrototypeOf(Object.getPrototypeOf(flight5)) as { transmit?: Transmit } | null);
  if (typeof prototype?.transmit !== 'function') return false;
  const original = prototype.transmit;
  prototype.transmit = function (datagrams) {
    const timer = handshakes.get(this.dtls);
    return timer ? timer.transmit(this, datagrams) : original.call(this, datagrams);
  };
  return true;
}
