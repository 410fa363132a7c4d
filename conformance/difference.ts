/** How a server is found to behave otherwise than a case expects: always as one line that says what came and what should have. */
import { isDeepStrictEqual } from 'node:util';

/** Longest text of a value in a difference, in characters; an oversize message must not fill the screen. */
const LONGEST = 400;

/** The server does something else than the case expects. The message is one line. */
export class Difference extends Error {}

/** Throws a `Difference` unless the values are equal in every key and element. `subject` begins the sentence: "the producer heard". */
export function same(actual: unknown, expected: unknown, subject: string): void {
  if (!isDeepStrictEqual(actual, expected)) throw new Difference(`${subject} ${brief(actual)} instead of ${brief(expected)}`);
}

function brief(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}… (${text.length} characters)`;
}
