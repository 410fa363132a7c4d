/** A media engine without codecs, for tests of the sink: its frames are bytes that say which frame they are. */
import { Emitter } from '../common/emitter.ts';
import { TsWebRTCError } from '../common/errors.ts';
import type {
  CodecName,
  Encoding,
  EncodingEvents,
  EncodingOptions,
  EncodingStats,
  InputDescription,
  InputEvents,
  InputTrack,
  MediaEngine,
  MediaInput,
  VideoCodecName,
} from '../media/types.ts';

export class FakeEngine implements MediaEngine {
  readonly encodings: FakeEncoding[] = [];
  /** Inputs ever opened. */
  readonly inputs: FakeInput[] = [];
  /** Encodings ever opened. */
  opened = 0;
  /** Makes `openEncoding` fail. */
  failure: Error | undefined;
  /** Makes encodings fail right after they opened. */
  failsOnOpening = false;
  /** For which encoders open; undefined: all. */
  encodable: readonly VideoCodecName[] | undefined;
  /** With which encodings were opened. */
  readonly requested: EncodingOptions[] = [];

  async openInput(description: InputDescription): Promise<MediaInput> {
    if (description.type === 'file' && description.path === 'missing')
      throw new TsWebRTCError('INPUT_NOT_FOUND', 'no such file.');
    const input = new FakeInput(description, this.inputs.length);
    this.inputs.push(input);
    return input;
  }

  async openEncoding(track: InputTrack, options: EncodingOptions): Promise<Encoding> {
    this.requested.push(options);
    if (this.failure) throw this.failure;
    const encoding = new FakeEncoding(`encoding-${++this.opened}`, options.codec, track.id, () =>
      this.encodings.splice(this.encodings.indexOf(encoding), 1),
    );
    this.encodings.push(encoding);
    if (this.failsOnOpening) queueMicrotask(() => queueMicrotask(() => encoding.fail(new Error('it broke at once.'))));
    return encoding;
  }

  async findEncoders(codecs: readonly VideoCodecName[]): Promise<readonly VideoCodecName[]> {
    return codecs.filter((codec) => this.encodable?.includes(codec) ?? true);
  }

  async openPassthrough(): Promise<never> {
    throw new Error('the fake engine has nothing encoded');
  }

  openRecording(): Promise<never> {
    throw new Error('the fake engine records nothing');
  }

  openDecoding(): Promise<never> {
    throw new Error('the fake engine decodes nothing');
  }

  async close(): Promise<void> {
    await Promise.all([...this.encodings].map((encoding) => encoding.close()));
  }
}

export class FakeInput extends Emitter<InputEvents> implements MediaInput {
  readonly tracks: readonly InputTrack[];
  closed = false;

  /** A file has a picture and a sound, anything else has one of them. */
  constructor({ type }: InputDescription, index: number) {
    super();
    const audio = { kind: 'audio', id: `a${index}`, format: { sampleRate: 48000, channels: 2 } } as const;
    const video = { kind: 'video', id: `v${index}`, format: { width: 64, height: 64, framerate: 50 } } as const;
    if (type === 'file') this.tracks = [video, audio];
    else this.tracks = type === 'tone' ? [audio] : [video];
  }

  start(): void {}

  /** Comes to its end. */
  end(error?: Error): void {
    if (error) this.emit('error', error);
    else this.emit('ended');
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}

export class FakeEncoding extends Emitter<EncodingEvents> implements Encoding {
  readonly id: string;
  readonly codec: CodecName;
  /** Id of the input's track. */
  readonly track: string;
  /** When each keyframe was asked for, ms. */
  readonly keyframeRequests: number[] = [];
  readonly #opened = performance.now();
  readonly #onClose: () => void;
  readonly #timer: NodeJS.Timeout;
  #keyframe = true;
  #frames = 0;

  constructor(id: string, codec: CodecName, track: string, onClose: () => void) {
    super();
    this.id = id;
    this.codec = codec;
    this.track = track;
    this.#onClose = onClose;
    this.#timer = setInterval(() => this.#makeFrame(), 20);
  }

  requestKeyframe(): void {
    this.keyframeRequests.push(performance.now());
    this.#keyframe = true;
  }

  /** ms since it was opened. */
  get age(): number {
    return performance.now() - this.#opened;
  }

  /** Breaks: says so and makes no more frames. */
  fail(error: Error): void {
    clearInterval(this.#timer);
    this.emit('error', error);
  }

  setBitrate(): void {}

  setFormat(): void {}

  async getStats(): Promise<EncodingStats> {
    return {
      framesEncoded: this.#frames,
      keyFramesEncoded: 0,
      framesDropped: 0,
      bytesEncoded: 0,
      totalEncodeTime: 0,
      targetBitrate: 0,
      encoderImplementation: 'fake',
    };
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#onClose();
  }

  #makeFrame(): void {
    const keyframe = this.codec !== 'OPUS' && this.#keyframe;
    this.#keyframe = false;
    const data = new Uint8Array(this.codec === 'OPUS' ? 160 : keyframe ? 6000 : 2500).fill(this.#frames & 0xff);
    // VP8 says in the first bit of its payload whether a frame is a keyframe (RFC 7741 §4.3).
    data[0] = keyframe ? 0 : 1;
    const timestamp = this.#frames++ * 20_000;
    this.emit('frame', {
      data,
      timestamp,
      duration: 20_000,
      captureTime: performance.timeOrigin + performance.now(),
      keyframe: keyframe || this.codec === 'OPUS',
      temporalLayer: 0,
      release: () => {},
    });
  }
}
