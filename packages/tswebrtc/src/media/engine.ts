/**
 * The media engine: inputs, encoders, decoders and recordings, each in a thread of its own. The media library is an optional dependency and is
 * loaded in those threads only; without it the rest of the library works and this one says what is missing.
 */
import { createRequire } from 'node:module';
import { asError, TsWebRTCError } from '../common/errors.ts';
import { type Logger, silentLogger } from '../common/logger.ts';
import { WorkerDecoding } from './decoding.ts';
import { type EncoderChoice, EncoderDirectory, type EncoderPreference } from './encoders.ts';
import type { EngineInput } from './engine-input.ts';
import { WorkerEncoding } from './media-encoding.ts';
import { WorkerInput } from './media-input.ts';
import { checkDecoding, checkEncoding, checkInput, checkRecording } from './options.ts';
import type { Decoding, DecodingOptions, Recording, RecordingOptions } from './output-types.ts';
import { PassthroughEncoding } from './passthrough-encoding.ts';
import { PushInput } from './push/push-input.ts';
import { WorkerRecording } from './recording.ts';
import { tryEncoders } from './try-encoders.ts';
import type {
  Encoding,
  EncodingOptions,
  InputDescription,
  InputTrack,
  MediaEngine,
  MediaInput,
  VideoCodecName,
} from './types.ts';
import type { EncoderTrial } from './worker/messages.ts';
import { INSTALL_HINT, type WorkerHost } from './worker-host.ts';
import { WorkerReserve } from './worker-reserve.ts';

export interface LoadMediaEngineOptions {
  /** Default: silent. */
  readonly logger?: Logger;
}

/** Loads the media engine; rejects with `ENGINE_UNAVAILABLE` where its optional package is missing or does not run. */
export async function loadMediaEngine({ logger = silentLogger }: LoadMediaEngineOptions = {}): Promise<MediaEngine> {
  try {
    // Quicker than to start a thread for it, and the usual reason.
    createRequire(import.meta.url).resolve('node-av/lib');
  } catch (cause) {
    throw new TsWebRTCError('ENGINE_UNAVAILABLE', INSTALL_HINT, { cause });
  }
  // Or the AV1 encoder writes to the standard error output, whose owner is the application. Only here does it reach the library.
  process.env.SVT_LOG ??= '0';
  const reserve = new WorkerReserve();
  try {
    await reserve.ready();
  } catch (error) {
    await reserve.close();
    throw error;
  }
  return new WorkerEngine(reserve, logger.child({ subsystem: 'media' }));
}

class WorkerEngine implements MediaEngine {
  readonly #reserve: WorkerReserve;
  readonly #logger: Logger;
  readonly #inputs = new Map<string, EngineInput>();
  readonly #encodings = new Set<Encoding>();
  readonly #outputs = new Set<WorkerRecording | WorkerDecoding>();
  /** What is being opened. */
  readonly #opening = new Set<Promise<unknown>>();
  readonly #directory: EncoderDirectory;
  #nextId = 1;
  #closed = false;

  constructor(reserve: WorkerReserve, logger: Logger) {
    this.#reserve = reserve;
    this.#logger = logger;
    this.#directory = new EncoderDirectory(logger);
  }

  openInput(description: InputDescription, options: { signal?: AbortSignal } = {}): Promise<MediaInput> {
    return this.#track(this.#openInput(description, options));
  }

  openEncoding(track: InputTrack, options: EncodingOptions): Promise<Encoding> {
    return this.#track(this.#openEncoding(track, options));
  }

