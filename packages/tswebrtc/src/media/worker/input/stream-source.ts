/**
 * An input that takes its packets as they come, from elsewhere: a camera, a device, a server, a pipe. Live ones are handed on at
 * once, others paced by their timestamps. One that is lost is tried again, and its tracks go on when it is back.
 */
import { asError, TsWebRTCError } from '../../../common/errors.ts';
import type { Timeline } from '../timeline.ts';
import type { Feed, FeedPacket, OpenFeed } from './feed.ts';
import { LiveClock } from './live-clock.ts';
import { PacedClock } from './paced-clock.ts';
import type { Source, SourceCallbacks } from './source.ts';
import { StreamTrack } from './stream-track.ts';

/** Between two tries, ms: twice as long each time. */
const FIRST_DELAY = 250;
const LONGEST_DELAY = 8000;
/** An input of which nothing comes for so long, ms, is said to be stalled. */
const STALL = 3000;

/** Pictures are not shown later after they are decoded than this, µs. */
const MOST_REORDERING = 1_000_000;

export interface StreamSourceOptions {
  /** What it is, for sentences, without secrets: `The camera rtsp://…`. */
  readonly name: string;
  readonly open: OpenFeed;
  /** Handed on as it comes, rather than paced by its timestamps. */
  readonly live: boolean;
  /** What is to be done at its end: for `again`, the end is a loss like any other; `loop`: it begins anew, and nobody is told. */
  readonly atEnd: 'again' | 'end' | 'loop';
  readonly reconnect: boolean;
  /** What is to be done when it is not opened again. */
  readonly closed?: () => void;
}

/** Opens it for the first time; rejects with `INPUT_FAILED`. */
export async function openStreamSource(options: StreamSourceOptions, signal: AbortSignal): Promise<Source> {
  try {
    const feed = await options.open(signal);
    try {
      return new StreamSource(options, feed, await Promise.all(feed.streams.map((stream) => StreamTrack.open(stream))));
    } catch (error) {
      feed.close();
      throw error;
    }
  } catch (cause) {
    options.closed?.();
    throw inputFailed(options.name, cause);
  }
}

/** That an input cannot be opened, and why. */
export function inputFailed(name: string, cause: unknown): TsWebRTCError {
  return new TsWebRTCError('INPUT_FAILED', `${name} cannot be opened: ${reasonOf(cause)}.`, { cause });
}

class StreamSource implements Source {
  readonly tracks: readonly StreamTrack[];
  readonly #options: StreamSourceOptions;
  readonly #clock = new LiveClock();
  readonly #paced = new PacedClock();
  readonly #abort = new AbortController();
  #feed: Feed;
  /** Index of the track of each stream of the feed. */
  #places: readonly (StreamTrack | undefined)[];
  #interrupted = false;
  #lastPacket = 0;
  #watchdog: NodeJS.Timeout | undefined;
  #wake: (() => void) | undefined;
  /** Something came since it was opened, or begun anew. */
  #came = false;
  #everCame = false;
  #rewound = false;
  /** Before the next try, ms. */
  #delay = FIRST_DELAY;

  constructor(options: StreamSourceOptions, feed: Feed, tracks: readonly StreamTrack[]) {
    this.#options = options;
    this.#feed = feed;
    this.tracks = tracks;
    this.#places = tracks;
    this.#paced.restart(feed.streams);
  }

