/** Where `tswebrtc src` puts what it receives, as typed. */
import { type ContainerName, containerOf } from '../media/containers.ts';
import { closest } from '../properties/closest.ts';
import { asUsage, UsageError } from './exit.ts';

const CONTAINERS = ['matroska', 'webm', 'mp4'] as const satisfies readonly ContainerName[];
/** Without a container: encoded pictures as H.264 byte stream or IVF, raw ones as YUV4MPEG2, sound as bare samples. */
const BARE = ['encoded', 'y4m', 's16le'] as const;

export type StdoutFormat = (typeof CONTAINERS)[number] | (typeof BARE)[number];
export const STDOUT_FORMATS: readonly StdoutFormat[] = [...CONTAINERS, ...BARE];

export interface SrcOutputs {
  readonly record?: string;
  readonly stdout?: StdoutFormat;
  readonly snapshot?: string;
}

export interface CheckedOutputs {
  readonly outputs: SrcOutputs;
  /** s */
  readonly duration?: number;
  readonly reconnect: boolean;
  /** s */
  readonly statsInterval?: number;
}

/** Throws `UsageError` for outputs that cannot be, or not together. */
export function checkOutputs(typed: Readonly<Record<string, unknown>>, json: boolean): CheckedOutputs {
  const { record, snapshot, format, duration, statsInterval } = typed;
  if (typeof record === 'string') asUsage(() => containerOf(record));
  if (typeof snapshot === 'string' && imageFormatOf(snapshot) === undefined) {
    throw new UsageError(`--snapshot is "${snapshot}", but it must end in .png, .jpg or .jpeg.`);
  }
  if (format !== undefined && typed.stdout !== true) throw new UsageError('--format says what goes to stdout: add --stdout.');
  if (typed.stdout === true && json) {
    throw new UsageError('--stdout and --json cannot both have standard output: leave one of them out.');
  }
  if (typeof format === 'string' && !STDOUT_FORMATS.includes(format as StdoutFormat)) {
    const meant = closest(format, STDOUT_FORMATS);
    const known = STDOUT_FORMATS.join(', ');
    throw new UsageError(`--format is "${format}", but it must be one of ${known}${meant ? `; did you mean ${meant}?` : '.'}`);
  }
  return {
    outputs: {
      ...(typeof record === 'string' ? { record } : {}),
      ...(typeof snapshot === 'string' ? { snapshot } : {}),
      ...(typed.stdout === true ? { stdout: (format ?? 'matroska') as StdoutFormat } : {}),
    },
    reconnect: typed.reconnect === true,
    ...(typeof duration === 'number' ? { duration } : {}),
    ...(typeof statsInterval === 'number' ? { statsInterval } : {}),
  };
}

export function imageFormatOf(file: string): 'png' | 'jpeg' | undefined {
  if (/\.png$/i.test(file)) return 'png';
  return /\.jpe?g$/i.test(file) ? 'jpeg' : undefined;
}

export function isContainer(format: StdoutFormat): format is (typeof CONTAINERS)[number] {
  return (CONTAINERS as readonly string[]).includes(format);
}