  async openPassthrough(track: InputTrack): Promise<Encoding> {
    this.#checkOpen();
    const source = this.#sourceOf(track);
    const codec = source.track.encoded?.codec;
    if (!codec) throw new TsWebRTCError('ENCODER_FAILED', `The track "${track.id}" has no packets that could be passed on.`);
    const id = `passthrough-${this.#nextId++}`;
    const encoding = new PassthroughEncoding(id, codec, source, () => this.#encodings.delete(encoding));
    this.#encodings.add(encoding);
    this.#logger.info({ encoding: id, track: track.id, codec }, 'passthrough opened');
    return encoding;
  }

  findEncoders(codecs: readonly VideoCodecName[], preference?: EncoderPreference): Promise<readonly VideoCodecName[]> {
    return this.#track(this.#findEncoders(codecs, preference));
  }

  async openRecording(options: RecordingOptions): Promise<Recording> {
    checkRecording(options);
    return this.#track(this.#openOutput((host, closed) => WorkerRecording.open(options, host, closed)));
  }

  async openDecoding(options: DecodingOptions): Promise<Decoding> {
    checkDecoding(options);
    return this.#track(this.#openOutput((host, closed) => WorkerDecoding.open(options, host, closed)));
  }

  async close(): Promise<void> {
    this.#closed = true;
    // What is being opened finds the engine closed and closes itself.
    await Promise.allSettled(this.#opening);
    // A file that cannot be completed has told its own user so.
    await Promise.allSettled([...this.#outputs].map((output) => output.close()));
    await Promise.all([...this.#encodings].map((encoding) => encoding.close()));
    await Promise.all([...this.#inputs.values()].map((input) => input.close()));
    await this.#reserve.close();
  }

  async #openInput(description: InputDescription, { signal }: { signal?: AbortSignal }): Promise<MediaInput> {
    this.#checkOpen();
    checkInput(description);
    signal?.throwIfAborted();
    const id = `input-${this.#nextId++}`;
    const closed = (): void => {
      if (this.#inputs.delete(id)) this.#logger.info({ input: id }, 'input closed');
    };
    const input =
      description.type === 'push'
        ? new PushInput(id, description, (decoding) => this.openDecoding(decoding), closed)
        : await WorkerInput.open(id, description, await this.#reserve.take(), closed, signal);
    if (this.#closed) {
      await input.close();
      throw closedError();
    }
    this.#inputs.set(id, input);
    this.#logger.info({ input: id, type: description.type, tracks: input.tracks.map(({ kind }) => kind) }, 'input opened');
    return input;
  }

  async #openEncoding(track: InputTrack, options: EncodingOptions): Promise<Encoding> {
    this.#checkOpen();
    checkEncoding(track, options);
    const source = this.#sourceOf(track);
    const subscriber = this.#nextId++;
    const id = `encoding-${subscriber}`;
    const host = await this.#reserve.take();
    const closed = (): void => {
      if (this.#encodings.delete(encoding)) this.#logger.info({ encoding: id }, 'encoding closed');
    };
    const codec = options.codec as VideoCodecName;
    const encoders = track.kind === 'video' && {
      candidates: this.#directory.candidates(codec, options.encoder, options),
      onChosen: (choice: EncoderChoice) => this.#directory.note(codec, choice, id),
    };
    const encoding = await WorkerEncoding.open(id, options, { ...source, subscriber }, host, closed, encoders || undefined);
    if (this.#closed) {
      await encoding.close();
      throw closedError();
    }
    this.#encodings.add(encoding);
    this.#logger.info({ encoding: id, track: track.id, codec: options.codec }, 'encoding opened');
    return encoding;
  }

  async #findEncoders(codecs: readonly VideoCodecName[], preference: EncoderPreference | undefined): Promise<VideoCodecName[]> {
    this.#checkOpen();
    const trials = await this.#tryEncoders(codecs, preference).catch((error: unknown) => {
      this.#checkOpen();
      this.#directory.noteHung(codecs, asError(error).message);
      // Those run on the processor, and hang in no driver.
      return this.#tryEncoders(codecs, 'software');
    });
    for (const { codec, implementation, refused } of trials) {
      if (implementation === undefined) this.#directory.noteNone(codec, refused);
      else this.#directory.note(codec, { implementation, refused });
    }
    return trials.flatMap(({ codec, implementation }) => (implementation === undefined ? [] : codec));
  }

  async #tryEncoders(
    codecs: readonly VideoCodecName[],
    preference: EncoderPreference | undefined,
  ): Promise<readonly EncoderTrial[]> {
    const wanted = codecs.map((codec) => ({ codec, candidates: this.#directory.candidates(codec, preference) }));
    return tryEncoders(await this.#reserve.take(), wanted);
  }

  async #openOutput<T extends WorkerRecording | WorkerDecoding>(
    open: (host: WorkerHost, closed: () => void) => Promise<T>,
  ): Promise<T> {
    this.#checkOpen();
    const output = await open(await this.#reserve.take(), () => this.#outputs.delete(output));
    if (this.#closed) {
      await output.close();
      throw closedError();
    }
    this.#outputs.add(output);
    return output;
  }

  /** Where a track comes from. */
  #sourceOf({ id }: InputTrack): { readonly input: EngineInput; readonly track: InputTrack; readonly trackIndex: number } {
    const input = this.#inputs.get(id.slice(0, id.lastIndexOf('.')));
    const trackIndex = input?.tracks.findIndex((track) => track.id === id) ?? -1;
    const track = input?.tracks[trackIndex];
    if (!input || input.gone || !track) {
      throw new TsWebRTCError('INVALID_STATE', `The track "${id}" belongs to no open input of this engine.`);
    }
    return { input, track, trackIndex };
  }

  #track<T>(opening: Promise<T>): Promise<T> {
    this.#opening.add(opening);
    const done = (): void => {
      this.#opening.delete(opening);
    };
    opening.then(done, done);
    return opening;
  }

  #checkOpen(): void {
    if (this.#closed) throw closedError();
  }
}

function closedError(): TsWebRTCError {
  return new TsWebRTCError('INVALID_STATE', 'The media engine is closed.');
}
