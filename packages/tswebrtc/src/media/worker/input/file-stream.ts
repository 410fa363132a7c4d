/** One stream of a media file: its packets in waiting, its decoder, and the one decoded frame that is next. */
import { AV_NOPTS_VALUE, AV_PKT_DATA_DISPLAYMATRIX, AVERROR_EOF, AVMEDIA_TYPE_VIDEO } from 'node-av/constants';
import { Codec, CodecContext, FFmpegError, Frame, type Packet, type Stream } from 'node-av/lib';
import { TsWebRTCError } from '../../../common/errors.ts';
import { type Orientation, readOrientation } from './orientation.ts';

/** A badly interleaved file may make one stream's packets wait for the other's; beyond this the oldest are given up. */
const MAX_WAITING = 4096;

export class FileStream {
  readonly index: number;
  readonly kind: 'video' | 'audio';
  /** Frames per second, 0 when unknown. Video only. */
  readonly framerate: number;
  /** How the pictures have to be turned. */
  readonly orientation: Orientation | undefined;
  /** With which the container says that the pictures begin. */
  readonly timeCode: string | undefined;
  readonly decoder: CodecContext;
  /** The decoded frame that is next; meaningful while `hasFrame`. */
  readonly frame = new Frame();
  hasFrame = false;
  /** Of `frame`, µs on the file's own clock. */
  timestamp = 0;
  /** Of `frame`, µs. */
  duration = 0;
  readonly #tick: number;
  readonly #waiting: Packet[] = [];
  /** No packet follows those that wait. */
  #complete = false;
  #drained = false;
  #expected: number | undefined;

  private constructor(stream: Stream, decoder: CodecContext, timeCode: string | undefined) {
    this.timeCode = timeCode;
    this.index = stream.index;
    this.kind = stream.codecpar.codecType === AVMEDIA_TYPE_VIDEO ? 'video' : 'audio';
    this.decoder = decoder;
    const { num, den } = stream.timeBase;
    this.#tick = (num * 1e6) / den;
    const rate = stream.avgFrameRate.num > 0 ? stream.avgFrameRate : stream.rFrameRate;
    this.framerate = this.kind === 'video' && rate.num > 0 && rate.den > 0 ? rate.num / rate.den : 0;
    this.orientation = readOrientation(stream.codecpar.getCodedSideData(AV_PKT_DATA_DISPLAYMATRIX));
    this.frame.alloc();
  }

  static async open(stream: Stream, timeCode?: string): Promise<FileStream> {
    const codec = Codec.findDecoder(stream.codecpar.codecId);
    if (!codec) throw new TsWebRTCError('INPUT_FAILED', `There is no decoder for stream ${stream.index}.`);
    const decoder = new CodecContext();
    decoder.allocContext3(codec);
    try {
      FFmpegError.throwIfError(decoder.parametersToContext(stream.codecpar), 'configure a decoder');
      decoder.pktTimebase = stream.timeBase;
      decoder.threadCount = 2;
      FFmpegError.throwIfError(await decoder.open2(codec, null), 'open a decoder');
      return new FileStream(stream, decoder, timeCode);
    } catch (error) {
      decoder.freeContext();
      throw error;
    }
  }

  /** True when neither packets nor frames are left. */
  get ended(): boolean {
    return this.#drained && !this.hasFrame;
  }

  /** Takes a packet, which it frees when it is decoded. */
  push(packet: Packet): void {
    this.#waiting.push(packet);
    if (this.#waiting.length > MAX_WAITING) this.#waiting.shift()!.free();
  }

  /** The file has no more packets. */
  complete(): void {
    this.#complete = true;
  }

  /** Decodes until there is a next frame; false when it needs a packet first, or has ended. */
  decode(): boolean {
    while (!this.hasFrame && !this.#drained) {
      const received = this.decoder.receiveFrameSync(this.frame);
      if (received >= 0) {
        this.#stamp();
        return true;
      }
      if (received === AVERROR_EOF) {
        this.#drained = true;
        return false;
      }
      // Anything else asks for more, or is about a damaged frame: that costs the frame and nothing more.
      const packet = this.#waiting.shift();
      if (packet) {
        this.decoder.sendPacketSync(packet);
        packet.free();
      } else if (this.#complete) {
        if (this.decoder.sendPacketSync(null) < 0) this.#drained = true;
      } else {
        return false;
      }
    }
    return this.hasFrame;
  }

  /** Done with the frame. */
  consume(): void {
    this.hasFrame = false;
    this.frame.unref();
  }

  /** Makes ready for packets from another place of the file. */
  restart(): void {
    for (const packet of this.#waiting.splice(0)) packet.free();
    this.consume();
    this.decoder.flushBuffers();
    this.#complete = false;
    this.#drained = false;
    this.#expected = undefined;
  }

  close(): void {
    for (const packet of this.#waiting.splice(0)) packet.free();
    this.frame.free();
    this.decoder.freeContext();
  }

  #stamp(): void {
    const { frame } = this;
    const best = frame.bestEffortTimestamp;
    this.timestamp = best === AV_NOPTS_VALUE ? (this.#expected ?? 0) : Number(best) * this.#tick;
    if (this.kind === 'audio') this.duration = (frame.nbSamples * 1e6) / Math.max(1, frame.sampleRate);
    else if (frame.duration > 0n) this.duration = Number(frame.duration) * this.#tick;
    else this.duration = this.framerate > 0 ? 1e6 / this.framerate : 40_000;
    this.#expected = this.timestamp + this.duration;
    this.hasFrame = true;
  }
}
