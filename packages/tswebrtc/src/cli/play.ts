/** `tswebrtc play`: shows a stream in the window of a player that is installed, ffplay or GStreamer. */
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { TsWebRTCError } from '../common/errors.ts';
import type { WebRTCSrcOptions } from '../webrtcsrc/properties.ts';
import type { RecordedTrackInfo } from '../webrtcsrc/src-recording.ts';
import { WebRTCSrc } from '../webrtcsrc/webrtcsrc.ts';
import { aborted } from './interrupts.ts';
import type { CommandContext } from './sink.ts';

export type PlayerName = 'ffplay' | 'gstreamer';

export interface PlayCommand {
  readonly options: WebRTCSrcOptions;
  /** Default: the first that is installed. */
  readonly player?: PlayerName;
}

/** ms that a player has to end after its input did. */
const PLAYER_CLOSE_TIME = 1000;

const PROGRAMS: Readonly<Record<PlayerName, string>> = { ffplay: 'ffplay', gstreamer: 'gst-launch-1.0' };

/** Resolves when the window is closed, the stream ends or Ctrl-C; rejects where there is no player, or it fails. */
export async function runPlay({ options, player }: PlayCommand, context: CommandContext): Promise<void> {
  const { output, interrupts, logger } = context;
  const chosen = findPlayer(player);
  const src = new WebRTCSrc({ ...options, logger });
  let failure: TsWebRTCError | undefined;
  let child: ChildProcess | undefined;
  src.on('registered', (peerId) => output.event('registered', { peerId }, `Registered as ${peerId}; waiting for the producer.`));
  src.on('error', (error) => output.error(error));
  src.on('session-ended', (sessionId, reason, error) => {
    output.event('session-ended', { sessionId, reason }, `The session is over: ${reason}.`);
    failure ??= error;
    interrupts.stop();
  });
  const pipe = new PassThrough();
  const recording = src.record(pipe);
  recording.on('begun', (tracks) => {
    output.event('playing', { player: chosen, tracks }, `Playing in ${chosen}; close its window or press Ctrl-C to stop.`);
    child = startPlayer(chosen, tracks, pipe);
    void ended(child, chosen).then((error) => {
      if (!interrupts.signal.aborted) failure ??= error;
      interrupts.stop();
    });
  });
  void recording.finished.then(({ error }) => {
    failure ??= error;
    if (error) interrupts.stop();
  });
  try {
    await Promise.race([src.start(), aborted(interrupts.signal)]);
    await aborted(interrupts.signal);
  } finally {
    await src.close();
    pipe.end();
    if (child) await stop(child);
  }
  if (failure) throw failure;
}

function findPlayer(wanted: PlayerName | undefined): PlayerName {
  for (const name of wanted ? [wanted] : (['ffplay', 'gstreamer'] as const)) if (isInstalled(PROGRAMS[name])) return name;
  const what = wanted ? `${PROGRAMS[wanted]} is` : 'neither ffplay nor gst-launch-1.0 is';
  throw new TsWebRTCError(
    'PLAYER_NOT_FOUND',
    `There is no player: ${what} installed; install the package ffmpeg, or gstreamer1.0-tools with its plugins.`,
  );
}

function isInstalled(program: string): boolean {
  return (process.env.PATH ?? '').split(path.delimiter).some((directory) => {
    try {
      accessSync(path.join(directory, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function startPlayer(player: PlayerName, tracks: readonly RecordedTrackInfo[], pipe: PassThrough): ChildProcess {
  const args = player === 'ffplay' ? ffplayArguments(tracks) : pipelineOf(tracks);
  const child = spawn(PROGRAMS[player], args, { stdio: ['pipe', 'ignore', 'pipe'] });
  child.stdin!.on('error', () => {});
  pipe.pipe(child.stdin!);
  return child;
}

/** It begins to show at once and stays close to what comes: a live picture is no film. */
function ffplayArguments(tracks: readonly RecordedTrackInfo[]): string[] {
  const sound = tracks.some(({ name }) => name.startsWith('audio'));
  return [
    ...['-hide_banner', '-loglevel', 'error', '-window_title', 'tswebrtc', '-autoexit'],
    ...['-fflags', 'nobuffer', '-flags', 'low_delay', '-analyzeduration', '300000', '-framedrop'],
    ...(sound ? [] : ['-an', '-sync', 'ext']),
    ...['-i', 'pipe:0'],
  ];
}

function pipelineOf(tracks: readonly RecordedTrackInfo[]): string[] {
  const branches = tracks.map(({ name }) =>
    name.startsWith('video')
      ? `d.${name} ! queue ! decodebin ! videoconvert ! autovideosink`
      : `d.${name} ! queue ! decodebin ! audioconvert ! audioresample ! autoaudiosink`,
  );
  return ['-q', ...`fdsrc fd=0 ! matroskademux name=d ${branches.join(' ')}`.split(' ')];
}

/** Resolves when the player has gone, with an error where it failed. */
function ended(child: ChildProcess, player: PlayerName): Promise<TsWebRTCError | undefined> {
  let words = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-2000);
  });
  return new Promise((resolve) => {
    child.once('error', (cause) => resolve(playerFailed(player, cause.message)));
    child.once('close', (code) => resolve(code === 0 || code === null ? undefined : playerFailed(player, words)));
  });
}

function playerFailed(player: PlayerName, words: string): TsWebRTCError {
  const last = words.trim().split('\n').at(-1)?.trim() || 'it says no more';
  return new TsWebRTCError('PLAYER_FAILED', `The player ${PROGRAMS[player]} failed: ${last}`);
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), PLAYER_CLOSE_TIME);
  await gone;
  clearTimeout(timer);
}
