/**
 * Pictures of the application: copied once, from its buffer into a slot of the pool that the encodings read, which convert colours
 * themselves. Nothing queues: a picture that cannot be taken yet waits in the application's own buffer.
 */
import { TsWebRTCError } from '../../common/errors.ts';
import { invalid } from '../options.ts';
import { copyEven, PICTURE_LAYOUTS, type PictureLayout, pictureSize } from '../picture-layouts.ts';
import type { WorkerInputTrack } from '../worker/messages.ts';
import { monotonicNow } from '../worker/timeline.ts';
import { bytesOf, checkSide } from './bytes.ts';
import type { PushClock, TrackClock } from './push-clock.ts';
import { LEAD, PushedTrack } from './pushed-track.ts';
import type { Wait } from './write-queue.ts';

export interface PushedVideoOptions {
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  /** How the bytes lie: planes without padding (`I420`, `NV12`) or interleaved (`RGBA`, `BGRA`, `RGB24`). */
  readonly format: PictureLayout;
  /** Frames per second. Where given, writes without timestamps that come faster than this wait. */
  readonly framerate?: number;
  /** How `I420` and `NV12` mean their colours. Default `smpte170m` (BT.601). */
  readonly colorSpace?: keyof typeof COLOR_SPACES;
}

export interface VideoWriteOptions {
  /**
   * µs, as in W3C's `VideoFrame`, from wherever the application counts; default: the time of the call. Tracks of a sink share the
   * clock. What is more than 100 ms ahead of time waits until it is not.
   */
  readonly timestamp?: number;
  /** Pixels, where it is not of the track's size. */
  readonly width?: number;
  readonly height?: number;
}

/** A picture in an iterable. */
export interface PushedPicture extends VideoWriteOptions {
  readonly data: ArrayBufferView;
}

interface Picture {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** µs on the monotonic clock. */
  readonly due: number;
}

/** As FFmpeg numbers them (ISO/IEC 23091-2). */
const COLOR_SPACES = { smpte170m: 6, bt709: 1 } as const;
/** Pictures that may wait where the application does not wait for its writes. */
const MAX_WAITING = 2;
/** µs, where neither frame rate nor timestamps tell. */
const DEFAULT_DURATION = 33_333;

export class PushedVideo extends PushedTrack<Picture> {
  /** @internal */
  readonly description: Extract<WorkerInputTrack, { kind: 'video' }>;
  readonly #options: PushedVideoOptions;
  readonly #clock: TrackClock;
  /** Size of the frames handed on. */
  #width = 0;
  #height = 0;
  /** When the next picture is due by the frame rate, µs on the monotonic clock. */
  #next = Number.NEGATIVE_INFINITY;
  /** Of the last picture handed on, µs on the timeline. */
  #last = Number.NEGATIVE_INFINITY;

  /** Throws `INVALID_OPTION`. */
  constructor(options: PushedVideoOptions, clock: PushClock) {
    super('video', { attempt: (picture) => this.#attempt(picture), cost: () => 1, limit: MAX_WAITING });
    const { width, height, format, framerate = 0, colorSpace = 'smpte170m' } = options;
    checkSide('width', width);
    checkSide('height', height);
    if (!PICTURE_LAYOUTS.includes(format)) throw invalid('format', format, `one of ${PICTURE_LAYOUTS.join(', ')}`);
    if (!(framerate >= 0 && framerate <= 240)) throw invalid('framerate', framerate, 'a number above 0 and up to 240');
    if (!(colorSpace in COLOR_SPACES)) throw invalid('colorSpace', colorSpace, Object.keys(COLOR_SPACES).join(' or '));
    this.#options = options;
    this.#clock = clock.join();
    this.description = {
      kind: 'video',
      format: { width: width & ~1, height: height & ~1, framerate },
      colorSpace: COLOR_SPACES[format === 'I420' || format === 'NV12' ? colorSpace : 'smpte170m'],
    };
  }

  /**
   * Resolves when there is room for another picture; the bytes were copied by then, and the buffer is free. Pictures wait while every
   * encoder is busy, and where they are ahead of time. While nobody watches they are given up. Rejects with `INVALID_OPTION` for
   * bytes that are no such picture, with `INVALID_STATE` after `end` and `close`.
   */
  async write(frame: ArrayBufferView, options: VideoWriteOptions = {}): Promise<void> {
    const { width = this.#options.width, height = this.#options.height, timestamp } = options;
    const now = monotonicNow() * 1000;
    checkSide('width', width);
    checkSide('height', height);
    const data = bytesOf(frame);
    const { format } = this.#options;
    const size = pictureSize(format, width, height);
    if (data.length !== size) {
      throw new TsWebRTCError(
        'INVALID_OPTION',
        `The frame has ${data.length} bytes, but a picture of ${width}x${height} in ${format} has ${size}: pass the width and height of a frame of another size.`,
      );
    }
    return this.queue.write({ data, width, height, due: this.#dueTime(timestamp, now) });
  }

  /** Writes what comes, at the pace of the encoders and of its timestamps; resolves at its end. The track goes on: call `end`. */
  async pipeFrom(pictures: AsyncIterable<PushedPicture> | Iterable<PushedPicture>): Promise<void> {
    for await (const picture of pictures) await this.write(picture.data, picture);
  }

  protected async flush(): Promise<void> {}

  #dueTime(timestamp: number | undefined, now: number): number {
    if (timestamp !== undefined) {
      if (!Number.isFinite(timestamp)) throw invalid('timestamp', timestamp, 'a number of µs');
      return this.#clock.due(timestamp, now);
    }
    const { framerate } = this.#options;
    if (!framerate) return now;
    const due = Math.max(this.#next, now);
    this.#next = due + 1e6 / framerate;
    return due;
  }

  #attempt({ data, width, height, due }: Picture): Wait {
    const early = due - monotonicNow() * 1000 - LEAD;
    if (early > 0) return early;
    const { outlet, origin } = this;
    if (origin === undefined || !outlet.hasSubscribers) return 0;
    if (!outlet.hasRoom) return Number.POSITIVE_INFINITY;
    const { format } = this.#options;
    this.#follow(width & ~1, height & ~1);
    const room = outlet.begin();
    if (!room) return 0;
    copyEven(format, data, width, height, room);
    const timestamp = Math.max(Math.round(due - origin), this.#last + 1);
    outlet.commit(timestamp, this.#duration(timestamp));
    this.#last = timestamp;
    return 0;
  }

  #duration(timestamp: number): number {
    const { framerate } = this.#options;
    if (framerate) return Math.round(1e6 / framerate);
    const since = timestamp - this.#last;
    return since < 1e6 ? since : DEFAULT_DURATION;
  }

  #follow(width: number, height: number): void {
    if (width === this.#width && height === this.#height) return;
    this.#width = width;
    this.#height = height;
    const { format: layout, framerate = 0 } = this.#options;
    const { colorSpace } = this.description;
    this.outlet.setFormat({ kind: 'video', width, height, framerate, colorSpace, layout }, pictureSize(layout, width, height));
  }
}
