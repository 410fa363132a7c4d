/** `tswebrtc sink`: streams its inputs to whoever asks for them, until interrupted or at their end. */
import type { Logger } from '../common/logger.ts';
import type { InputDescription } from '../media/types.ts';
import { validateOptions, type WebRTCSinkOptions } from '../webrtcsink/options.ts';
import { type SinkStats, WebRTCSink } from '../webrtcsink/webrtcsink.ts';
import { openPortNotice } from './endpoint.ts';
import { checkFiles, nameOfInput } from './input.ts';
import { aborted, type Interrupts, within } from './interrupts.ts';
import { describeNavigation } from './navigation.ts';
import type { Output } from './output.ts';

/** ms that sessions have to end in peace before the user is told that it takes longer. */
const CLOSE_LIMIT = 2000;
/** ms after which the process ends all the same. */
const LAST_LIMIT = 10_000;
/** ms until the stream is announced after which the user is told what it is that takes so long. */
const PATIENCE = 3000;

export interface SinkCommand {
  readonly inputs: readonly InputDescription[];
  readonly options: WebRTCSinkOptions;
  /** Seconds between two `stats` events; undefined for none. */
  readonly statsInterval?: number;
}

export interface CommandContext {
  readonly output: Output;
  readonly logger: Logger;
  readonly interrupts: Interrupts;
}

/** Resolves when the command is over; rejects when it could not begin. */
export async function runSink({ inputs, options, statsInterval }: SinkCommand, context: CommandContext): Promise<void> {
  const { output, interrupts } = context;
  await checkFiles(inputs);
  const sink = new WebRTCSink({ ...options, logger: context.logger });
  for (const input of inputs) sink.addTrack(input);
  narrate(sink, options, context);
  sink.on('ended', () => {
    output.say('The input came to its end.');
    interrupts.stop();
  });

  const stopped = aborted(interrupts.signal);
  let stats: NodeJS.Timeout | undefined;
  const forgetPatience = sayWhatTakesSoLong(sink, inputs, options, output);
  const started = sink.start();
  try {
    // A server that cannot be reached keeps this waiting: an interrupt ends it.
    await Promise.race([started, stopped]);
    if (statsInterval !== undefined) stats = setInterval(() => void report(sink, output), statsInterval * 1000);
    await stopped;
  } finally {
    clearInterval(stats);
    forgetPatience();
    await close(sink, started, output);
  }
}

/**
 * A process that ends while a thread loads the media library crashes: so a start that is under way is waited for, too, and
 * where that takes long the user is told.
 */
async function close(sink: WebRTCSink, started: Promise<void>, output: Output): Promise<void> {
  const closed = Promise.all([sink.close(), started.catch(() => {})]);
  if (await within(CLOSE_LIMIT, closed)) return;
  output.warn('Some of it still has to end; Ctrl-C again ends it at once.');
  if (!(await within(LAST_LIMIT - CLOSE_LIMIT, closed))) output.warn('Some of it did not end in time and is dropped.');
}

/**
 * An input may wait for somebody to write or to answer, and a server that takes the connection and then says nothing counts as
 * unreachable only much later.
 */
function sayWhatTakesSoLong(
  sink: WebRTCSink,
  inputs: readonly InputDescription[],
  options: WebRTCSinkOptions,
  output: Output,
): () => void {
  const { signaller } = validateOptions(options);
  const where = 'uri' in signaller && typeof signaller.uri === 'string' ? ` at ${signaller.uri}` : '';
  const timer = setTimeout(() => {
    const opened = sink.tracks.length > 0;
    output.warn(
      opened
        ? `Still waiting for an answer of the signalling server${where}.`
        : `Still waiting for the input to open: ${inputs.map(nameOfInput).join(', ')}.`,
    );
  }, PATIENCE);
  const forget = (): void => clearTimeout(timer);
  sink.on('registered', forget);
  sink.on('error', forget);
  return forget;
}

function narrate(sink: WebRTCSink, options: WebRTCSinkOptions, { output }: CommandContext): void {
  sink.on('listening', ({ urls }) => {
    output.event('listening', { urls });
    for (const url of urls) {
      output.say(url.startsWith('http') ? `Open ${url} in a browser to watch.` : `The signalling server listens on ${url}`);
    }
    for (const notice of notices(options)) output.warn(notice);
  });
  sink.on('registered', (peerId) => {
    output.event('registered', { peerId }, `Streaming as ${peerId}. Press Ctrl-C to stop.`);
  });
  sink.on('consumer-added', ({ id, peerId }) => {
    output.event('consumer-added', { peerId, sessionId: id }, `Consumer ${peerId} joined (session ${id}).`);
  });
  sink.on('consumer-removed', ({ id, peerId }, reason) => {
    output.event('consumer-removed', { peerId, sessionId: id, reason }, `Consumer ${peerId} left: ${reason}.`);
  });
  sink.on('navigation', (navigation, { session: { id, peerId }, mid, tracks }) => {
    const words = `${describeNavigation(navigation)} by consumer ${peerId}.`;
    output.event('navigation', { peerId, sessionId: id, mid, tracks, navigation }, words);
  });
  sink.on('custom-upstream-event', (structureName, structure, { session: { id, peerId }, mid, tracks }) => {
    const words = `${structureName} ${JSON.stringify(structure)} by consumer ${peerId}.`;
    output.event('custom-upstream-event', { peerId, sessionId: id, mid, tracks, structureName, structure }, words);
  });
  sink.on('input-interrupted', (input, reason) => {
    output.event('input-interrupted', { tracks: input.tracks.map(({ name }) => name), reason });
    output.warn(reason);
  });
  sink.on('input-resumed', (input) => {
    const tracks = input.tracks.map(({ name }) => name);
    output.event('input-resumed', { tracks }, `The input of ${tracks.join(' and ')} is back.`);
  });
  sink.on('error', (error, sessionId) => output.error(error, sessionId));
}

async function report(sink: WebRTCSink, output: Output): Promise<void> {
  try {
    const stats = await sink.getStats();
    output.event('stats', stats, describe(stats));
  } catch {
    // The sink closed in between.
  }
}

function describe({ sessions }: SinkStats): string {
  const rate = sessions.reduce((sum, session) => sum + session.sentBitrate, 0);
  return `${sessions.length} ${sessions.length === 1 ? 'consumer' : 'consumers'}, ${(rate / 1e6).toFixed(2)} Mbit/s sent.`;
}

function notices(options: WebRTCSinkOptions): string[] {
  const { runSignallingServer, signallingServerHost, runWebServer, webServerHostAddr } = validateOptions(options);
  return [
    runSignallingServer ? openPortNotice('the signalling server', signallingServerHost) : undefined,
    runWebServer ? openPortNotice('the web server', new URL(webServerHostAddr).hostname) : undefined,
  ].filter((notice) => notice !== undefined);
}
