/**
 * What is put into a sink: its inputs and the tracks they turn out to have, which come and go while it runs. Those that are
 * there when it starts are opened with it, later ones as they come.
 */
import { asError, TsWebRTCError } from '../common/errors.ts';
import type { InputDescription, MediaEngine, MediaInput } from '../media/types.ts';
import { checkMsid, type SinkTrack, type TrackInfo, TrackNames } from './tracks.ts';

export interface AddTrackOptions {
  /**
   * MediaStream id that consumers are told for these tracks (the reference's pad property). Tracks of one id are played together;
   * default: all tracks without an id are one stream.
   */
  readonly msid?: string;
}

/** An input of a sink. */
export interface SinkInput {
  readonly description: InputDescription;
  /** What it has: empty until it is open. */
  readonly tracks: readonly TrackInfo[];
  /**
   * Resolves when it is open and its tracks are offered to the consumers; rejects with `INPUT_NOT_FOUND`, `INPUT_FAILED`, …,
   * which the sink's `error` event (or `start`) tells, too.
   */
  readonly opened: Promise<readonly TrackInfo[]>;
  /** Takes all of its tracks away and closes it; resolves when that is done. Idempotent. */
  remove(): Promise<void>;
}

export interface SinkInputsHooks {
  readonly onAdded: (track: SinkTrack) => void;
  /** The tracks are not what they were. */
  readonly onChanged: () => void;
  /** The track is gone; before its input is closed. */
  readonly onRemoved: (track: SinkTrack) => Promise<void>;
  /** It gives nothing for the time being, and it goes on. */
  readonly onInterrupted: (input: SinkInput, reason: string) => void;
  readonly onResumed: (input: SinkInput) => void;
  /** The input came to its end, by `error` where that is given; `last`: and so have all others. */
  readonly onEnded: (input: SinkInput, error: TsWebRTCError | undefined, last: boolean) => void;
  readonly onError: (error: TsWebRTCError) => void;
}

interface Entry extends SinkInput {
  tracks: SinkTrack[];
  readonly msid: string | undefined;
  media: MediaInput | undefined;
  ended: boolean;
  removed: boolean;
  readonly settle: { resolve(tracks: readonly TrackInfo[]): void; reject(error: Error): void };
}

export class SinkInputs {
  readonly #hooks: SinkInputsHooks;
  readonly #entries: Entry[] = [];
  readonly #names = new TrackNames();
  readonly #abort = new AbortController();
  /** Of those that came later. */
  readonly #opening = new Set<Promise<void>>();
  #engine: MediaEngine | undefined;
  #started = false;

  constructor(hooks: SinkInputsHooks) {
    this.#hooks = hooks;
  }

  get size(): number {
    return this.#entries.length;
  }

