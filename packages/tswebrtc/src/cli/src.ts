/** `tswebrtc src`: receives a stream and puts it where it was told to, until it ends, enough of it was there, or Ctrl-C. */
import { writeFile } from 'node:fs/promises';
import { asError, TsWebRTCError } from '../common/errors.ts';
import { CONTAINERS, containerOf } from '../media/containers.ts';
import { linkOptions } from '../properties/signaller.ts';
import { DefaultSignaller } from '../signalling/default-signaller.ts';
import type { Meta } from '../signalling/signaller.ts';
import { type SrcVideoCodec, srcProperties, validateSrcOptions, type WebRTCSrcOptions } from '../webrtcsrc/properties.ts';
import type { SrcEndReason } from '../webrtcsrc/session.ts';
import type { RecordingSummary, SrcRecording } from '../webrtcsrc/src-recording.ts';
import type { SrcTrack } from '../webrtcsrc/src-track.ts';
import { WebRTCSrc } from '../webrtcsrc/webrtcsrc.ts';
import { BareOutput, kindOf } from './bare-output.ts';
import { aborted, within } from './interrupts.ts';
import type { CommandContext } from './sink.ts';
import { describeEvent, type EventToSend } from './src-events.ts';
import { SrcFigureReader, statusLine } from './src-figures.ts';
import { type CheckedOutputs, imageFormatOf, isContainer } from './src-outputs.ts';

/** ms that everything has to end in peace. */
const CLOSE_LIMIT = 30_000;
/** ms between two status lines. */
const STATUS_INTERVAL = 1000;

export interface SrcCommand extends CheckedOutputs {
  readonly options: WebRTCSrcOptions;
  /** What to send to the producer once it is there. */
  readonly sends: readonly EventToSend[];
}

export interface ListCommand {
  readonly options: WebRTCSrcOptions;
}

/** Resolves when the command is over; rejects where it could not do what it was to. */
export async function runSrc(command: SrcCommand, context: CommandContext): Promise<void> {
  await new SrcRun(command, context).run();
}

class SrcRun {
  readonly #command: SrcCommand;
  readonly #context: CommandContext;
  readonly #src: WebRTCSrc;
  readonly #figures: SrcFigureReader;
  /** What has to be done before the command ends by itself. */
  readonly #open = new Set<string>();
  readonly #timers: NodeJS.Timeout[] = [];
  #recording: SrcRecording | undefined;
  #bare: BareOutput | undefined;
  /** The one that goes there: of several the first. */
  #bareTrack: SrcTrack | undefined;
  #files = 0;
  #failure: TsWebRTCError | undefined;
  /** It ends by itself, and not because it was told to. */
  #finished = false;
  /** Without a recording: when the duration began to count. */
  #durationTimer: NodeJS.Timeout | undefined;

  constructor(command: SrcCommand, context: CommandContext) {
    this.#command = command;
    this.#context = context;
    this.#src = new WebRTCSrc({ ...command.options, ...preferredCodecs(command), logger: context.logger });
    this.#figures = new SrcFigureReader(this.#src);
  }

  async run(): Promise<void> {
    const { interrupts } = this.#context;
    try {
      this.#prepare();
      const started = this.#src.start();
      await Promise.race([started, aborted(interrupts.signal)]);
      this.#report();
      await aborted(interrupts.signal);
      started.catch(() => {});
    } finally {
      await this.#close();
    }
    if (this.#failure) throw this.#failure;
  }

  #prepare(): void {
    const { output } = this.#context;
    const { outputs, duration } = this.#command;
    this.#narrate();
    if (outputs.record !== undefined) {
      this.#open.add('record');
      this.#record(outputs.record);
    }
    if (outputs.stdout !== undefined) {
      this.#open.add('stdout');
      if (isContainer(outputs.stdout)) {
        const limit = duration === undefined ? {} : { duration: duration * 1000 };
        const recording = this.#src.record(process.stdout, { container: outputs.stdout, ...limit });
        void recording.finished.then((summary) => {
          if (summary.error) this.#fail(summary.error);
          this.#done('stdout');
        });
      }
    }
    if (outputs.snapshot !== undefined) this.#open.add('snapshot');
    if (this.#command.sends.length > 0) {
      this.#open.add('send');
      this.#src.once('track', () => void this.#send());
    }
    if (this.#open.size === 0) {
      this.#open.add('watch');
      output.say('Receiving; nothing is kept. --record, --snapshot and --stdout would.');
    }
  }

