/** Packets out of the media library's demultiplexers: devices, pipes, and everything on the network but RTSP. */
import { constants } from 'node:os';
import {
  AV_DISPOSITION_ATTACHED_PIC,
  AV_NOPTS_VALUE,
  AVDISCARD_ALL,
  AVERROR_EOF,
  AVMEDIA_TYPE_AUDIO,
  AVMEDIA_TYPE_VIDEO,
  AVSEEK_FLAG_BACKWARD,
} from 'node-av/constants';
import { Dictionary, FFmpegError, FormatContext, InputFormat, Packet, type Stream } from 'node-av/lib';
import { PacketUnit } from './encoded-unit.ts';
import type { Feed, FeedPacket, FeedStream } from './feed.ts';
import { feedStreamOf } from './stream-track.ts';

const { EIO, ETIMEDOUT } = constants.errno;
const INDEX_BEHIND =
  'its index stands at its end, and the server gives no parts of files: let it grant ranges, or write the file with the index first ("faststart")';

export interface DemuxerOptions {
  readonly url: string;
  /** FFmpeg's name of the demultiplexer; left out: found out. */
  readonly format?: string;
  /** FFmpeg's options. */
  readonly options: Readonly<Record<string, string | number>>;
  /** Every packet comes soon or never: it may be waited for in this thread, and takes none of the process's few others. */
  readonly prompt?: boolean;
  /** What it means where the system only says that reading failed, or took too long. */
  readonly unreadable?: { readonly opening: string; readonly reading: string };
  /** ms that opening and a packet may take, where FFmpeg itself would wait for ever; left out: it does not, or is to. */
  readonly patience?: { readonly opening?: number; readonly reading: number };
}

/** Rejects with a reason without a full stop. */
export async function openDemuxerFeed(options: DemuxerOptions, signal: AbortSignal): Promise<DemuxerFeed> {
  const { url, format: name } = options;
  const input = name === undefined ? null : InputFormat.findInputFormat(name);
  if (name !== undefined && !input) throw new Error(`the media library knows no format "${name}" here`);
  const format = new FormatContext();
  // A dictionary made anew: opening takes it.
  const dictionary = Dictionary.fromObject(
    Object.fromEntries(Object.entries(options.options).map(([key, value]) => [key, `${value}`])),
  );
  format.allocContext();
  const interrupt = (): void => format.interrupt();
  signal.addEventListener('abort', interrupt, { once: true });
  const limit = options.patience?.opening;
  let late = false;
  const giveUp = (): void => {
    late = true;
    interrupt();
  };
  const timer = limit === undefined ? undefined : setTimeout(giveUp, limit);
  try {
    FFmpegError.throwIfError(await format.openInput(url, input, dictionary));
    FFmpegError.throwIfError(await format.findStreamInfo());
    signal.throwIfAborted();
    const streams: Stream[] = [];
    for (const stream of format.streams) {
      if (isWanted(stream)) streams.push(stream);
      else stream.discard = AVDISCARD_ALL;
    }
    if (streams.length === 0) throw new Error('it has neither pictures nor sound');
    if (streams.some(isUnsized)) throw new Error('it sent no keyframe that tells the size of its pictures');
    return new DemuxerFeed(format, streams, options);
  } catch (error) {
    await format.closeInput().catch(() => {});
    if (late) throw new Error(`nothing comes within ${limit! / 1000} s`, { cause: error });
    throw explained(error, options.unreadable?.opening);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', interrupt);
    dictionary.free();
  }
}

export class DemuxerFeed implements Feed {
  readonly streams: readonly FeedStream[];
  /** FFmpeg's name of the demultiplexer. */
  readonly format: string;
  /** Whether it has an end that is known. */
  readonly finite: boolean;
  readonly #context: FormatContext;
  readonly #options: DemuxerOptions;
  /** Its timestamps are made up by the media library. */
  readonly #untimed: boolean;
  readonly #packet = new Packet();
  /** Index of the stream in `streams`, by its index in the container; and µs in a unit of its time base. */
  readonly #places = new Map<number, { readonly index: number; readonly tick: number }>();
  /** What the media library does with it. */
  #busy: Promise<unknown> = Promise.resolve();
  #began = false;
  #closed = false;
  readonly #watchdog: NodeJS.Timeout | undefined;
  /** Since when a packet is being read, ms. */
  #reading: number | undefined;
  #late = false;

