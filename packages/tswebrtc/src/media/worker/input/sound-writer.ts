/** Brings decoded sound of whatever format into the engine's: 48 kHz stereo. */
import { AV_CHANNEL_LAYOUT_STEREO, AV_SAMPLE_FMT_FLT, type AVSampleFormat } from 'node-av/constants';
import { FFmpegError, type Frame, SoftwareResampleContext } from 'node-av/lib';
import { RAW_CHANNELS, RAW_SAMPLE_RATE } from '../raw-audio.ts';
import type { RawOutlet } from './raw-outlet.ts';

/** Sample frames in a slot. */
const CHUNK = 2048;

export class SoundWriter {
  readonly #outlet: RawOutlet;
  #resampler: SoftwareResampleContext | undefined;
  /** What the resampler was made for. */
  #key = '';

  constructor(outlet: RawOutlet) {
    this.#outlet = outlet;
    outlet.setFormat({ kind: 'audio' }, CHUNK * RAW_CHANNELS * Float32Array.BYTES_PER_ELEMENT);
  }

  /** Hands sound on, if anybody wants it. `timestamp` in µs. */
  write(frame: Frame, timestamp: number): void {
    if (!this.#outlet.hasSubscribers) {
      // What the resampler holds would be of another time when somebody comes.
      this.close();
      return;
    }
    const resampler = this.#follow(frame);
    // The resampler still holds some of the frames before.
    let time = timestamp - (Number(resampler.getDelay(BigInt(RAW_SAMPLE_RATE))) * 1e6) / RAW_SAMPLE_RATE;
    let input: Buffer[] | null = frame.extendedData ?? frame.data;
    let count = frame.nbSamples;
    for (;;) {
      const room = this.#outlet.begin();
      if (!room) return;
      const output = Buffer.from(room.buffer, room.byteOffset, room.byteLength);
      const samples = resampler.convertSync([output], CHUNK, input, count);
      FFmpegError.throwIfError(samples, 'resample');
      if (samples > 0) {
        const duration = (samples * 1e6) / RAW_SAMPLE_RATE;
        this.#outlet.commit(time, duration, samples);
        time += duration;
      }
      if (samples < CHUNK) return;
      input = null;
      count = 0;
    }
  }

  close(): void {
    this.#resampler?.free();
    this.#resampler = undefined;
    this.#key = '';
  }

  #follow(frame: Frame): SoftwareResampleContext {
    const { channelLayout, sampleRate, format } = frame;
    const key = `${sampleRate} ${format} ${channelLayout.nbChannels} ${channelLayout.mask}`;
    if (this.#resampler && key === this.#key) return this.#resampler;
    this.close();
    const resampler = new SoftwareResampleContext();
    const result = resampler.allocSetOpts2(
      AV_CHANNEL_LAYOUT_STEREO,
      AV_SAMPLE_FMT_FLT,
      RAW_SAMPLE_RATE,
      channelLayout,
      format as AVSampleFormat,
      sampleRate,
    );
    FFmpegError.throwIfError(result, 'configure a resampler');
    FFmpegError.throwIfError(resampler.init(), 'open a resampler');
    this.#resampler = resampler;
    this.#key = key;
    return resampler;
  }
}