  start(timeline: Timeline, callbacks: SourceCallbacks): void {
    this.#lastPacket = timeline.now();
    this.#watchdog = setInterval(() => this.#watch(timeline, callbacks), STALL / 4);
    this.#run(timeline, callbacks).then(
      () => {
        clearInterval(this.#watchdog);
        if (!this.#closed) callbacks.ended();
      },
      (error: unknown) => {
        clearInterval(this.#watchdog);
        if (!this.#closed) callbacks.failed(error);
      },
    );
  }

  close(): void {
    if (this.#closed) return;
    this.#abort.abort();
    clearInterval(this.#watchdog);
    this.#wake?.();
    this.#feed.close();
    this.#options.closed?.();
    for (const track of this.tracks) track.close();
  }

  get #closed(): boolean {
    return this.#abort.signal.aborted;
  }

  /** Resolves at the end of the input. */
  async #run(timeline: Timeline, callbacks: SourceCallbacks): Promise<void> {
    for (;;) {
      const lost = await this.#play(timeline, callbacks);
      if (this.#closed) return;
      for (const track of this.tracks) track.drain();
      const { name, reconnect, atEnd } = this.#options;
      if (lost !== undefined && atEnd !== 'again' && !this.#everCame) {
        throw new TsWebRTCError('INPUT_FAILED', `${name} cannot be played: ${reasonOf(lost)}.`, { cause: lost });
      }
      if (lost === undefined && atEnd === 'end') return;
      // What lets itself be set back need not give anything then: whether it does shows when it is read.
      const loops = atEnd === 'loop' && (this.#came ? lost === undefined : this.#rewound);
      const failure = loops ? await this.#startOver() : lost;
      if (this.#closed) return;
      if (loops && failure === undefined) continue;
      const reason = failure === undefined ? 'it came to its end' : reasonOf(failure);
      if (!reconnect) throw new TsWebRTCError('INPUT_FAILED', `${name} was lost: ${reason}.`, { cause: failure });
      this.#interrupt(callbacks, `${name} was lost: ${reason}; it is tried again until it is back.`);
      this.#feed.close();
      if (!(await this.#reopen())) return;
    }
  }

  /** Hands on what comes; resolves with why nothing more does, undefined at the end. */
  async #play(timeline: Timeline, callbacks: SourceCallbacks): Promise<unknown> {
    for (;;) {
      let read: FeedPacket | undefined;
      const asked = timeline.now();
      try {
        read = await this.#feed.read();
      } catch (error) {
        return error;
      }
      if (!read || this.#closed) {
        read?.unit.free();
        return undefined;
      }
      this.#lastPacket = timeline.now();
      this.#came = this.#everCame = true;
      this.#delay = FIRST_DELAY;
      if (this.#interrupted) {
        this.#interrupted = false;
        callbacks.resumed();
      }
      const track = this.#places[read.stream];
      if (!track) {
        read.unit.free();
        continue;
      }
      const time = await this.#place(read, asked, timeline);
      if (this.#closed) {
        read.unit.free();
        return undefined;
      }
      try {
        track.feed(read.unit, time, read.duration, read.time);
      } catch (error) {
        return error;
      }
    }
  }

  /** Waits until a packet is due. */
  async #pace(packet: FeedPacket, asked: number, timeline: Timeline): Promise<void> {
    const now = timeline.now();
    const due = this.#paced.due(packet, asked, now);
    if (due <= now) return;
    await this.#wait((due - now) / 1000);
    this.#lastPacket = timeline.now();
  }

  /** Where a packet lies on the timeline, once its time has come. */
  async #place(packet: FeedPacket, asked: number, timeline: Timeline): Promise<number> {
    if (this.#options.live) {
      const { time, due } = packet;
      // Where pictures do not come in order, it is by the order in which they come that the sender's clock is known.
      return this.#clock.place(due, this.#lastPacket) + Math.min(MOST_REORDERING, (time ?? 0) - (due ?? 0));
    }
    await this.#pace(packet, asked, timeline);
    return this.#paced.place(packet);
  }

  /** Until `ms` have passed, or it is closed. */
  async #wait(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.ceil(ms));
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }

  /** From its beginning once more; resolves with why that cannot be. */
  async #startOver(): Promise<unknown> {
    try {
      if (this.#came && (await this.#feed.rewind?.())) {
        this.#rewound = true;
        this.#came = false;
        await this.#take(this.#feed);
        return undefined;
      }
      this.#feed.close();
      await this.#open();
      return undefined;
    } catch (error) {
      return error;
    }
  }

  /** Takes up another feed in the place of the one before, unless it was closed meanwhile. */
  async #open(): Promise<void> {
    const feed = await this.#options.open(this.#abort.signal);
    if (this.#closed) return feed.close();
    this.#feed = feed;
    this.#rewound = false;
    this.#came = false;
    await this.#take(feed);
  }

  /** Tries until it is open; false when it was closed meanwhile. */
  async #reopen(): Promise<boolean> {
    while (!this.#closed) {
      await this.#wait(this.#delay);
      this.#delay = Math.min(LONGEST_DELAY, 2 * this.#delay);
      if (this.#closed) return false;
      try {
        await this.#open();
        return !this.#closed;
      } catch {
        // The next try may do; that it is lost was said.
      }
    }
    return false;
  }

  /** Gives each stream to the track that its like had before. */
  async #take(feed: Feed): Promise<void> {
    const free = [...this.tracks];
    const places: (StreamTrack | undefined)[] = [];
    for (const stream of feed.streams) {
      const index = free.findIndex((track) => track.takes(stream));
      const [track] = index < 0 ? [] : free.splice(index, 1);
      places.push(track);
      await track?.renew(stream);
    }
    this.#places = places;
    this.#clock.restart();
    this.#paced.restart(feed.streams);
  }

  #watch(timeline: Timeline, callbacks: SourceCallbacks): void {
    if (timeline.now() - this.#lastPacket < STALL * 1000) return;
    this.#interrupt(callbacks, `${this.#options.name} has given nothing for ${STALL / 1000} s.`);
  }

  #interrupt(callbacks: SourceCallbacks, reason: string): void {
    if (this.#interrupted || this.#closed) return;
    this.#interrupted = true;
    callbacks.interrupted(reason);
  }
}

function reasonOf(cause: unknown): string {
  return asError(cause).message.replace(/\.$/, '');
}
