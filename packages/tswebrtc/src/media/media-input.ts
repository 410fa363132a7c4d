/** An open input as the main thread sees it. */
import type { MessagePort } from 'node:worker_threads';
import { Emitter } from '../common/emitter.ts';
import { TsWebRTCError } from '../common/errors.ts';
import type { InputDescription, InputEvents, InputTrack, MediaInput } from './types.ts';
import type { FromInput, StartTime, ToInput, WorkerInputTrack } from './worker/messages.ts';
import type { WorkerHost } from './worker-host.ts';

export class WorkerInput extends Emitter<InputEvents> implements MediaInput {
  readonly tracks: readonly InputTrack[];
  /** The tracks as the input's thread described them. */
  readonly descriptions: readonly WorkerInputTrack[];
  readonly #host: WorkerHost;
  readonly #onClosed: () => void;
  #started = false;
  #gone = false;
  #failure: Error | undefined;

  private constructor(id: string, tracks: readonly WorkerInputTrack[], host: WorkerHost, onClosed: () => void) {
    super();
    this.descriptions = tracks;
    this.tracks = tracks.map((track, index) => {
      const trackId = `${id}.${index}`;
      return track.kind === 'video'
        ? { kind: track.kind, format: track.format, id: trackId }
        : { kind: track.kind, format: track.format, id: trackId };
    });
    this.#host = host;
    this.#onClosed = onClosed;
  }

  /** Opens an input in a thread of its own. Closes the thread when that fails. */
  static async open(
    id: string,
    description: InputDescription,
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
    const at: StartTime = {
      monotonic: Number(process.hrtime.bigint()) / 1e6,
      unix: performance.timeOrigin + performance.now(),
    };
    this.#host.post({ type: 'start', at } satisfies ToInput);
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

  async close(): Promise<void> {
    this.#gone = true;
    await this.#host.close();
    this.#onClosed();
  }

  #onMessage(message: FromInput): void {
    if (message.type === 'ended') this.emit('ended');
    else if (message.type === 'failed') this.#fail(new TsWebRTCError(message.error.code, message.error.message));
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
