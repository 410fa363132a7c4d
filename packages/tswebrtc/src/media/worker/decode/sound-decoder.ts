/** Decodes packets of sound to samples. Where packets are missing there is silence of their length, so that sound keeps its time. */
import { type CodecContext, Frame, Packet } from 'node-av/lib';
import { opusHead, surroundMapping } from '../../../rtp/opus-mapping.ts';
import type { FrameToDecode, SentSound, Sound, SoundDecodingOptions } from '../../output-types.ts';
import { layoutOf } from '../channel-layouts.ts';
import { RAW_SAMPLE_RATE } from '../raw-audio.ts';
import { Resampler } from '../resampler.ts';
import { openDecoder } from './open-decoder.ts';
import type { RunningDecoder } from './serve-decoding.ts';

/** Less than this is no gap but a clock's roundness, µs. */
const TOLERANCE = 2500;
/** A longer gap is a stream that began anew, and is not filled, µs. */
const MOST_SILENCE = 1_000_000;
const STEREO: SentSound = { sampleRate: RAW_SAMPLE_RATE, channels: 2 };

export class SoundDecoder implements RunningDecoder {
  readonly #context: CodecContext;
  readonly #channels: number;
  readonly #handOn: (sound: Sound) => void;
  readonly #packet = new Packet();
  readonly #frame = new Frame();
  readonly #resampler: Resampler;
  /** Where the sound ends that there was, µs. */
  #end: number | undefined;
  /** Of the packet that is being decoded: ms since the Unix epoch at timestamp 0. */
  #epoch: number | undefined;

  private constructor(context: CodecContext, channels: number, handOn: (sound: Sound) => void) {
    this.#context = context;
    this.#channels = channels;
    this.#handOn = handOn;
    this.#packet.alloc();
    this.#frame.alloc();
    this.#resampler = new Resampler((samples, timestamp) => this.#take(samples, timestamp), {
      channels,
      sampleRate: RAW_SAMPLE_RATE,
    });
  }

  static async open(options: SoundDecodingOptions, handOn: (sound: Sound) => void): Promise<SoundDecoder> {
    const { codec, sent = STEREO } = options;
    const channels = options.channels ?? sent.channels;
    // Opus is of one channel or two, whichever the listener likes: its decoder makes either of both.
    const decoded = codec === 'OPUS' ? Math.min(channels, 2) : sent.channels;
    const context = await openDecoder(codec, (fresh) => {
      fresh.sampleRate = sent.sampleRate;
      fresh.channelLayout = layoutOf(decoded);
      if (codec === 'MULTIOPUS') fresh.extraData = Buffer.from(opusHead(sent.mapping ?? surroundMapping(decoded)));
    });
    return new SoundDecoder(context, channels, handOn);
  }

  decode({ data, timestamp, captureTime }: FrameToDecode): boolean {
    const packet = this.#packet;
    packet.data = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    const sent = this.#context.sendPacketSync(packet);
    packet.unref();
    if (sent < 0) return false;
    this.#epoch = captureTime === undefined ? undefined : captureTime - timestamp / 1000;
    let at = timestamp;
    while (this.#context.receiveFrameSync(this.#frame) >= 0) {
      const { nbSamples, sampleRate } = this.#frame;
      this.#resampler.convert(this.#frame, at);
      this.#frame.unref();
      at += (nbSamples * 1e6) / sampleRate;
    }
    return true;
  }

  close(): void {
    this.#resampler.close();
    this.#packet.free();
    this.#frame.free();
    this.#context.freeContext();
  }

  #take(samples: Float32Array, timestamp: number): void {
    this.#fillUntil(timestamp);
    this.#give(samples.slice(), timestamp, this.#epoch === undefined ? undefined : this.#epoch + timestamp / 1000);
  }

  #fillUntil(timestamp: number): void {
    if (this.#end === undefined) return;
    const gap = timestamp - this.#end;
    if (gap < TOLERANCE || gap > MOST_SILENCE) return;
    const count = Math.round((gap * RAW_SAMPLE_RATE) / 1e6);
    this.#give(new Float32Array(count * this.#channels), this.#end, undefined);
  }

  #give(samples: Float32Array, timestamp: number, captureTime: number | undefined): void {
    const channels = this.#channels;
    this.#end = timestamp + ((samples.length / channels) * 1e6) / RAW_SAMPLE_RATE;
    this.#handOn({ kind: 'audio', sampleRate: RAW_SAMPLE_RATE, channels, samples, timestamp, captureTime });
  }
}
