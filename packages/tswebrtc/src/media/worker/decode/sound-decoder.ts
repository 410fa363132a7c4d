/** Decodes Opus packets to samples. Where packets are missing there is silence of their length, so that sound keeps its time. */
import { AV_CHANNEL_LAYOUT_MONO, AV_CHANNEL_LAYOUT_STEREO } from 'node-av/constants';
import { type CodecContext, Frame, Packet } from 'node-av/lib';
import type { DecodingOptions, FrameToDecode, Sound } from '../../output-types.ts';
import { openDecoder } from './open-decoder.ts';
import type { RunningDecoder } from './serve-decoding.ts';

const SAMPLE_RATE = 48_000;
/** Less than this is no gap but a clock's roundness, µs. */
const TOLERANCE = 2500;
/** A longer gap is a stream that began anew, and is not filled, µs. */
const MOST_SILENCE = 1_000_000;

export class SoundDecoder implements RunningDecoder {
  readonly #context: CodecContext;
  readonly #channels: number;
  readonly #handOn: (sound: Sound) => void;
  readonly #packet = new Packet();
  readonly #frame = new Frame();
  /** Where the sound ends that there was, µs. */
  #end: number | undefined;

  private constructor(context: CodecContext, channels: number, handOn: (sound: Sound) => void) {
    this.#context = context;
    this.#channels = channels;
    this.#handOn = handOn;
    this.#packet.alloc();
    this.#frame.alloc();
  }

  static async open(
    { channels = 2 }: Extract<DecodingOptions, { codec: 'OPUS' }>,
    handOn: (sound: Sound) => void,
  ): Promise<SoundDecoder> {
    const context = await openDecoder('OPUS', (fresh) => {
      fresh.sampleRate = SAMPLE_RATE;
      fresh.channelLayout = channels === 1 ? AV_CHANNEL_LAYOUT_MONO : AV_CHANNEL_LAYOUT_STEREO;
    });
    return new SoundDecoder(context, channels, handOn);
  }

  decode({ data, timestamp, captureTime }: FrameToDecode): boolean {
    const packet = this.#packet;
    packet.data = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    const sent = this.#context.sendPacketSync(packet);
    packet.unref();
    if (sent < 0) return false;
    let at = timestamp;
    while (this.#context.receiveFrameSync(this.#frame) >= 0) {
      const samples = this.#samples();
      this.#frame.unref();
      this.#fillUntil(at);
      this.#give(samples, at, captureTime);
      at = this.#end!;
    }
    return true;
  }

  close(): void {
    this.#packet.free();
    this.#frame.free();
    this.#context.freeContext();
  }

  #samples(): Float32Array {
    const { nbSamples } = this.#frame;
    const plane = this.#frame.data![0]!;
    // libopus decodes to 16-bit interleaved.
    const integers = new Int16Array(plane.buffer, plane.byteOffset, nbSamples * this.#channels);
    return Float32Array.from(integers, (sample) => sample / 32_768);
  }

  #fillUntil(timestamp: number): void {
    if (this.#end === undefined) return;
    const gap = timestamp - this.#end;
    if (gap < TOLERANCE || gap > MOST_SILENCE) return;
    const count = Math.round((gap * SAMPLE_RATE) / 1e6);
    this.#give(new Float32Array(count * this.#channels), this.#end, undefined);
  }

  #give(samples: Float32Array, timestamp: number, captureTime: number | undefined): void {
    const channels = this.#channels;
    this.#end = timestamp + ((samples.length / channels) * 1e6) / SAMPLE_RATE;
    this.#handOn({ kind: 'audio', sampleRate: SAMPLE_RATE, channels, samples, timestamp, captureTime });
  }
}