  #narrate(): void {
    const { output } = this.#context;
    const src = this.#src;
    src.on('registered', (peerId) => {
      const waits = src.producerId === undefined ? ' Waiting for the producer; press Ctrl-C to stop.' : '';
      output.event('registered', { peerId }, `Registered as ${peerId}.${waits}`);
    });
    src.on('session-started', (sessionId, producerId) => {
      output.event('session-started', { sessionId, producerId }, `Producer ${producerId} starts a session (${sessionId}).`);
    });
    src.on('track', (track) => this.#onTrack(track));
    src.on('session-ended', (sessionId, reason, error) => this.#onSessionEnded(sessionId, reason, error));
    src.on('info', ({ meta }, track) => {
      const { type, ...fields } = meta;
      output.event('time-code', { track: track?.name ?? null, ...fields });
    });
    src.on('error', (error) => output.error(error));
  }

  #onTrack(track: SrcTrack): void {
    const { output } = this.#context;
    const { outputs, duration } = this.#command;
    const { name, kind, codec, mid, msid } = track;
    output.event('track', { name, kind, codec, mid, msid }, `Track ${name}: ${codec}.`);
    track.on('ended', () => {
      if (this.#src.producerId !== undefined) output.event('track-ended', { name }, `Track ${name} ended.`);
    });
    if (outputs.snapshot !== undefined && this.#open.has('snapshot') && kind === 'video')
      void this.#snapshot(track, outputs.snapshot);
    const { stdout } = outputs;
    if (stdout !== undefined && !isContainer(stdout) && kindOf(stdout) === kind && !this.#bareTrack) {
      this.#bareTrack = track;
      this.#bare ??= new BareOutput(stdout, process.stdout);
      void this.#bare
        .take(track, this.#context.interrupts.signal)
        .catch((error: TsWebRTCError) => {
          this.#fail(error);
          this.#done('stdout');
        })
        .finally(() => {
          this.#bareTrack = undefined;
        });
    }
    const timed = outputs.record === undefined && !(stdout !== undefined && isContainer(stdout));
    if (timed && duration !== undefined) {
      this.#durationTimer ??= setTimeout(() => this.#finish(), duration * 1000);
    }
  }

  /** One after the other: the next when the producer has handled the last. */
  async #send(): Promise<void> {
    const { output } = this.#context;
    const navigationOnly = this.#command.options.enableControlDataChannel !== true;
    for (const event of this.#command.sends) {
      try {
        if (event.type === 'navigation') await this.#src.sendNavigation(event.navigation);
        else await this.#src.sendCustomUpstreamEvent(event.structureName, event.structure);
        const { type, ...fields } = event;
        output.event(`${type}-sent`, fields, `${describeEvent(event)}: ${navigationOnly ? 'sent' : 'handled by the producer'}.`);
      } catch (error) {
        this.#fail(asError(error));
      }
    }
    this.#done('send');
  }

  #onSessionEnded(sessionId: string, reason: SrcEndReason, error: TsWebRTCError | undefined): void {
    const { output } = this.#context;
    const fields = { sessionId, reason, ...(error ? { message: error.message } : {}) };
    output.event('session-ended', fields, reason === 'shutdown' ? undefined : `The session is over: ${reason}.`);
    if (reason === 'shutdown') return;
    if (this.#command.reconnect) {
      output.say('Waiting for the producer to come back.');
      return;
    }
    if (error) this.#fail(error);
    this.#finish();
  }

  #record(file: string): void {
    const { output } = this.#context;
    const { duration } = this.#command;
    const path = numbered(file, ++this.#files);
    const recording = this.#src.record(path, duration === undefined ? {} : { duration: duration * 1000 });
    this.#recording = recording;
    recording.on('begun', (tracks) => {
      output.event('recording-begun', { path, tracks }, `Recording into ${path}.`);
      for (const { name, codec, transcodedTo } of tracks) {
        if (transcodedTo) output.warn(`${codec} of ${name} does not fit into ${path}: it is re-encoded to ${transcodedTo}.`);
      }
    });
    recording.on('left-out', ({ name }) => {
      output.warn(`Track ${name} came after ${path} was begun and is not in it: a recording begun now would have it.`);
    });
    void recording.finished.then((summary) => this.#recorded(path, summary));
  }

  #recorded(path: string, summary: RecordingSummary): void {
    const { output, interrupts } = this.#context;
    const { reason, duration, bytesWritten, framesDropped, tracks, frames, error } = summary;
    if (error) this.#fail(error);
    else if (tracks.length === 0) {
      if (this.#finished || !interrupts.signal.aborted) this.#fail(nothingCame(path));
      else output.warn(`Nothing came, so there is no ${path}.`);
    } else {
      const seconds = duration / 1e6;
      const figures = Object.fromEntries(tracks.map(({ name }, i) => [name, frames[i] ?? 0]));
      output.event(
        'recording-ended',
        { path, reason, duration: seconds, frames: figures, framesDropped, bytesWritten },
        `Recorded ${seconds.toFixed(1)} s into ${path}.`,
      );
      if (framesDropped > 0) output.warn(`${framesDropped} frames are missing in ${path}: writing was too slow.`);
      const goesOn =
        reason === 'codec-changed' || reason === 'tracks-ended' || (reason === 'session-ended' && this.#command.reconnect);
      if (goesOn && !interrupts.signal.aborted) {
        this.#record(this.#command.outputs.record!);
        return;
      }
    }
    this.#done('record');
  }

  async #snapshot(track: SrcTrack, file: string): Promise<void> {
    const { output } = this.#context;
    try {
      const image = await track.snapshot({ format: imageFormatOf(file) ?? 'png' });
      await writeFile(file, image);
      const { frameWidth: width, frameHeight: height } = track.stats ?? {};
      output.event('snapshot', { path: file, width, height }, `Saved a picture in ${file}.`);
    } catch (thrown) {
      const error = thrown as Error & { code?: string };
      this.#fail(error instanceof TsWebRTCError ? error : cannotWrite(file, error));
    }
    this.#done('snapshot');
  }

  #report(): void {
    const { output } = this.#context;
    const { statsInterval } = this.#command;
    if (statsInterval !== undefined) {
      const tell = async (): Promise<void> => {
        const figures = await this.#figures.read();
        output.event('stats', figures, statusLine(figures, this.#recordedSeconds, Number.POSITIVE_INFINITY));
      };
      this.#timers.push(setInterval(() => void tell().catch(() => {}), statsInterval * 1000));
    } else if (process.stderr.isTTY) {
      const show = async (): Promise<void> => {
        const figures = await this.#figures.read();
        if (!this.#context.interrupts.signal.aborted) {
          output.status(statusLine(figures, this.#recordedSeconds, process.stderr.columns ?? 80));
        }
      };
      this.#timers.push(setInterval(() => void show().catch(() => {}), STATUS_INTERVAL));
    }
  }

  get #recordedSeconds(): number | undefined {
    return this.#recording && this.#recording.figures.duration / 1e6;
  }

  #fail(error: TsWebRTCError): void {
    this.#failure ??= error;
  }

  #done(what: string): void {
    this.#open.delete(what);
    if (this.#open.size === 0) this.#finish();
  }

  #finish(): void {
    this.#finished = true;
    this.#context.interrupts.stop();
  }

  async #close(): Promise<void> {
    const { output } = this.#context;
    for (const timer of this.#timers) clearInterval(timer);
    clearTimeout(this.#durationTimer);
    output.status('');
    const closed = this.#src.close();
    if (!(await within(CLOSE_LIMIT, closed))) output.warn('Some of it did not end in time and is dropped.');
    // What its reader has not taken yet is still for it.
    if (this.#command.outputs.stdout !== undefined && process.stdout.writable) {
      await within(CLOSE_LIMIT, new Promise<void>((resolve) => process.stdout.write('', () => resolve())));
    }
  }
}

/** What goes into a file as it is comes first, unless codecs were named. */
function preferredCodecs({ options, outputs }: SrcCommand): { videoCodecs?: SrcVideoCodec[] } {
  const { stdout, record } = outputs;
  const container = record !== undefined ? containerOf(record) : stdout && isContainer(stdout) ? stdout : undefined;
  if (options.videoCodecs !== undefined || !container) return {};
  const fitting = CONTAINERS[container].videoCodecs;
  const rest = srcProperties.videoCodecs.default.filter((codec) => !fitting.includes(codec));
  return { videoCodecs: [...fitting, ...rest] };
}

/** `out.mp4`, then `out-2.mp4`. */
function numbered(file: string, number: number): string {
  return number === 1 ? file : file.replace(/(\.[^./]+)$/, `-${number}$1`);
}

function nothingCame(path: string): TsWebRTCError {
  return new TsWebRTCError('RECORDING_FAILED', `The session ended before anything came, so there is no ${path}.`);
}

function cannotWrite(file: string, error: Error & { code?: string }): TsWebRTCError {
  const message = `The picture "${file}" cannot be written (${error.code ?? error.message}).`;
  return new TsWebRTCError('RECORDING_FAILED', message, { cause: error });
}

/** Says which producers the server knows. Rejects with `SIGNALLING_UNREACHABLE` where there is no server. */
export async function runList({ options }: ListCommand, { output, logger, interrupts }: CommandContext): Promise<void> {
  const { signaller } = validateSrcOptions(options);
  if (!('uri' in signaller) || typeof signaller.uri !== 'string') return;
  const listener = new DefaultSignaller({ uri: signaller.uri, role: 'listener', ...linkOptions(signaller), logger });
  const producers: { peerId: string; meta: Meta | null }[] = [];
  listener.on('producer-added', (peerId, meta) => producers.push({ peerId, meta }));
  try {
    await Promise.race([
      new Promise<void>((resolve, reject) => {
        // What is behind the list was answered: so was the list.
        listener.on('registered', () => resolve());
        listener.on('error', reject);
        listener.start({ requestMeta: () => null });
      }),
      aborted(interrupts.signal),
    ]);
  } finally {
    await listener.stop();
  }
  for (const { peerId, meta } of producers) {
    const described = meta && Object.keys(meta).length > 0 ? `  ${JSON.stringify(meta)}` : '';
    output.event('producer', { peerId, meta }, `${peerId}${described}`);
  }
  if (producers.length === 0) output.say('There is no producer.');
}
