/**
 * The sink's figures over HTTP, as they are now: server-sent events (WHATWG HTML §9.2) for who asks for `text/event-stream`, one
 * JSON object for everybody else. It is a tap, not a log: whoever reads slowly gets fewer figures, never old ones, and while
 * nobody listens nothing is computed.
 */
import { type Logger, silentLogger } from '../common/logger.ts';

export interface StatsStreamOptions {
  /** Makes the figures: anything that JSON can say. */
  readonly source: () => Promise<object>;
  /** Listeners at a time; the next one is answered 503. Default 16. */
  readonly maxListeners?: number;
  /** ms for which a listener may leave an event unread before it is dropped. Default 10 s. */
  readonly patience?: number;
  readonly logger?: Logger;
}

const MAX_LISTENERS = 16;
const PATIENCE = 10_000;
/** Bounds and default of `?interval=`, ms. */
const INTERVAL = { min: 200, max: 10_000, default: 1000 } as const;
/** ms for which figures count as those of now: listeners that ask at about the same time share them. */
const FRESH = 100;

const noStore = { 'Cache-Control': 'no-store' } as const;
// A proxy that gathered events before it passed them on would make "live" a lie.
const eventStream = { ...noStore, 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' } as const;

export class StatsStream {
  readonly #source: () => Promise<object>;
  readonly #maxListeners: number;
  readonly #patience: number;
  readonly #logger: Logger;
  /** How to end each listener. */
  readonly #listeners = new Set<() => void>();
  #snapshot: { readonly at: number; readonly json: Promise<string> } | undefined;
  #failing = false;
  #closed = false;

  constructor({ source, maxListeners = MAX_LISTENERS, patience = PATIENCE, logger = silentLogger }: StatsStreamOptions) {
    this.#source = source;
    this.#maxListeners = maxListeners;
    this.#patience = patience;
    this.#logger = logger;
  }

  /** How many listen now. */
  get listeners(): number {
    return this.#listeners.size;
  }

  /**
   * Answers a request. Rejects only where the figures of a JSON answer cannot be made.
   * @param drop cuts the connection of a listener that does not read
   */
  async respond(request: Request, drop: () => void = () => {}): Promise<Response> {
    // Without this any page on the web could take all places of a sink that it cannot even read.
    if (request.headers.get('Sec-Fetch-Site') === 'cross-site') return refusal(403, 'The figures are for pages of this server.');
    if (!request.headers.get('Accept')?.includes('text/event-stream')) {
      return new Response(await this.#json(), { headers: { ...noStore, 'Content-Type': 'application/json' } });
    }
    const interval = intervalOf(request);
    if (interval === undefined) {
      return refusal(400, `The interval is a number of milliseconds from ${INTERVAL.min} to ${INTERVAL.max}.`);
    }
    if (request.method === 'HEAD') return new Response(null, { headers: eventStream });
    if (this.#closed || this.#listeners.size >= this.#maxListeners) {
      return refusal(503, `All ${this.#maxListeners} places for live figures are taken; close one of the pages that show them.`);
    }
    return new Response(this.#listen(interval, drop), { headers: eventStream });
  }

  /** Ends all listeners. Idempotent. */
  close(): void {
    this.#closed = true;
    for (const end of this.#listeners) end();
  }

  #listen(interval: number, drop: () => void): ReadableStream<Uint8Array> {
    const encoder = new TextEncoder();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let end: () => void;
    const forget = (): void => {
      clearTimeout(timer);
      this.#listeners.delete(end);
    };
    return new ReadableStream<Uint8Array>({
      start: (controller) => {
        end = () => {
          forget();
          controller.close();
        };
        this.#listeners.add(end);
        let written = performance.now();
        const tick = async (): Promise<void> => {
          // One unread event at most: the socket's buffers hold enough of the past already.
          if ((controller.desiredSize ?? 0) > 0) {
            const event = await this.#event();
            if (!this.#listeners.has(end)) return;
            controller.enqueue(encoder.encode(event));
            written = performance.now();
          } else if (performance.now() - written > this.#patience) {
            this.#logger.info({}, 'a listener of the figures does not read them and is dropped');
            end();
            drop();
            return;
          }
          timer = setTimeout(() => void tick(), interval);
        };
        void tick();
      },
      cancel: forget,
    });
  }

  /** One event; a comment, which keeps the connection alive, where there are no figures. */
  async #event(): Promise<string> {
    try {
      const json = await this.#json();
      this.#failing = false;
      return `data: ${json}\n\n`;
    } catch (error) {
      if (!this.#failing) this.#logger.warn({ err: error }, 'the figures of the sink cannot be made');
      this.#failing = true;
      return ': no figures at the moment\n\n';
    }
  }

  #json(): Promise<string> {
    const now = performance.now();
    if (!this.#snapshot || now - this.#snapshot.at > FRESH) {
      const make = async (): Promise<string> => JSON.stringify(await this.#source());
      this.#snapshot = { at: now, json: make() };
    }
    return this.#snapshot.json;
  }
}

/** ms between two events, undefined where the request asks for something else than that. */
function intervalOf(request: Request): number | undefined {
  const text = new URL(request.url).searchParams.get('interval');
  if (text === null) return INTERVAL.default;
  const interval = Number(text);
  return interval >= INTERVAL.min && interval <= INTERVAL.max ? interval : undefined;
}

function refusal(status: number, sentence: string): Response {
  return new Response(`${sentence}\n`, { status, headers: { ...noStore, 'Content-Type': 'text/plain; charset=utf-8' } });
}
