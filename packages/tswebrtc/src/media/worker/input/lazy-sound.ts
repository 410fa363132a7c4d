/** Decodes audio packets while anybody wants samples, and hands them on in slices of one packet each. */
import { AV_NOPTS_VALUE } from 'node-av/constants';
import { type CodecContext, Frame } from 'node-av/lib';
import { RAW_SAMPLE_RATE, rawChannels } from '../raw-audio.ts';
import { Resampler } from '../resampler.ts';
import { SampleClock } from '../sample-clock.ts';
import { type EncodedUnit, stamped } from './encoded-unit.ts';
import type { RawOutlet } from './raw-outlet.ts';

/** Sample frames in a slice. */
export const SLICE = 960;
/** µs */
export const SLICE_DURATION = (SLICE * 1e6) / RAW_SAMPLE_RATE;

export class LazySound {
  readonly #decoder: CodecContext;
  readonly #outlet: RawOutlet;
  readonly #frame = new Frame();
  readonly #channels: number;
  #clock: SampleClock;
  readonly #resampler: Resampler;
  /** When the decoder's next frame is due, µs, where it does not say so itself. */
  #expected = 0;
  #decoding = false;

  constructor(decoder: CodecContext, outlet: RawOutlet) {
    this.#decoder = decoder;
    this.#outlet = outlet;
    this.#frame.alloc();
    const channels = rawChannels(decoder.channels);
    this.#channels = channels;
    this.#clock = this.#newClock();
    const raw = { channels, sampleRate: RAW_SAMPLE_RATE };
    this.#resampler = new Resampler((samples, timestamp) => this.#clock.push(samples, timestamp), raw);
    outlet.setFormat({ kind: 'audio', channels }, SLICE * channels * Float32Array.BYTES_PER_ELEMENT);
  }

  /** Takes over what is due at `timestamp` of the timeline and lasts `duration`, µs. */
  feed(unit: EncodedUnit, timestamp: number, duration: number): void {
    if (this.#outlet.hasSubscribers) {
      if (!this.#decoding) this.breakOff();
      this.#decoding = true;
      this.#decoder.sendPacketSync(stamped(unit, timestamp, duration));
      this.#receive();
    } else this.#decoding = false;
    unit.free();
  }

  /** What comes does not follow what came. */
  breakOff(): void {
    this.#decoder.flushBuffers();
    this.#resampler.close();
    this.#clock = this.#newClock();
    this.#decoding = false;
  }

  /** Brings out what is still inside. */
  drain(): void {
    if (!this.#decoding) return;
    this.#decoder.sendPacketSync(null);
    this.#receive();
    this.#resampler.drain();
    this.#clock.flush();
    this.breakOff();
  }

  close(): void {
    this.#resampler.close();
    this.#frame.free();
    this.#decoder.freeContext();
  }

  #newClock(): SampleClock {
    const raw = { channels: this.#channels, sampleRate: RAW_SAMPLE_RATE };
    return new SampleClock(SLICE, (samples, timestamp) => this.#handOn(samples, timestamp), raw);
  }

  #receive(): void {
    while (this.#decoder.receiveFrameSync(this.#frame) >= 0) {
      const { bestEffortTimestamp, nbSamples, sampleRate } = this.#frame;
      const timestamp = bestEffortTimestamp === AV_NOPTS_VALUE ? this.#expected : Number(bestEffortTimestamp);
      this.#expected = timestamp + (nbSamples * 1e6) / Math.max(1, sampleRate);
      this.#resampler.convert(this.#frame, timestamp);
      this.#frame.unref();
    }
  }

  #handOn(samples: Float32Array, timestamp: number): void {
    const room = this.#outlet.begin();
    if (!room) return;
    new Float32Array(room.buffer, room.byteOffset, SLICE * this.#channels).set(samples);
    this.#outlet.commit(timestamp, SLICE_DURATION, SLICE);
  }
}
