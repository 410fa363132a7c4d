/**
 * A media file: demultiplexed, decoded a little ahead and paced by its timestamps against the monotonic clock, so that it
 * neither drifts nor runs ahead. Pictures and sound share the timeline; a loop goes on with it.
 */
import { stat } from 'node:fs/promises';
import {
  AV_DISPOSITION_ATTACHED_PIC,
  AV_NOPTS_VALUE,
  AVDISCARD_ALL,
  AVERROR_INVALIDDATA,
  AVMEDIA_TYPE_AUDIO,
  AVMEDIA_TYPE_VIDEO,
  AVSEEK_FLAG_BACKWARD,
  AVSEEK_FLAG_BYTE,
} from 'node-av/constants';
import { Dictionary, FFmpegError, FormatContext, Packet, type Stream } from 'node-av/lib';
import { asError, TsWebRTCError } from '../../../common/errors.ts';
import type { FileInput } from '../../types.ts';
import type { Timeline } from '../timeline.ts';
import { FileStream } from './file-stream.ts';
import type { Lane } from './lane.ts';
import { PacketLane } from './packet-lane.ts';
import { passableAs } from './passable.ts';
import { PictureLane } from './picture-lane.ts';
import { SoundLane } from './sound-lane.ts';
import type { Source, SourceCallbacks, SourceTrack } from './source.ts';
import { feedStreamOf, StreamTrack, startCodeOf } from './stream-track.ts';

/** Demultiplexers that take any text or data for pictures made of letters. */
const TEXT_ART = new Set(['tty', 'bin', 'xbin', 'adf', 'idf']);

/** Opens a file; rejects with `INPUT_NOT_FOUND` or `INPUT_FAILED`. */
export async function openMediaFile(description: FileInput): Promise<Source> {
  const { path } = description;
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT' || cause.code === 'ENOTDIR') {
      throw new TsWebRTCError('INPUT_NOT_FOUND', `The file "${path}" does not exist.`, { cause });
    }
    throw new TsWebRTCError('INPUT_FAILED', `The file "${path}" cannot be read: ${cause.message}.`, { cause });
  });
  if (found.isDirectory()) throw new TsWebRTCError('INPUT_FAILED', `"${path}" is a folder, not a media file.`);
  const format = new FormatContext();
  const lanes: Lane[] = [];
  try {
    // Playlists and the like could name anything; a file input opens files.
    const options = Dictionary.fromObject({ protocol_whitelist: 'file' });
    const opened = await format.openInput(`file:${path}`, null, options);
    options.free();
    FFmpegError.throwIfError(opened);
    FFmpegError.throwIfError(await format.findStreamInfo());
    if (TEXT_ART.has(format.iformat?.name ?? '')) throw new Error('it is text');
    const wanted = [AVMEDIA_TYPE_VIDEO, AVMEDIA_TYPE_AUDIO].map((type) => format.findBestStream(type, -1, -1));
    for (const stream of format.streams) {
      const cover = (stream.disposition & AV_DISPOSITION_ATTACHED_PIC) !== 0;
      if (wanted.includes(stream.index) && !cover) lanes.push(await openLane(stream, format));
      else stream.discard = AVDISCARD_ALL;
    }
    if (lanes.length === 0) throw new Error('it has neither pictures nor sound');
    return new MediaFile(description, format, lanes);
  } catch (cause) {
    for (const lane of lanes) lane.close();
    await format.closeInput().catch(() => {});
    throw new TsWebRTCError('INPUT_FAILED', `The file "${path}" cannot be played as media: ${reasonOf(cause)}.`, { cause });
  }
}

async function openLane(stream: Stream, format: FormatContext): Promise<Lane> {
  const { encoded, transcoded } = passableAs(stream.codecpar);
  if (encoded) return new PacketLane(await StreamTrack.open(feedStreamOf(stream, format)), stream);
  const opened = await FileStream.open(stream, startCodeOf(stream, format));
  return opened.kind === 'video' ? new PictureLane(opened, transcoded) : new SoundLane(opened, transcoded);
}

function reasonOf(cause: unknown): string {
  const damaged = cause instanceof FFmpegError && cause.code === AVERROR_INVALIDDATA;
  return damaged ? 'it is damaged, cut short or of another kind' : asError(cause).message.replace(/\.$/, '');
}

