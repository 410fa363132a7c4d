/** What may be said of a recording, and what is wrong with it. */
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import type { Writable } from 'node:stream';
import { TsWebRTCError } from '../common/errors.ts';
import { CONTAINERS, type ContainerName, containerOf } from '../media/containers.ts';

export interface RecordOptions {
  /** Default: by the file's ending; for a stream `matroska`. */
  readonly container?: ContainerName;
  /** Ends by itself after so many ms of media. */
  readonly duration?: number;
  /** A keyframe is asked for this often, ms; 0: never. Default 10000, for HLS 2000. */
  readonly keyframeInterval?: number;
}

export function containerFor(output: string | Writable, { container }: RecordOptions): ContainerName {
  if (container === undefined) return typeof output === 'string' ? containerOf(output) : 'matroska';
  if (!(container in CONTAINERS)) {
    const known = Object.keys(CONTAINERS).join(', ');
    throw new TsWebRTCError('INVALID_OPTION', `Option container is "${container}", but must be one of ${known}.`);
  }
  if (container === 'hls' && !(typeof output === 'string' && output.toLowerCase().endsWith('.m3u8'))) {
    throw new TsWebRTCError('INVALID_OPTION', 'HLS is several files: name its list, which ends in .m3u8.');
  }
  return container;
}

export function positive(name: string, value: number): number {
  if (value > 0) return value;
  throw new TsWebRTCError('INVALID_OPTION', `Option ${name} is ${value}, but must be more than 0 ms.`);
}

export function checkWritable(file: string): void {
  const directory = path.dirname(path.resolve(file));
  try {
    accessSync(directory, constants.W_OK);
  } catch (cause) {
    throw new TsWebRTCError('RECORDING_FAILED', `The file "${file}" cannot be made: no writing in "${directory}".`, { cause });
  }
}

export function tooSlow(): TsWebRTCError {
  return new TsWebRTCError('RECORDING_FAILED', 'The recording took too long to begin: more came than could be kept.');
}
