/**
 * Properties of an element, declared once. From a declaration come the TypeScript options, their checks, the command-line
 * flags and the table in the documentation. A property has two spellings: `maxBitrate` in TypeScript and `max-bitrate`
 * everywhere else; the first is the key of the declaration, the second is derived from it.
 */
import { TsWebRTCError } from '../common/errors.ts';
import { closest } from './closest.ts';
import type { PropertyType } from './property-types.ts';

export interface Property<Input, Output> {
  readonly type: PropertyType<Input, Output>;
  readonly default: Output;
  /** Until when it may be changed: `ready` before `start()`, `playing` at any time. */
  readonly when: 'ready' | 'playing';
  /** One line: what it does. */
  readonly doc: string;
  /** A second TypeScript key for the same property. */
  readonly alias?: string;
}

// biome-ignore lint/suspicious/noExplicitAny: the properties of one element have different types
export type Schema = Readonly<Record<string, Property<any, any>>>;

/** What a program may write. */
export type InputOf<S extends Schema> = { readonly [K in keyof S]?: S[K] extends Property<infer Input, infer _> ? Input : never };
/** What comes out: every property, defaults filled in. */
export type OutputOf<S extends Schema> = {
  readonly [K in keyof S]: S[K] extends Property<infer _, infer Output> ? Output : never;
};

/** Declares a property: infers its types from `type`. */
export function property<Input, Output>(declaration: {
  type: PropertyType<Input, Output>;
  default: NoInfer<Output>;
  when: 'ready' | 'playing';
  doc: string;
  alias?: string;
}): Property<Input, Output> {
  return declaration;
}

/** `maxBitrate` → `max-bitrate`. */
export function kebabCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `max-bitrate` → `maxBitrate`. */
export function camelCase(name: string): string {
  return name.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/**
 * Checks what a program wrote and fills in the defaults. Throws `INVALID_OPTION` with a sentence that names the option.
 * `others` are keys that the caller checks itself; `spelling` names a key in sentences.
 */
export function resolveOptions<S extends Schema>(
  schema: S,
  options: Readonly<Record<string, unknown>>,
  { others = [], spelling = theOption }: { others?: readonly string[]; spelling?: (key: string) => string } = {},
): OutputOf<S> {
  const keys = Object.entries(schema).flatMap(([key, { alias }]) => (alias ? [key, alias] : [key]));
  for (const key of Object.keys(options)) {
    if (keys.includes(key) || others.includes(key)) continue;
    const meant = closest(camelCase(key), [...keys, ...others]);
    throw invalid(`${spelling(key)} does not exist${meant ? `; did you mean ${meant}?` : '.'}`);
  }
  const resolved: Record<string, unknown> = {};
  for (const [key, declaration] of Object.entries(schema)) {
    const { alias } = declaration;
    if (alias && options[alias] !== undefined && options[key] !== undefined) {
      throw invalid(`${spelling(alias)} and ${spelling(key)} mean the same; give only one of them.`);
    }
    const used = alias && options[alias] !== undefined ? alias : key;
    const given = options[used];
    const value = given === undefined ? declaration.default : declaration.type.check(given);
    if (value === undefined) {
      throw refused(declaration.type, given, spelling(used));
    }
    resolved[key] = value;
  }
  return resolved as OutputOf<S>;
}

/** Reads the text of one property. `spelling` is what the user typed, for the sentence. Throws `INVALID_OPTION`. */
export function parsePropertyText<Input, Output>(declaration: Property<Input, Output>, source: string, spelling: string): Output {
  const value = declaration.type.parse(source);
  if (value === undefined) throw refused(declaration.type, source, spelling);
  return value;
}

/** The table of the documentation, in Markdown. */
export function describeSchema(schema: Schema, prefix = ''): string {
  const cell = (source: string): string => source.replaceAll('|', '\\|');
  const rows = Object.entries(schema).map(([key, { type, default: standard, when, doc }]) =>
    [`\`${prefix}${kebabCase(key)}\``, type.label, `\`${type.format(standard)}\``, cell(type.expected), when, cell(doc)].join(
      ' | ',
    ),
  );
  return ['name | type | default | takes | until | what it does', '--- | --- | --- | --- | --- | ---', ...rows]
    .map((row) => `| ${row} |\n`)
    .join('');
}

/** How sentences name an option unless told otherwise. */
export const theOption = (key: string): string => `Option ${key}`;

export function invalid(message: string): TsWebRTCError {
  return new TsWebRTCError('INVALID_OPTION', message);
}

/** The sentence that a value cannot be. */
export function refused(type: PropertyType<unknown, unknown>, value: unknown, spelling: string): TsWebRTCError {
  return invalid(`${spelling} ${type.blame?.(value) ?? `is ${show(value)}`}, but it must be ${type.expected}.`);
}

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'function') return 'a function';
  const json = safeJson(value);
  return json.length > 80 ? `${json.slice(0, 77)}…` : json;
}

function safeJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}