class MediaFile implements Source {
  readonly tracks: readonly SourceTrack[];
  readonly #path: string;
  readonly #loop: boolean;
  readonly #format: FormatContext;
  readonly #lanes: readonly Lane[];
  readonly #packet = new Packet();
  #timer: NodeJS.Timeout | undefined;
  /** First timestamp of the file, µs on its own clock. */
  #first: number | undefined;
  /** What loops have added, µs. */
  #offset = 0;
  #complete = false;
  #playedSinceRestart = false;
  #closed = false;

  constructor({ path, loop = false }: FileInput, format: FormatContext, lanes: readonly Lane[]) {
    this.#path = path;
    this.#loop = loop;
    this.#format = format;
    this.#packet.alloc();
    this.#lanes = lanes;
    this.tracks = lanes;
  }

  start(timeline: Timeline, callbacks: SourceCallbacks): void {
    const step = (): void => {
      try {
        const wait = this.#play(timeline);
        if (wait === undefined) callbacks.ended();
        else this.#timer = setTimeout(step, Math.ceil(wait / 1000));
      } catch (error) {
        callbacks.failed(
          new TsWebRTCError('INPUT_FAILED', `Playing "${this.#path}" failed: ${asError(error).message}.`, { cause: error }),
        );
      }
    };
    step();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const lane of this.#lanes) lane.close();
    this.#packet.free();
    this.#format.closeInputSync();
  }

  /** Hands on what is due, if anything is; returns how long to wait, µs, or undefined at the end. */
  #play(timeline: Timeline): number | undefined {
    let lane = this.#next();
    if (!lane && this.#restart()) lane = this.#next();
    if (!lane) lane = this.#settle(Number.POSITIVE_INFINITY);
    const now = timeline.now();
    if (!lane) {
      const left = this.#end - now;
      return left > 0 ? left : undefined;
    }
    if (lane.due! > now) return lane.due! - now;
    lane.handOn(now);
    this.#playedSinceRestart = true;
    // Back through the event loop, so that messages get their turn even when decoding is late.
    return 0;
  }

  /** The lane whose frame comes first; undefined at the end of the file. */
  #next(): Lane | undefined {
    const lanes = this.#lanes;
    if (this.#first === undefined) {
      const first = lanes.map((lane) => {
        let found = lane.first();
        for (; found === 'packet'; found = lane.first()) this.#read();
        return found ?? Number.POSITIVE_INFINITY;
      });
      this.#first = Math.min(...first);
    }
    for (const lane of lanes) while (!lane.prepare(this.#offset - this.#first)) this.#read();
    const next = this.#earliest();
    return next && this.#settle(next.due!);
  }

  #settle(time: number): Lane | undefined {
    for (const lane of this.#lanes) lane.settle(time);
    return this.#earliest();
  }

  #earliest(): Lane | undefined {
    let earliest: Lane | undefined;
    for (const lane of this.#lanes) {
      if (lane.due !== undefined && (!earliest || lane.due < earliest.due!)) earliest = lane;
    }
    return earliest;
  }

  /** Where what was played ends, µs on the input's timeline. */
  get #end(): number {
    return Math.max(...this.#lanes.map((lane) => lane.end));
  }

  #read(): void {
    if (this.#complete) return;
    const packet = this.#packet;
    if (this.#format.readFrameSync(packet) < 0) {
      // The end, or what is as good as it: a file cut short.
      this.#complete = true;
      for (const lane of this.#lanes) lane.complete();
      return;
    }
    const lane = this.#lanes.find(({ index }) => index === packet.streamIndex);
    const kept = lane && packet.clone();
    packet.unref();
    if (kept) lane.push(kept);
  }

  /** Goes back to the start of a looping file; false when it does not loop or cannot. */
  #restart(): boolean {
    if (!this.#loop || !this.#playedSinceRestart) return false;
    const start = this.#format.startTime === AV_NOPTS_VALUE ? 0n : this.#format.startTime;
    if (
      this.#format.seekFrameSync(-1, start, AVSEEK_FLAG_BACKWARD) < 0 &&
      this.#format.seekFrameSync(-1, 0n, AVSEEK_FLAG_BYTE) < 0
    ) {
      return false;
    }
    for (const lane of this.#lanes) lane.restart();
    this.#offset = this.#end;
    this.#complete = false;
    this.#playedSinceRestart = false;
    return true;
  }
}
