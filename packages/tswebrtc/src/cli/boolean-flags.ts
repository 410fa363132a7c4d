/**
 * Switches take `--x`, `--no-x` and `--x=false`. The parser knows the first two; the third is rewritten to them before it
 * looks, because a switch with an optional value would swallow the argument behind it.
 */
import { boolean } from '../properties/property-types.ts';
import { UsageError } from './exit.ts';

const type = boolean();

/** `names` without dashes: `run-web-server`. Throws `UsageError` for a value that is neither true nor false. */
export function rewriteBooleanFlags(args: readonly string[], names: ReadonlySet<string>): string[] {
  const end = args.indexOf('--');
  return args.map((arg, index) => {
    const match = end < 0 || index < end ? /^--([a-z0-9-]+)=(.*)$/s.exec(arg) : null;
    const name = match?.[1];
    if (name === undefined || !names.has(name)) return arg;
    const value = type.parse(match![2]!);
    if (value === undefined) throw new UsageError(`--${name} is "${match![2]}", but it must be ${type.expected}.`);
    return value ? `--${name}` : `--no-${name}`;
  });
}
