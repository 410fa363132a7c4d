/** A recording as the main thread sees it: hands frames to the thread that writes them, never more than it can hold. */
import { Emitter } from '../common/emitter.ts';
import { TsWebRTCError } from '../common/errors.ts';
import { openWorker } from './open-worker.ts';
import type { ByteSink, RecordedFrame, Recording, RecordingEvents, RecordingFigures, RecordingOptions } from './output-types.ts';
import type { FromRecording, ToRecording } from './worker/messages.ts';
import type { WorkerHost } from './worker-host.ts';

/** What may wait for a disk that stalls, bytes: half a minute of 16 Mbit/s. */
const MOST_WAITING = 64 << 20;
/** What may wait for who reads the bytes: a second or more, by which they would be late. */
const MOST_UNREAD = 8 << 20;
/** ms that a disk has to take the rest. */
const CLOSE_TIME = 30_000;

export class WorkerRecording extends Emitter<RecordingEvents> implements Recording {
  readonly #host: WorkerHost;
  readonly #onClosed: () => void;
  readonly #reader: ByteSink | undefined;
  readonly #frames: number[];
  /** Tracks whose frames need a keyframe before they can go on. */
  readonly #broken = new Set<number>();
  readonly #video: readonly boolean[];
  #dropped = 0;
  #bytes = 0;
  #waiting = 0;
  #duration = 0;
  #failure: Error | undefined;
  #closing: Promise<void> | undefined;

  private constructor({ output, tracks }: RecordingOptions, host: WorkerHost, onClosed: () => void) {
    super();
    this.#host = host;
    this.#onClosed = onClosed;
    this.#reader = typeof output === 'string' ? undefined : output;
    this.#frames = tracks.map(() => 0);
    this.#video = tracks.map(({ kind }) => kind === 'video');
  }

  /** Begins a recording in a thread of its own. Closes the thread when that fails. */
  static async open(options: RecordingOptions, host: WorkerHost, onClosed: () => void): Promise<WorkerRecording> {
    const recording = new WorkerRecording(options, host, onClosed);
    const { container, output, tracks } = options;
    const path = typeof output === 'string' ? { path: output } : {};
    const request = { type: 'open-recording', options: { container, tracks, ...path } } satisfies ToRecording;
    const died = (cause: unknown): TsWebRTCError =>
      new TsWebRTCError('RECORDING_FAILED', 'The thread of the recording died.', { cause });
    await openWorker<FromRecording>(host, request, 'recording-opened', died, {
      message: (message) => recording.#onMessage(message),
      failed: (error) => recording.#fail(error),
    });
    return recording;
  }

  get figures(): RecordingFigures {
    return {
      frames: [...this.#frames],
      framesDropped: this.#dropped,
      bytesWritten: this.#bytes,
      duration: this.#duration,
    };
  }

  write(frame: RecordedFrame): void {
    const { track, data, timestamp, keyframe } = frame;
    if (this.#failure || this.#closing || this.#video[track] === undefined) return;
    const late = this.#waiting + data.length > MOST_WAITING || (this.#reader?.waiting ?? 0) > MOST_UNREAD;
    if (late || (this.#broken.has(track) && !keyframe)) {
      this.#dropped++;
      if (this.#video[track]) this.#broken.add(track);
      return;
    }
    this.#broken.delete(track);
    const copy = Uint8Array.from(data);
    this.#waiting += copy.length;
    this.#frames[track]!++;
    this.#duration = Math.max(this.#duration, timestamp);
    this.#host.post({ type: 'frame', frame: { ...frame, data: copy } } satisfies ToRecording, [copy.buffer]);
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  #onMessage(message: FromRecording): void {
    if (message.type === 'written') {
      this.#waiting -= message.bytes;
      this.#bytes += message.bytes;
    } else if (message.type === 'data') this.#reader?.write(message.data);
  }

  #fail(error: Error): void {
    if (this.#failure) return;
    this.#failure = error;
    this.emit('error', error);
  }

  async #close(): Promise<void> {
    await this.#host.close({ limit: CLOSE_TIME, listening: true });
    this.#onClosed();
    this.removeAllListeners();
    if (this.#failure) throw this.#failure;
  }
}