  /** All there are, pictures first, as the reference's payload types and browsers' habits have it. */
  get tracks(): readonly SinkTrack[] {
    return inOrder(this.#entries.flatMap(({ tracks }) => tracks));
  }

  /** Those of inputs that have not come to their end. */
  get liveTracks(): readonly SinkTrack[] {
    return inOrder(this.#entries.flatMap(({ tracks, ended }) => (ended ? [] : tracks)));
  }

  /** Throws `INVALID_OPTION`. */
  add(description: InputDescription, { msid }: AddTrackOptions): SinkInput {
    checkMsid(msid);
    let settle!: Entry['settle'];
    const opened = new Promise<readonly TrackInfo[]>((resolve, reject) => {
      settle = { resolve, reject };
    });
    // Who does not wait for it hears of it elsewhere.
    opened.catch(() => {});
    const entry: Entry = {
      description,
      tracks: [],
      opened,
      msid,
      media: undefined,
      ended: false,
      removed: false,
      settle,
      remove: () => this.#remove(entry),
    };
    this.#entries.push(entry);
    if (this.#engine) this.#openLater(entry, this.#engine);
    return entry;
  }

  /** Opens those that are there; rejects where one cannot be. */
  async open(engine: MediaEngine): Promise<void> {
    this.#engine = engine;
    const entries = [...this.#entries];
    const opened = await Promise.allSettled(entries.map((entry) => this.#open(entry, engine)));
    const failure = opened.find((result, index) => result.status === 'rejected' && !entries[index]!.removed);
    if (failure?.status === 'rejected') throw failure.reason;
    // Named in the order in which they were added, whichever was open first.
    for (const entry of entries) if (!entry.removed) this.#name(entry);
  }

  /** Lets them run. */
  start(): void {
    this.#started = true;
    for (const { media } of this.#entries) media?.start();
  }

  /** Takes one track away, and its input where it was the last. Rejects with `INVALID_OPTION` where there is none of that name. */
  async removeTrack(name: string): Promise<void> {
    const entry = this.#entries.find(({ tracks }) => tracks.some((track) => track.name === name));
    if (!entry) {
      const names = this.tracks.map((track) => track.name).join(', ') || 'none';
      throw new TsWebRTCError('INVALID_OPTION', `There is no track "${name}"; there are: ${names}.`);
    }
    if (entry.tracks.length === 1) return this.#remove(entry);
    await this.#removeTracks(entry, (track) => track.name === name);
  }

  /** Gives up what is being opened. */
  abort(): void {
    this.#abort.abort(new TsWebRTCError('INVALID_STATE', 'the sink was closed.'));
  }

  async close(): Promise<void> {
    this.abort();
    await Promise.all(this.#opening);
    await Promise.all(this.#entries.splice(0).map(closeInput));
  }

  #openLater(entry: Entry, engine: MediaEngine): void {
    const opening = this.#open(entry, engine).then(
      () => {
        if (entry.removed) return;
        this.#name(entry);
        if (this.#started) entry.media!.start();
        this.#hooks.onChanged();
      },
      async (error: unknown) => {
        this.#drop(entry);
        if (!entry.removed && !this.#abort.signal.aborted) this.#hooks.onError(asError(error, 'INPUT_FAILED'));
        await this.#closeInput(entry);
      },
    );
    this.#opening.add(opening);
    void opening.finally(() => this.#opening.delete(opening));
  }

  async #open(entry: Entry, engine: MediaEngine): Promise<void> {
    try {
      const media = await engine.openInput(entry.description, { signal: this.#abort.signal });
      entry.media = media;
      if (entry.removed || this.#abort.signal.aborted) {
        await media.close();
        throw new TsWebRTCError('INVALID_STATE', 'the input was removed before it was open.');
      }
      media.on('error', (error) => {
        const reason = asError(error, 'INPUT_FAILED');
        this.#hooks.onError(reason);
        this.#onEnded(entry, reason);
      });
      media.on('interrupted', (reason) => this.#hooks.onInterrupted(entry, reason));
      media.on('resumed', () => this.#hooks.onResumed(entry));
      media.on('ended', () => this.#onEnded(entry, undefined));
    } catch (error) {
      entry.settle.reject(asError(error));
      throw error;
    }
  }

  /** Its tracks are there from now on. */
  #name(entry: Entry): void {
    const { media, msid } = entry;
    for (const input of media?.tracks ?? []) {
      const track: SinkTrack = {
        name: this.#names.take(input.kind),
        kind: input.kind,
        input,
        ...(msid === undefined ? {} : { msid }),
      };
      entry.tracks = [...entry.tracks, track];
      this.#hooks.onAdded(track);
    }
    entry.settle.resolve(entry.tracks);
  }

  async #remove(entry: Entry): Promise<void> {
    if (entry.removed) return;
    entry.removed = true;
    entry.settle.reject(new TsWebRTCError('INVALID_STATE', 'the input was removed before it was open.'));
    this.#drop(entry);
    await this.#removeTracks(entry, () => true);
    await closeInput(entry);
  }

  async #removeTracks(entry: Entry, which: (track: SinkTrack) => boolean): Promise<void> {
    const gone = entry.tracks.filter(which);
    entry.tracks = entry.tracks.filter((track) => !gone.includes(track));
    if (gone.length === 0) return;
    this.#hooks.onChanged();
    await Promise.all(gone.map((track) => this.#hooks.onRemoved(track)));
  }

  /** Where nobody waits for it. */
  async #closeInput(entry: Entry): Promise<void> {
    await closeInput(entry).catch((error: unknown) => this.#hooks.onError(asError(error, 'INPUT_FAILED')));
  }

  #drop(entry: Entry): void {
    const index = this.#entries.indexOf(entry);
    if (index >= 0) this.#entries.splice(index, 1);
  }

  #onEnded(entry: Entry, error: TsWebRTCError | undefined): void {
    if (entry.ended || entry.removed || this.#abort.signal.aborted) return;
    entry.ended = true;
    void this.#closeInput(entry);
    this.#hooks.onEnded(
      entry,
      error,
      this.#entries.every(({ ended }) => ended),
    );
  }
}

async function closeInput({ media, description }: Entry): Promise<void> {
  await media?.close();
  // One that was never opened still waits for what the application writes.
  if (description.type === 'push') description.close();
}

function inOrder(tracks: readonly SinkTrack[]): SinkTrack[] {
  return [...tracks].sort((a, b) => Number(a.kind === 'audio') - Number(b.kind === 'audio'));
}
