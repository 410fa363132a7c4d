/**
 * The fields of a custom upstream event. Their receiver may be GStreamer, whose values have types that JSON's have not, and which
 * refuses what it cannot convert (reference D.3). So what one of the two takes, the other takes as well.
 */
import { isDeeperThan, MAX_META_DEPTH } from '../json-text.ts';

/** A JSON object without null in it, the values of each of its arrays of one kind. */
export type ControlStructure = Readonly<Record<string, unknown>>;

/**
 * Why `value` cannot be converted into a GStreamer structure, in words whose subject is the structure; undefined where it can.
 * One thing is taken that the original refuses by mistake: arrays of several strings.
 */
export function structureFault(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'is no JSON object';
  if (isDeeperThan(value, MAX_META_DEPTH)) return `nests deeper than ${MAX_META_DEPTH} levels`;
  return fieldsFault(value);
}

function fieldsFault(value: object): string | undefined {
  for (const [name, field] of Object.entries(value)) {
    const fault = valueFault(field);
    if (fault) return `has a field "${name}" that ${fault}`;
  }
  return undefined;
}

function valueFault(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return undefined;
    case 'number':
      return Number.isFinite(value) ? undefined : 'is no finite number';
    case 'object':
      if (value === null) return 'is null, which has no type';
      return Array.isArray(value) ? arrayFault(value) : fieldsFault(value);
    default:
      return 'is no JSON value';
  }
}

/** Nested arrays are converted along with the outer one: all values in them are of one kind, and numbers are widened to one type. */
function arrayFault(array: readonly unknown[]): string | undefined {
  const values = array.flat(MAX_META_DEPTH) as unknown[];
  for (const value of values) {
    const fault = valueFault(value);
    if (fault) return fault;
    if (typeof value !== typeof values[0]) return 'is an array of values of different kinds';
  }
  if (array.some(Array.isArray) && !array.every(Array.isArray)) return 'is an array of values of different kinds';
  const numbers = values.filter((value) => typeof value === 'number');
  const signed = numbers.every(Number.isInteger) && numbers.some((value) => value < 0);
  // 2^63: what is greater has no place beside a negative number.
  return signed && numbers.some((value) => value >= 0x8000_0000_0000_0000)
    ? 'holds numbers that no integer type has all of'
    : undefined;
}
