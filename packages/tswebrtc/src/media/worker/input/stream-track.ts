/**
 * One track of an input that takes its packets as they come: passed on as they are where that can be and is asked for,
 * decoded while anybody wants raw frames.
 */
import { AV_NOPTS_VALUE, AV_PKT_DATA_DISPLAYMATRIX, AVMEDIA_TYPE_VIDEO } from 'node-av/constants';
import type { CodecContext, Packet, Stream } from 'node-av/lib';
import type { WorkerInputTrack } from '../messages.ts';
import { rawChannels } from '../raw-audio.ts';
import { EncodedOutlet } from './encoded-outlet.ts';
import { LazyPictures } from './lazy-pictures.ts';
import { LazySound } from './lazy-sound.ts';
import { readOrientation } from './orientation.ts';
import { bFrames, PacketShaper, passableAs } from './passable.ts';
import { displaySize, PictureWriter } from './picture-writer.ts';
import { RawOutlet } from './raw-outlet.ts';
import type { SourceTrack } from './source.ts';
import { openStreamDecoder } from './stream-decoder.ts';

export class StreamTrack implements SourceTrack {
  readonly description: WorkerInputTrack;
  readonly outlet: RawOutlet;
  readonly packets?: EncodedOutlet;
  readonly #shaper: PacketShaper | undefined;
  readonly #frames: LazyPictures | LazySound;
  /** Timestamp of the newest packet, µs. */
  #newest = Number.NEGATIVE_INFINITY;

  private constructor(stream: Stream, decoder: CodecContext) {
    const { encoded, transcoded } = passableAs(stream);
    const { codecpar } = stream;
    if (codecpar.codecType === AVMEDIA_TYPE_VIDEO) {
      this.outlet = new RawOutlet('video');
      const orientation = readOrientation(codecpar.getCodedSideData(AV_PKT_DATA_DISPLAYMATRIX));
      const framerate = framerateOf(stream);
      const { width, height, colorSpace, sampleAspectRatio: aspect } = codecpar;
      const size = orientation?.transposed
        ? displaySize(height, width, aspect.den, aspect.num)
        : displaySize(width, height, aspect.num, aspect.den);
      // What is turned while it is decoded would lie on its side where it is passed on.
      const passed = orientation ? undefined : encoded;
      this.description = { kind: 'video', format: { ...size, framerate }, colorSpace, encoded: passed, transcoded };
      this.#frames = new LazyPictures(decoder, new PictureWriter(this.outlet, framerate, orientation), this.outlet);
    } else {
      this.outlet = new RawOutlet('audio');
      const { sampleRate, channels } = codecpar;
      this.description = { kind: 'audio', format: { sampleRate, channels: rawChannels(channels) }, encoded, transcoded };
      this.#frames = new LazySound(decoder, this.outlet);
    }
    if (!this.description.encoded) return;
    this.packets = new EncodedOutlet();
    this.#shaper = new PacketShaper(stream);
  }

  static async open(stream: Stream): Promise<StreamTrack> {
    const decoder = await openStreamDecoder(stream.codecpar, `stream ${stream.index}`);
    try {
      return new StreamTrack(stream, decoder);
    } catch (error) {
      decoder.freeContext();
      throw error;
    }
  }

  /** Takes over a packet, as the container has it, for `timestamp` on the timeline. Times in µs. */
  feed(packet: Packet, timestamp: number, duration: number): void {
    const { packets } = this;
    const time = Math.round(timestamp);
    if (packets && this.#shaper && time < this.#newest) packets.fail(bFrames(this.description.encoded!.codec));
    this.#newest = time;
    if (packets?.tapped) {
      const data = this.#shaper!.shape(packet);
      if (data) packets.write(data, time, duration, packet.isKeyframe);
      else packets.breakOff();
    }
    packet.pts = BigInt(time);
    packet.dts = AV_NOPTS_VALUE;
    packet.duration = BigInt(Math.round(duration));
    this.#frames.feed(packet);
  }

  /** What comes does not build on what came. */
  breakOff(): void {
    this.packets?.breakOff();
    this.#frames.breakOff();
  }

  /** No more packets follow, for the time being at least: brings out what is still inside. */
  drain(): void {
    this.#frames.drain();
  }

  close(): void {
    this.#shaper?.close();
    this.#frames.close();
  }
}

/** Frames per second, 0 when unknown. */
export function framerateOf({ avgFrameRate, rFrameRate }: Stream): number {
  const rate = avgFrameRate.num > 0 ? avgFrameRate : rFrameRate;
  return rate.num > 0 && rate.den > 0 ? rate.num / rate.den : 0;
}
