/** The properties of an element as command-line options, from their declaration. */
import { type Command, Option } from 'commander';
import type { NamedProperty } from '../properties/named-properties.ts';
import { camelCase, kebabCase, parsePropertyText } from '../properties/property-schema.ts';
import { asUsage, UsageError } from './exit.ts';

/** The parser takes a bare null for "no value given", but `none` is a value. */
interface Boxed {
  readonly value: unknown;
}

/** `signaller::uri` → `signaller-uri`. */
const flagOf = (name: string): string => name.replace('::', '-');

/** Adds an option a property. */
export function addPropertyOptions(command: Command, properties: readonly NamedProperty[]): void {
  for (const { name, declaration } of properties) {
    const { type, doc, alias } = declaration;
    const flag = flagOf(name);
    if (type.placeholder === undefined) {
      addSwitch(command, flag, doc, declaration.default === true);
      continue;
    }
    const read = (spelling: string) => (source: string, previous: Boxed | undefined) => {
      // An empty shell variable must not quietly mean "none": that has a word of its own.
      if (source === '') throw new UsageError(`${spelling} is "", but it must be ${type.expected}.`);
      const value = asUsage(() => parsePropertyText(declaration, source, spelling));
      const before = type.repeatable ? previous?.value : undefined;
      if (Array.isArray(before) && Array.isArray(value)) return { value: [...before, ...value] } satisfies Boxed;
      return { value: isObject(before) && isObject(value) ? { ...before, ...value } : value } satisfies Boxed;
    };
    const standard = ` (default: ${type.format(declaration.default)})`;
    command.addOption(new Option(`--${flag} <${type.placeholder}>`, doc + standard).argParser(read(`--${flag}`)));
    if (alias) {
      const short = kebabCase(alias);
      command.addOption(
        new Option(`--${short} <names>`, `Short form of --${flag}: names with commas.`).argParser(read(`--${short}`)),
      );
    }
  }
}

/** Adds `--x` and `--no-x`; the help shows both where the default is yes. */
export function addSwitch(command: Command, flag: string, doc: string, standard = false): void {
  command.addOption(new Option(`--${flag}`, standard ? `${doc} (default: true; --no-${flag} turns it off)` : doc));
  command.addOption(new Option(`--no-${flag}`).hideHelp());
}

/** What was typed, as options of the element. Throws `UsageError` where `validate` finds that they contradict each other. */
export function readPropertyOptions<Options extends object>(
  typed: Readonly<Record<string, unknown>>,
  properties: readonly NamedProperty[],
  validate: (options: Options, spelling: (key: string) => string) => unknown,
): Options {
  const options: Record<string, unknown> = {};
  const signaller: Record<string, unknown> = {};
  for (const { name, path, declaration } of properties) {
    const target = path.length === 2 ? signaller : options;
    for (const key of declaration.alias ? [kebabCase(declaration.alias), name] : [name]) {
      const given = typed[camelCase(flagOf(key))];
      const value = isBoxed(given) ? given.value : given;
      if (value !== undefined) target[key === name ? path.at(-1)! : declaration.alias!] = value;
    }
  }
  if (Object.keys(signaller).length > 0) options.signaller = signaller;
  asUsage(() => validate(options as Options, (key) => `--${kebabCase(key).replace('.', '-')}`));
  return options as Options;
}

function isBoxed(value: unknown): value is Boxed {
  return isObject(value) && 'value' in value;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
