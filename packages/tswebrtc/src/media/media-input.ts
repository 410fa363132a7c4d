/** An open input as the main thread sees it. */
import type { MessagePort } from 'node:worker_threads';
import { Emitter } from '../common/emitter.ts';
import { TsWebRTCError } from '../common/errors.ts';
import { TimeCodeLine } from '../common/time-code.ts';
import { EncodedRingReader } from './encoded-ring.ts';
import type { EngineInput, Tap, TapHandlers } from './engine-input.ts';
import { RingFrame, ringFor } from './ring-frame.ts';
import type { InputEvents, InputTrack } from './types.ts';
import type { FromInput, ToInput, WorkerInputDescription, WorkerInputTrack } from './worker/messages.ts';
import { startTime } from './worker/timeline.ts';
import type { WorkerHost } from './worker-host.ts';

/** Somebody takes the packets of a track as they are. */
interface OpenTap extends TapHandlers {
  readonly reader: EncodedRingReader;
}

export class WorkerInput extends Emitter<InputEvents> implements EngineInput {
  readonly tracks: readonly InputTrack[];
  /** The tracks as the input's thread described them. */
  readonly descriptions: readonly WorkerInputTrack[];
  readonly #host: WorkerHost;
  readonly #onClosed: () => void;
  #started = false;
  #gone = false;
  #failure: Error | undefined;
  readonly #taps = new Map<number, OpenTap>();
  #nextTap = 0;

  private constructor(id: string, tracks: readonly WorkerInputTrack[], host: WorkerHost, onClosed: () => void) {
    super();
    this.descriptions = tracks;
    this.tracks = tracks.map((track, index) => {
      const { encoded, transcoded, timeCodes } = track;
      const all = { id: `${id}.${index}`, ...(encoded ? { encoded } : {}), ...(transcoded ? { transcoded } : {}) };
      return track.kind === 'video'
        ? { ...all, kind: track.kind, format: track.format, ...(timeCodes ? { timeCodes: new TimeCodeLine(timeCodes) } : {}) }
        : { ...all, kind: track.kind, format: track.format };
    });
    this.#host = host;
    this.#onClosed = onClosed;
  }

  /** Opens an input in a thread of its own. Closes the thread when that fails. */
  static async open(
    id: string,
    description: WorkerInputDescription,
    host: WorkerHost,
    onClosed: () => void,
    signal?: AbortSignal,
  ): Promise<WorkerInput> {
    let input: WorkerInput | undefined;
    let abort: (() => void) | undefined;
    try {
      return await new Promise((resolve, reject) => {
        abort = () => reject(signal?.reason);
        if (signal?.aborted) return abort();
        signal?.addEventListener('abort', abort);
        host.take({
          message: (message) => {
            const from = message as FromInput;
            if (input) return input.#onMessage(from);
            if (from.type === 'failed') reject(new TsWebRTCError(from.error.code, from.error.message));
            else if (from.type === 'input-opened') resolve((input = new WorkerInput(id, from.tracks, host, onClosed)));
          },
          died: (cause) => {
            const error = new TsWebRTCError('INPUT_FAILED', `The thread of the ${description.type} input died.`, { cause });
            if (input) input.#onDied(error);
            else reject(error);
          },
        });
        host.post({ type: 'open-input', description } satisfies ToInput);
      });
    } catch (error) {
      await host.close();
      throw error;
    } finally {
      if (abort) signal?.removeEventListener('abort', abort);
    }
  }

  /** Closed or dead: it serves nobody any more. */
  get gone(): boolean {
    return this.#gone;
  }

  start(): void {
    if (this.#started) return;
    this.#started = true;
    // Taken here and not in the thread, so that inputs started together share one timeline, however long threads take to wake.
    this.#host.post({ type: 'start', at: startTime() } satisfies ToInput);
  }

  /** Sends a track's raw frames to `port`; false when the input is gone. */
  subscribe(track: number, subscriber: number, port: MessagePort): boolean {
    if (this.#gone) return false;
    this.#host.post({ type: 'subscribe', track, subscriber, port } satisfies ToInput, [port]);
    return true;
  }

  unsubscribe(track: number, subscriber: number): void {
    this.#host.post({ type: 'unsubscribe', track, subscriber } satisfies ToInput);
  }

  /** The packets come as messages, and lie in a ring of the tap's own. */
  tap(track: number, handlers: TapHandlers): Tap | undefined {
    if (this.#gone || !this.tracks[track]?.encoded) return undefined;
    const ring = ringFor(this.tracks[track]);
    const tap = this.#nextTap++;
    this.#taps.set(tap, { ...handlers, reader: new EncodedRingReader(ring) });
    this.#host.post({ type: 'tap', track, tap, ring } satisfies ToInput);
    return {
      requestKeyframe: () => {},
      close: () => {
        if (this.#taps.delete(tap)) this.#host.post({ type: 'untap', track, tap } satisfies ToInput);
      },
    };
  }

  async close(): Promise<void> {
    this.#gone = true;
    this.#taps.clear();
    await this.#host.close();
    this.#onClosed();
  }

  #onMessage(message: FromInput): void {
    switch (message.type) {
      case 'tapped': {
        const tap = this.#taps.get(message.tap);
        tap?.frame(new RingFrame(message, tap.reader));
        return;
      }
      case 'tap-failed':
        this.#taps.get(message.tap)?.failed(new TsWebRTCError('ENCODER_FAILED', message.message));
        return;
      case 'ended':
        this.emit('ended');
        return;
      case 'interrupted':
        this.emit('interrupted', message.reason);
        return;
      case 'resumed':
        this.emit('resumed');
        return;
      case 'failed':
        this.#fail(new TsWebRTCError(message.error.code, message.error.message));
    }
  }

  #onDied(error: Error): void {
    this.#gone = true;
    this.#fail(error);
  }

  #fail(error: Error): void {
    if (this.#failure) return;
    this.#failure = error;
    this.emit('error', error);
  }
}
