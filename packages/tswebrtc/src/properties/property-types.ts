/**
 * The kinds of value a property can have: each knows how to read the value from text (command line, launch syntax), how to
 * check one given by a program, and how to say in words what it takes.
 */
import { isIP } from 'node:net';
import { isPlainObject, parseStructure, type Structure } from './structure-text.ts';

/** `undefined` means "not such a value": the caller, who knows the property's name, makes the sentence. */
export interface PropertyType<Input, Output = Input> {
  /** Name of the kind, for tables: `uint`, `boolean`. */
  readonly label: string;
  /** Ends the sentence "… must be". */
  readonly expected: string;
  /** Of a number: the lowest and the highest. */
  readonly range?: readonly [min: number, max: number];
  /** Of an enum or flags: the words there are. */
  readonly words?: readonly string[];
  /** Whether giving the property several times adds up instead of replacing. */
  readonly repeatable?: boolean;
  /** What a command line shows in place of the value; none for booleans. */
  readonly placeholder?: string;
  parse(text: string): Output | undefined;
  check(value: unknown): Output | undefined;
  /** Which part of a refused value is to blame, where that is not the whole of it. */
  blame?(value: unknown): string | undefined;
  /** Writes a value as `parse` would read it. */
  format(value: Output): string;
  /** Never set: carries the type of what a program may write. */
  readonly input?: Input;
}

export function boolean(): PropertyType<boolean> {
  return {
    label: 'boolean',
    expected: 'true or false',
    parse: (text) => (/^(true|yes|1)$/i.test(text) ? true : /^(false|no|0)$/i.test(text) ? false : undefined),
    check: (value) => (typeof value === 'boolean' ? value : undefined),
    format: String,
  };
}

/** A whole number from `min` to `max`. */
export function uint(min: number, max: number, unit = ''): PropertyType<number> {
  const check = (value: unknown): number | undefined =>
    Number.isInteger(value) && (value as number) >= min && (value as number) <= max ? (value as number) : undefined;
  return {
    label: 'uint',
    expected: `a whole number from ${min} to ${max}${unit && ` (${unit})`}`,
    placeholder: unit || 'number',
    range: [min, max],
    parse: (text) => (/^\d+$/.test(text) ? check(Number(text)) : undefined),
    check,
    format: String,
  };
}

/** A whole number from `min` to `max`, which may be negative. */
export function int(min: number, max: number, unit = ''): PropertyType<number> {
  return {
    ...uint(min, max, unit),
    label: 'int',
    parse: (text) => (/^-?\d+$/.test(text) ? inRange(Number(text), min, max) : undefined),
  };
}

const inRange = (value: number, min: number, max: number): number | undefined =>
  value >= min && value <= max ? value : undefined;

/** Any of a few words, or `none`. As text: joined by `+`, as GStreamer writes flags. */
export function flags<const Words extends readonly string[]>(...words: Words): PropertyType<readonly Words[number][]> {
  type Flags = readonly Words[number][];
  const check = (value: unknown): Flags | undefined =>
    Array.isArray(value) && value.every((word) => words.includes(word))
      ? words.filter((word) => value.includes(word))
      : undefined;
  return {
    label: 'flags',
    expected: `${anyOf([...words, 'none'])}, or several of them joined by +`,
    placeholder: [...words, 'none'].join('|'),
    words,
    parse: (text) => (text === 'none' ? [] : check(text.split('+'))),
    check,
    format: (value) => (value.length === 0 ? 'none' : value.join('+')),
  };
}

/** A number from `min` to `max`, whole or not. */
export function decimal(min: number, max: number, unit = ''): PropertyType<number> {
  const check = (value: unknown): number | undefined =>
    typeof value === 'number' && value >= min && value <= max ? value : undefined;
  return {
    label: 'number',
    expected: `a number from ${min} to ${max}${unit && ` (${unit})`}`,
    placeholder: unit || 'number',
    range: [min, max],
    parse: (source) => (/^\d+(\.\d+)?$/.test(source) ? check(Number(source)) : undefined),
    check,
    format: String,
  };
}

/** Any text that is not empty. */
export function text(placeholder = 'text'): PropertyType<string> {
  const check = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);
  return { label: 'string', expected: 'a text that is not empty', placeholder, parse: check, check, format: String };
}

/** One of a few words. */
export function choice<const Words extends readonly string[]>(...words: Words): PropertyType<Words[number]> {
  const check = (value: unknown): Words[number] | undefined => words.find((word) => word === value);
  return { label: 'enum', expected: anyOf(words), placeholder: words.join('|'), words, parse: check, check, format: String };
}

/** A URI with one of the schemes, written `scheme://…`. */
export function uri(schemes: readonly string[], example: string): PropertyType<string> {
  const check = (value: unknown): string | undefined => {
    if (typeof value !== 'string' || !URL.canParse(value)) return undefined;
    const { protocol, hostname } = new URL(value);
    return schemes.includes(protocol.slice(0, -1)) && hostname !== '' ? value : undefined;
  };
  return {
    label: 'uri',
    expected: `a URI that begins with ${anyOf(schemes.map((scheme) => `${scheme}://`))}, such as ${example}`,
    placeholder: 'uri',
    parse: check,
    check,
    format: String,
  };
}

