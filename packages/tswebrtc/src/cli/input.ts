/** INPUT arguments: `testsrc:pattern=ball,width=640`, `tone:frequency=880`, or a file. */
import { stat } from 'node:fs/promises';
import { TsWebRTCError } from '../common/errors.ts';
import type { InputDescription } from '../media/types.ts';
import { closest } from '../properties/closest.ts';
import { parsePropertyText, property, type Schema } from '../properties/property-schema.ts';
import { boolean, choice, decimal, uint } from '../properties/property-types.ts';
import { asUsage, UsageError } from './exit.ts';

const testsrc = {
  pattern: property({
    type: choice('smpte', 'ball'),
    default: 'smpte',
    when: 'ready',
    doc: 'Colour bars, or a ball that bounces.',
  }),
  width: property({ type: uint(16, 7680, 'pixels'), default: 1280, when: 'ready', doc: 'Width, even.' }),
  height: property({ type: uint(16, 4320, 'pixels'), default: 720, when: 'ready', doc: 'Height, even.' }),
  framerate: property({ type: uint(1, 240, 'frames/s'), default: 30, when: 'ready', doc: 'Frames per second.' }),
  clock: property({ type: boolean(), default: false, when: 'ready', doc: 'Draw the capture time into the picture.' }),
} satisfies Schema;

const tone = {
  frequency: property({ type: decimal(20, 20_000, 'Hz'), default: 440, when: 'ready', doc: 'Pitch.' }),
  volume: property({ type: decimal(0, 1), default: 0.2, when: 'ready', doc: 'Loudness.' }),
  channels: property({ type: uint(1, 8), default: 2, when: 'ready', doc: 'How many; all sound the same.' }),
} satisfies Schema;

const generators: Readonly<Record<string, Schema>> = { testsrc, tone };

/** Reads one INPUT. Throws `UsageError` for a setting that cannot be; whether a file is there is not looked at. */
export function parseInput(source: string, { loop = false }: { loop?: boolean } = {}): InputDescription {
  if (source === '') throw new UsageError('An INPUT is empty; name a file, testsrc or tone.');
  const colon = source.indexOf(':');
  const name = colon < 0 ? source : source.slice(0, colon);
  const schema = Object.hasOwn(generators, name) ? generators[name] : undefined;
  if (!schema) return { type: 'file', path: source, ...(loop ? { loop } : {}) };
  const settings = parseSettings(name, schema, colon < 0 ? '' : source.slice(colon + 1));
  for (const side of ['width', 'height']) {
    if (Number(settings[side] ?? 0) % 2 !== 0) {
      throw new UsageError(`The ${side} of ${name} is ${settings[side]}, but it must be even.`);
    }
  }
  return { type: name, ...settings } as InputDescription;
}

/** Rejects with `INPUT_NOT_FOUND` unless every file among the inputs can be opened. */
export async function checkFiles(inputs: readonly InputDescription[]): Promise<void> {
  for (const input of inputs) {
    if (input.type !== 'file') continue;
    const found = await stat(input.path).catch((error: NodeJS.ErrnoException) => error);
    if (found instanceof Error) {
      const meant = closest(input.path.split(':')[0]!, Object.keys(generators));
      const why =
        found.code === 'ENOENT' ? `There is no file ${input.path}` : `The file ${input.path} cannot be opened (${found.code})`;
      throw new TsWebRTCError('INPUT_NOT_FOUND', meant ? `${why}; did you mean ${meant}?` : `${why}.`, { cause: found });
    }
    if (found.isDirectory())
      throw new TsWebRTCError('INPUT_NOT_FOUND', `The input ${input.path} is a directory; name a file in it.`);
  }
}

function parseSettings(name: string, schema: Schema, source: string): Record<string, unknown> {
  const settings: Record<string, unknown> = {};
  for (const item of source.split(',').map((part) => part.trim())) {
    if (item === '') continue;
    const equals = item.indexOf('=');
    const key = equals < 0 ? item : item.slice(0, equals).trim();
    const declaration = Object.hasOwn(schema, key) ? schema[key] : undefined;
    if (!declaration) {
      const meant = closest(key, Object.keys(schema));
      const hint = meant ? `; did you mean ${meant}?` : `: it has ${Object.keys(schema).join(', ')}.`;
      throw new UsageError(`There is no setting ${key} of ${name}${hint}`);
    }
    // A setting without a value is a switch.
    const value = equals < 0 ? 'true' : item.slice(equals + 1).trim();
    settings[key] = asUsage(() => parsePropertyText(declaration, value, `The ${key} of ${name}`));
  }
  return settings;
}
