/**
 * One track of an input that takes its packets as they come: passed on as they are where that can be and is asked for,
 * decoded while anybody wants raw frames.
 */
import { AV_PKT_DATA_DISPLAYMATRIX, AVMEDIA_TYPE_VIDEO } from 'node-av/constants';
import type { CodecContext, FormatContext, Stream } from 'node-av/lib';
import type { WorkerInputTrack } from '../messages.ts';
import { rawChannels } from '../raw-audio.ts';
import { EncodedOutlet } from './encoded-outlet.ts';
import type { EncodedUnit } from './encoded-unit.ts';
import type { FeedStream } from './feed.ts';
import { LazyPictures } from './lazy-pictures.ts';
import { LazySound } from './lazy-sound.ts';
import { type Orientation, readOrientation } from './orientation.ts';
import { bFrames, PacketShaper, passableAs } from './passable.ts';
import { displaySize, PictureWriter } from './picture-writer.ts';
import { RawOutlet } from './raw-outlet.ts';
import type { SourceTrack } from './source.ts';
import { openStreamDecoder } from './stream-decoder.ts';
import { TimeCodeReader } from './time-code-reader.ts';

export class StreamTrack implements SourceTrack {
  readonly description: WorkerInputTrack;
  readonly outlet: RawOutlet;
  readonly packets?: EncodedOutlet;
  readonly timeCodes: TimeCodeReader | undefined;
  #shaper: PacketShaper | undefined;
  #frames: LazyPictures | LazySound;
  /** Of the newest packet, µs: on the timeline, and on its source's own clock. */
  #newest = Number.NEGATIVE_INFINITY;
  #newestAtSource = Number.NEGATIVE_INFINITY;
  #usual: number;

  private constructor(stream: FeedStream, decoder: CodecContext) {
    this.description = describe(stream);
    this.outlet = new RawOutlet(this.description.kind);
    if (this.description.kind === 'video') this.timeCodes = new TimeCodeReader(stream.timeCode, stream.framerate);
    this.#frames = framesOf(stream, decoder, this.outlet, this.timeCodes);
    this.#usual = usualDuration(stream);
    if (!this.description.encoded) return;
    this.packets = new EncodedOutlet();
    this.#shaper = new PacketShaper(stream);
  }

  static async open(stream: FeedStream): Promise<StreamTrack> {
    const decoder = await openStreamDecoder(stream.parameters);
    try {
      return new StreamTrack(stream, decoder);
    } catch (error) {
      decoder.freeContext();
      throw error;
    }
  }

  /** Whether a stream is of the medium that this is a track of. */
  takes(stream: FeedStream): boolean {
    return kindOf(stream) === this.description.kind;
  }

  /** Goes on with another stream in the place of the one before. */
  async renew(stream: FeedStream): Promise<void> {
    const decoder = await openStreamDecoder(stream.parameters);
    this.#frames.close();
    this.#shaper?.close();
    this.#shaper = undefined;
    this.#frames = framesOf(stream, decoder, this.outlet, this.timeCodes);
    this.timeCodes?.restart(stream.timeCode, stream.framerate);
    this.#usual = usualDuration(stream);
    this.packets?.breakOff();
    this.#newestAtSource = Number.NEGATIVE_INFINITY;
    const { encoded } = describe(stream);
    const before = this.description.encoded;
    if (!this.packets || !before) return;
    if (encoded?.codec === before.codec) this.#shaper = new PacketShaper(stream);
    else this.packets.fail(`What comes is no ${before.codec} any more that could be passed on; it is encoded anew.`);
  }

  /**
   * Takes over what came, as its container has it, for `timestamp` on the timeline; `sourceTime`: the same on the source's own clock. Times
   * in µs; a duration of 0 is unknown.
   */
  feed(unit: EncodedUnit, timestamp: number, duration: number, sourceTime: number | undefined): void {
    const { packets } = this;
    const inOrder = sourceTime === undefined || sourceTime >= this.#newestAtSource;
    if (packets && this.#shaper && !inOrder) packets.fail(bFrames(this.description.encoded!.codec));
    this.#newestAtSource = Math.max(this.#newestAtSource, sourceTime ?? this.#newestAtSource);
    // Where the timeline was set anew, what is in order at the source stays so.
    const time = Math.round(inOrder ? Math.max(timestamp, this.#newest + 1) : timestamp);
    this.#newest = Math.max(time, this.#newest);
    const length = Math.round(duration || this.#usual);
    this.timeCodes?.picture(time);
    if (packets?.tapped) {
      const data = this.#shaper?.shape(unit);
      if (data) packets.write(data, time, length, unit.keyframe);
      else packets.breakOff();
    }
    this.#frames.feed(unit, time, length);
  }

  /** No more packets follow, for the time being at least: brings out what is still inside. */
  drain(): void {
    this.#frames.drain();
    this.packets?.breakOff();
  }

  close(): void {
    this.#shaper?.close();
    this.#shaper = undefined;
    this.#frames.close();
  }
}

/** A stream of a container. */
export function feedStreamOf(stream: Stream, format: FormatContext): FeedStream {
  const timeCode = startCodeOf(stream, format);
  return { parameters: stream.codecpar, timeBase: stream.timeBase, framerate: framerateOf(stream), timeCode };
}

/** The time code of the first picture, as the container has it: of the stream, or of all. */
export function startCodeOf({ metadata }: Stream, format: FormatContext): string | undefined {
  return metadata?.get('timecode') ?? format.metadata?.get('timecode') ?? undefined;
}

function framerateOf({ avgFrameRate, rFrameRate }: Stream): number {
  const rate = avgFrameRate.num > 0 ? avgFrameRate : rFrameRate;
  return rate.num > 0 && rate.den > 0 ? rate.num / rate.den : 0;
}

function kindOf({ parameters }: FeedStream): WorkerInputTrack['kind'] {
  return parameters.codecType === AVMEDIA_TYPE_VIDEO ? 'video' : 'audio';
}

function orientationOf({ parameters }: FeedStream): Orientation | undefined {
  return readOrientation(parameters.getCodedSideData(AV_PKT_DATA_DISPLAYMATRIX));
}

function describe(stream: FeedStream): WorkerInputTrack {
  const { parameters, framerate } = stream;
  const { encoded, transcoded } = passableAs(parameters);
  if (kindOf(stream) === 'audio') {
    const { sampleRate, channels } = parameters;
    return { kind: 'audio', format: { sampleRate, channels: rawChannels(channels) }, encoded, transcoded };
  }
  const orientation = orientationOf(stream);
  const { width, height, colorSpace, sampleAspectRatio: aspect } = parameters;
  const size = orientation?.transposed
    ? displaySize(height, width, aspect.den, aspect.num)
    : displaySize(width, height, aspect.num, aspect.den);
  // What is turned while it is decoded would lie on its side where it is passed on.
  const passed = orientation ? undefined : encoded;
  return { kind: 'video', format: { ...size, framerate }, colorSpace, encoded: passed, transcoded };
}

function framesOf(
  stream: FeedStream,
  decoder: CodecContext,
  outlet: RawOutlet,
  timeCodes: TimeCodeReader | undefined,
): LazyPictures | LazySound {
  if (kindOf(stream) === 'audio') return new LazySound(decoder, outlet);
  return new LazyPictures(decoder, new PictureWriter(outlet, stream.framerate, orientationOf(stream), timeCodes), outlet);
}

/** A packet of which nobody says how long it lasts, µs; 0 where nothing is known of it either. */
function usualDuration(stream: FeedStream): number {
  return stream.framerate > 0 ? 1e6 / stream.framerate : 0;
}
