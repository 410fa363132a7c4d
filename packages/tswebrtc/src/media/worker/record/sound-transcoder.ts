/** Makes sound of any codec into Opus, of several channels where there are more than two, for a container that does not take the first. */
import { surroundMapping } from '../../../rtp/opus-mapping.ts';
import { audioBitrate, encodedFormat } from '../../audio-codecs.ts';
import type { RecordedTrack, SentSound } from '../../output-types.ts';
import { SoundDecoder } from '../decode/sound-decoder.ts';
import { AudioEncoder } from '../encode/audio-encoder.ts';
import { SampleClock } from '../sample-clock.ts';
import type { Transcoded } from './transcoder.ts';

export class SoundTranscoder {
  /** What comes out. */
  readonly made: { readonly codec: 'OPUS' | 'MULTIOPUS'; readonly sent: SentSound };
  readonly #decoder: SoundDecoder;
  readonly #encoder: AudioEncoder;
  readonly #clock: SampleClock;
  #made: Transcoded[] = [];

  private constructor(decoder: SoundDecoder, encoder: AudioEncoder, clock: SampleClock, made: SoundTranscoder['made']) {
    this.#decoder = decoder;
    this.#encoder = encoder;
    this.#clock = clock;
    this.made = made;
  }

  static async open({ codec, sent }: Extract<RecordedTrack, { kind: 'audio' }>): Promise<SoundTranscoder> {
    const target = sent.channels > 2 ? 'MULTIOPUS' : 'OPUS';
    const format = encodedFormat(target, sent.channels);
    const bitrate = audioBitrate(target, format);
    const encoder = await AudioEncoder.open(target, { ...format, bitrate, inbandFec: false, dtx: false, expectedLoss: 0 });
    try {
      let transcoder: SoundTranscoder;
      const decoder = await SoundDecoder.open({ codec, sent }, ({ samples, timestamp }) => clock.push(samples, timestamp));
      const clock = new SampleClock(encoder.frameSize, (samples, timestamp) => transcoder.#encode(samples, timestamp), format);
      const mapping = surroundMapping(format.channels);
      transcoder = new SoundTranscoder(decoder, encoder, clock, { codec: target, sent: { ...format, mapping } });
      return transcoder;
    } catch (error) {
      encoder.close();
      throw error;
    }
  }

  /** A packet that cannot be decoded gives nothing. `timestamp` in µs. */
  transcode(data: Uint8Array, timestamp: number): Transcoded[] {
    this.#decoder.decode({ data, timestamp, keyframe: true, captureTime: undefined });
    return this.#made.splice(0);
  }

  /** The rest. */
  drain(): Transcoded[] {
    this.#clock.flush();
    return this.#made.splice(0);
  }

  close(): void {
    this.#decoder.close();
    this.#encoder.close();
  }

  #encode(samples: Float32Array, timestamp: number): void {
    this.#encoder.encode(samples, (data) => this.#made.push({ data: Uint8Array.from(data), timestamp, keyframe: true }));
  }
}
