/** Collects what an encoding makes, for tests: copies every frame, releases it, and waits for what a test waits for. */
import type { EncodedFrame, Encoding } from './types.ts';

export type LoggedFrame = Omit<EncodedFrame, 'release'> & {
  /** ms since the Unix epoch */
  readonly receivedAt: number;
};

export class FrameLog {
  readonly frames: LoggedFrame[] = [];
  ended = false;
  error: Error | undefined;
  readonly #waiting = new Set<() => void>();

  constructor(encoding: Encoding) {
    encoding.on('frame', (frame) => {
      const { timestamp, duration, captureTime, keyframe, temporalLayer } = frame;
      const receivedAt = performance.timeOrigin + performance.now();
      const data = frame.data.slice();
      frame.release();
      this.frames.push({ data, timestamp, duration, captureTime, keyframe, temporalLayer, receivedAt });
      this.#changed();
    });
    encoding.on('ended', () => {
      this.ended = true;
      this.#changed();
    });
    encoding.on('error', (error) => {
      this.error = error;
      this.#changed();
    });
  }

  /** Resolves when `condition` holds; rejects when the encoding failed or `timeout` ms have passed. */
  until(condition: (log: this) => boolean, timeout = 10_000): Promise<void> {
    return new Promise((resolve, reject) => {
      const check = (): void => {
        if (this.error) settle(() => reject(this.error));
        else if (condition(this)) settle(resolve);
      };
      const settle = (done: () => void): void => {
        this.#waiting.delete(check);
        clearTimeout(timer);
        done();
      };
      const timer = setTimeout(() => {
        settle(() => reject(new Error(`waited ${timeout} ms in vain; ${this.frames.length} frames came`)));
      }, timeout);
      this.#waiting.add(check);
      check();
    });
  }

  /** Resolves when media of `seconds` more has come; returns its frames. */
  async next(seconds: number): Promise<LoggedFrame[]> {
    const from = this.frames.length;
    await this.until(() => {
      const first = this.frames[from];
      return first !== undefined && this.frames.at(-1)!.timestamp - first.timestamp >= seconds * 1e6;
    });
    return this.frames.slice(from);
  }

  #changed(): void {
    for (const check of [...this.#waiting]) check();
  }
}

/** Bit/s over the frames' own time. */
export function bitrateOf(frames: readonly LoggedFrame[]): number {
  const bits = frames.slice(1).reduce((sum, frame) => sum + frame.data.length * 8, 0);
  return bits / ((frames.at(-1)!.timestamp - frames[0]!.timestamp) / 1e6);
}