  constructor(context: FormatContext, streams: readonly Stream[], options: DemuxerOptions) {
    this.#context = context;
    this.#options = options;
    this.format = context.iformat?.name ?? '';
    this.#untimed = this.format === 'mpjpeg';
    this.finite = context.duration !== AV_NOPTS_VALUE && context.duration > 0n;
    this.streams = streams.map((stream) => feedStreamOf(stream, context));
    this.#packet.alloc();
    for (const [index, { index: at, timeBase }] of streams.entries()) {
      this.#places.set(at, { index, tick: (timeBase.num * 1e6) / timeBase.den });
    }
    const limit = options.patience?.reading;
    if (limit !== undefined) this.#watchdog = setInterval(() => this.#watch(limit), limit / 4);
  }

  async read(): Promise<FeedPacket | undefined> {
    for (;;) {
      if (this.#closed) return undefined;
      const reading = this.#next();
      this.#busy = reading;
      this.#reading = performance.now();
      const result = await reading;
      this.#reading = undefined;
      if (this.#closed) return undefined;
      if (this.#late) throw new Error(`nothing came for ${this.#options.patience!.reading / 1000} s`);
      if (result === AVERROR_EOF) {
        if (!this.#began && this.#needsSeeking) throw new Error(INDEX_BEHIND);
        return undefined;
      }
      if (result < 0) throw explained(new FFmpegError(result), this.#options.unreadable?.reading);
      this.#began = true;
      const place = this.#places.get(this.#packet.streamIndex);
      const packet = place && this.#packet.clone();
      this.#packet.unref();
      if (!place || !packet) continue;
      const { pts, dts, duration } = packet;
      const inMicroseconds = (stamp: bigint): number | undefined =>
        this.#untimed || stamp === AV_NOPTS_VALUE ? undefined : Number(stamp) * place.tick;
      const [time, due] = [inMicroseconds(pts === AV_NOPTS_VALUE ? dts : pts), inMicroseconds(dts)];
      return {
        stream: place.index,
        unit: new PacketUnit(packet),
        time,
        due: due ?? time,
        duration: Number(duration) * place.tick,
      };
    }
  }

  async rewind(): Promise<boolean> {
    if (this.#closed || !this.#context.pb?.seekable) return false;
    const { startTime } = this.#context;
    const seeking = this.#context.seekFrame(-1, startTime === AV_NOPTS_VALUE ? 0n : startTime, AVSEEK_FLAG_BACKWARD);
    this.#busy = seeking;
    return (await seeking) >= 0 && !this.#closed;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#watchdog);
    this.#context.interrupt();
    // What is being read has to be over before it is freed.
    void this.#busy
      .catch(() => {})
      .then(async () => {
        this.#packet.free();
        await this.#context.closeInput().catch(() => {});
      });
  }

  /** Whether it may be a file that can only be played by whoever can go back in it. */
  get #needsSeeking(): boolean {
    return this.format.startsWith('mov') && !this.#context.pb?.seekable;
  }

  #watch(limit: number): void {
    if (this.#reading === undefined || performance.now() - this.#reading < limit) return;
    this.#late = true;
    this.#context.interrupt();
  }

  async #next(): Promise<number> {
    if (!this.#options.prompt) return this.#context.readFrame(this.#packet);
    // Messages get their turn.
    await new Promise((resolve) => setImmediate(resolve));
    return this.#closed ? AVERROR_EOF : this.#context.readFrameSync(this.#packet);
  }
}

function explained(error: unknown, reason: string | undefined): unknown {
  const bare = error instanceof FFmpegError && (error.code === -EIO || error.code === -ETIMEDOUT);
  return bare && reason !== undefined ? new Error(reason, { cause: error }) : error;
}

function isUnsized({ codecpar: { codecType, width, height } }: Stream): boolean {
  return codecType === AVMEDIA_TYPE_VIDEO && (width <= 0 || height <= 0);
}

function isWanted({ codecpar, disposition }: Stream): boolean {
  const media = codecpar.codecType === AVMEDIA_TYPE_VIDEO || codecpar.codecType === AVMEDIA_TYPE_AUDIO;
  return media && (disposition & AV_DISPOSITION_ATTACHED_PIC) === 0;
}
