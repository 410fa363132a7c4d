/** INPUT arguments: `testsrc:pattern=ball,width=640`, `tone:frequency=880`, a URL, a device, a pipe, or a file. */
import { stat } from 'node:fs/promises';
import { TsWebRTCError } from '../common/errors.ts';
import { checkStream, isInputUrl, mayLoop } from '../media/stream-options.ts';
import { DEVICE_DRIVERS, type DeviceInput, type InputDescription, type PipeInput, type UrlInput } from '../media/types.ts';
import { nameOfUrl } from '../media/url-name.ts';
import { closest } from '../properties/closest.ts';
import { kebabCase, parsePropertyText, property, type Schema } from '../properties/property-schema.ts';
import { boolean, choice, decimal, text, uint } from '../properties/property-types.ts';
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

const reconnect = property({ type: boolean(), default: true, when: 'ready', doc: 'Try again when it is lost.' });
const live = property({ type: boolean(), default: false, when: 'ready', doc: 'Hand on as it comes, unpaced.' });
const size = {
  width: property({ type: uint(16, 8192, 'pixels'), default: 0, when: 'ready', doc: 'Width.' }),
  height: property({ type: uint(16, 8192, 'pixels'), default: 0, when: 'ready', doc: 'Height.' }),
  framerate: property({ type: decimal(0.1, 240, 'frames/s'), default: 30, when: 'ready', doc: 'Frames per second.' }),
} satisfies Schema;
const samples = {
  sampleRate: property({ type: uint(8000, 192_000, 'Hz'), default: 48_000, when: 'ready', doc: 'Samples a second.' }),
  channels: property({ type: uint(1, 8), default: 2, when: 'ready', doc: 'Channels.' }),
} satisfies Schema;

const url = {
  transport: property({ type: choice('tcp', 'udp'), default: 'tcp', when: 'ready', doc: 'How RTSP packets come.' }),
  timeout: property({ type: decimal(0.1, 3600, 's'), default: 5, when: 'ready', doc: 'Silence that counts as a loss.' }),
  insecureTls: property({ type: boolean(), default: false, when: 'ready', doc: 'Trust any certificate.' }),
  listen: property({ type: boolean(), default: false, when: 'ready', doc: 'Wait for a sender to connect.' }),
  loop: property({ type: boolean(), default: false, when: 'ready', doc: 'Start over at its end.' }),
  reconnect,
  live,
} satisfies Schema;

const device = {
  ...size,
  ...samples,
  format: property({ type: text('name'), default: '', when: 'ready', doc: 'What the device is to give.' }),
  reconnect,
} satisfies Schema;

const pipe = {
  ...size,
  ...samples,
  path: property({ type: text('path'), default: '', when: 'ready', doc: 'A FIFO; none is standard input.' }),
  format: property({ type: text('name'), default: '', when: 'ready', doc: 'What is written.' }),
  pixelFormat: property({ type: text('name'), default: 'yuv420p', when: 'ready', doc: 'Pixel format of rawvideo.' }),
  reconnect,
  live,
} satisfies Schema;

const generators: Readonly<Record<string, Schema>> = { testsrc, tone };

/** Reads one INPUT. Throws `UsageError` for a setting that cannot be; whether a file is there is not looked at. */
export function parseInput(source: string, { loop = false }: { loop?: boolean } = {}): InputDescription {
  if (source === '') throw new UsageError('An INPUT is empty; name a file, testsrc or tone.');
  const stream = parseStream(source, loop);
  if (stream) {
    asUsage(() => checkStream(stream));
    return stream;
  }
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

/** A URL, with settings behind a #; a device, with settings behind commas; a pipe. Undefined where it is none of these. */
function parseStream(source: string, loop: boolean): UrlInput | DeviceInput | PipeInput | undefined {
  if (isInputUrl(source)) {
    const hash = source.indexOf('#');
    const address = hash < 0 ? source : source.slice(0, hash);
    const settings = parseSettings(nameOfUrl(address), url, hash < 0 ? '' : source.slice(hash + 1));
    return { type: 'url', url: address, ...(loop && mayLoop(address) ? { loop } : {}), ...settings };
  }
  if (source === '-') return { type: 'pipe' };
  if (/^\/dev\/video\d+$/.test(source)) return { type: 'device', driver: 'v4l2', device: source };
  const [, name, rest = ''] = /^(\w+):(.*)$/s.exec(source) ?? [];
  if (name === 'pipe') return { type: 'pipe', ...parseSettings(name, pipe, rest === '0' ? '' : rest) };
  const driver = DEVICE_DRIVERS.find((known) => known === name);
  if (!driver) return undefined;
  // Names of devices may have commas, too.
  const parts = rest.split(',');
  const setting = (part: string): boolean => /^[a-z][a-z-]*=/.test(part);
  const at = parts.findIndex(setting);
  const named = parts.slice(0, at < 0 ? parts.length : at).join(',');
  return { type: 'device', driver, device: named, ...parseSettings(driver, device, at < 0 ? '' : parts.slice(at).join(',')) };
}

/** An input in sentences, without secrets. */
export function nameOfInput(input: InputDescription): string {
  switch (input.type) {
    case 'file':
      return input.path;
    case 'url':
      return nameOfUrl(input.url);
    case 'device':
      return `${input.driver}:${input.device}`;
    case 'pipe':
      return input.path ?? 'the standard input';
    default:
      return input.type;
  }
}

/** Throws `UsageError` where nothing among the inputs can start over. */
export function checkLoop(inputs: readonly InputDescription[]): void {
  const once = inputs.filter(({ type }) => type === 'url' || type === 'device' || type === 'pipe');
  if (once.length === 0 || inputs.some((input) => 'loop' in input && input.loop)) return;
  throw new UsageError(`There is no beginning for --loop to go back to in ${once.map(nameOfInput).join(', ')}; leave it out.`);
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
    const own = Object.keys(schema).find((known) => kebabCase(known) === key);
    const declaration = own === undefined ? undefined : schema[own];
    if (own === undefined || !declaration) {
      const known = Object.keys(schema).map(kebabCase);
      const meant = closest(key, known);
      const hint = meant ? `; did you mean ${meant}?` : `: it has ${known.join(', ')}.`;
      throw new UsageError(`There is no setting ${key} of ${name}${hint}`);
    }
    // A setting without a value is a switch.
    const value = equals < 0 ? 'true' : item.slice(equals + 1).trim();
    settings[own] = asUsage(() => parsePropertyText(declaration, value, `The ${key} of ${name}`));
  }
  return settings;
}