/** `stun://host:port`; the original also takes the form without slashes. */
export function stunUri(): PropertyType<string> {
  const check = (value: unknown): string | undefined =>
    typeof value === 'string' && /^stun:(\/\/)?(\[[0-9a-f:.]+\]|[^\s:/?#[\]@]+)(:\d{1,5})?$/i.test(value) ? value : undefined;
  return {
    label: 'uri',
    expected: 'a URI like stun://stun.example.org:3478',
    placeholder: 'uri',
    parse: check,
    check,
    format: String,
  };
}

/** TURN servers with their credentials (reference §2.2 `turn-servers`). As text: with commas between. */
export function turnUris(): PropertyType<readonly string[]> {
  const isOne = (uri: unknown): uri is string =>
    typeof uri === 'string' &&
    /^turns?:(\/\/)?[^\s:@/]+:[^\s@/]+@(\[[0-9a-f:.]+\]|[^\s:/?#[\]@,]+)(:\d{1,5})?(\?transport=(udp|tcp))?$/i.test(uri);
  const check = (value: unknown): readonly string[] | undefined =>
    Array.isArray(value) && value.length > 0 && value.every(isOne) ? value : undefined;
  return {
    label: 'uris',
    expected: 'one or more URIs like turn://user:password@turn.example.org:3478 with commas between',
    placeholder: 'uris',
    parse: (text) => check(text.split(',').map((uri) => uri.trim())),
    check,
    // Passwords are in them.
    format: (uris) => uris.map((uri) => uri.replace(/\/\/.*@|:[^/].*@/, '//…@')).join(','),
  };
}

/** Free-form fields. As text: `name=value` with commas between, JSON, or GStreamer's `name,field=(type)value`. */
export function structure(): PropertyType<Structure> {
  return {
    label: 'structure',
    expected: 'fields such as name=camera,floor=2 (quote a value that has a comma in it), or a JSON object',
    placeholder: 'field=value',
    repeatable: true,
    parse: parseStructure,
    check: (value) => (isPlainObject(value) && isSerialisable(value) ? value : undefined),
    format: (value) => JSON.stringify(value),
  };
}

/** IP addresses and host names, or `word`. As text: with commas between. */
export function hosts(word: string): PropertyType<string | readonly string[], readonly string[]> {
  const isHost = (host: unknown): host is string =>
    typeof host === 'string' &&
    (isIP(host) > 0 ||
      (/^(?=.{1,253}$)[a-z0-9]([\w-]*[a-z0-9])?(\.[a-z0-9]([\w-]*[a-z0-9])?)*$/i.test(host) && !/^[\d.]+$/.test(host)));
  const check = (value: unknown): readonly string[] | undefined =>
    Array.isArray(value) && value.length > 0 && value.every(isHost) ? value : undefined;
  const parse = (text: string): readonly string[] | undefined => check(text.split(',').map((host) => host.trim()));
  return {
    label: 'hosts',
    expected: `one or more IP addresses or host names with commas between, ${word} among them where wanted`,
    placeholder: 'address',
    repeatable: true,
    parse,
    check: (value) => (typeof value === 'string' ? parse(value) : check(value)),
    format: (value) => value.join(','),
  };
}

/** A range of UDP ports, written `min-max`. */
export function portRange(): PropertyType<string | readonly [min: number, max: number], readonly [min: number, max: number]> {
  const range = (min: unknown, max: unknown): readonly [number, number] | undefined =>
    isPort(min) && isPort(max) && min <= max ? [min, max] : undefined;
  const parse = (value: string): readonly [number, number] | undefined => {
    const match = /^(\d+)-(\d+)$/.exec(value);
    return match ? range(Number(match[1]), Number(match[2])) : undefined;
  };
  return {
    label: 'port range',
    expected: 'two ports from 1 to 65535, the lower first, such as 50000-50100',
    placeholder: 'min-max',
    parse,
    check: (value) => (typeof value === 'string' ? parse(value) : Array.isArray(value) ? range(value[0], value[1]) : undefined),
    format: ([min, max]) => `${min}-${max}`,
  };
}

/** A range of times, written `min-max`, up to `longest`; ms. */
export function delayRange(
  longest: number,
): PropertyType<string | readonly [min: number, max: number], readonly [min: number, max: number]> {
  const range = (min: unknown, max: unknown): readonly [number, number] | undefined =>
    isDelay(min) && isDelay(max) && min <= max ? [min, max] : undefined;
  const isDelay = (value: unknown): value is number =>
    Number.isInteger(value) && (value as number) >= 0 && (value as number) <= longest;
  const parse = (value: string): readonly [number, number] | undefined => {
    const match = /^(\d+)-(\d+)$/.exec(value);
    return match ? range(Number(match[1]), Number(match[2])) : undefined;
  };
  return {
    label: 'delay range',
    expected: `two times from 0 to ${longest} ms, the shorter first, such as 0-100`,
    placeholder: 'min-max',
    parse,
    check: (value) => (typeof value === 'string' ? parse(value) : Array.isArray(value) ? range(value[0], value[1]) : undefined),
    format: ([min, max]) => `${min}-${max}`,
  };
}

/** Makes a kind that also takes null, written `none`. */
export function nullable<Input, Output>(type: PropertyType<Input, Output>): PropertyType<Input | null, Output | null> {
  return {
    ...type,
    expected: `${type.expected}, or none`,
    parse: (value) => (value === '' || value === 'none' ? null : type.parse(value)),
    check: (value) => (value === null ? null : type.check(value)),
    format: (value) => (value === null ? 'none' : type.format(value)),
  };
}

/** `a`, `a or b`, `a, b or c`. */
export function anyOf(words: readonly string[]): string {
  return words.length < 2 ? (words[0] ?? '') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

function isSerialisable(value: object): boolean {
  try {
    return JSON.stringify(value) !== undefined;
  } catch {
    return false;
  }
}

function isPort(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 65535;
}
