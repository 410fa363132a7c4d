/**
 * What a command tells: events for programs (`--json`: one object a line on stdout and nothing else there) and sentences
 * for people (on stdout, or on stderr where stdout belongs to a program). Errors always go to stderr.
 */
import { asError } from '../common/errors.ts';
import { errorCode, sentence } from './exit.ts';

export interface Streams {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
}

export class Output {
  readonly #json: boolean;
  readonly #streams: Streams;
  readonly #quietStdout: boolean;
  #status = '';
  readonly #now: () => number;

  /** `quietStdout`: stdout belongs to something else, words go to stderr. */
  constructor(options: { json: boolean; quietStdout?: boolean; streams?: Streams; now?: () => number }) {
    this.#json = options.json;
    this.#quietStdout = options.json || options.quietStdout === true;
    this.#streams = options.streams ?? process;
    this.#now = options.now ?? Date.now;
  }

  /** Something happened: `fields` for programs, `words` for people. */
  event(event: string, fields: object, words?: string): void {
    if (this.#json) this.#streams.stdout.write(`${JSON.stringify({ event, time: this.#now(), ...fields })}\n`);
    if (words !== undefined) this.say(words);
  }

  /** For people only. */
  say(words: string): void {
    this.#write(this.#quietStdout ? this.#streams.stderr : this.#streams.stdout, words);
  }

  /** Something went wrong. */
  error(thrown: unknown, sessionId?: string): void {
    const error = asError(thrown);
    const fields = { code: errorCode(error.cause instanceof Error && error.code === 'INTERNAL' ? error.cause : error) };
    const message = sentence(error.message);
    if (this.#json) this.event('error', { ...fields, message, ...(sessionId === undefined ? {} : { sessionId }) });
    this.warn(message);
  }

  /** A sentence on stderr. */
  warn(words: string): void {
    this.#write(this.#streams.stderr, words);
  }

  /** A line on a terminal's stderr that is there until the next one, or until something is said. Empty: none. */
  status(line: string): void {
    if (line === '' && this.#status === '') return;
    this.#streams.stderr.write(`\r\x1b[K${printable(line)}`);
    this.#status = line;
  }

  /** The status line makes room and comes back below. */
  #write(stream: Streams['stdout'], words: string): void {
    const status = this.#status;
    this.status('');
    stream.write(`${printable(words)}\n`);
    this.status(status);
  }
}

/**
 * Names and texts of strangers are in what is said, and a terminal does what control characters tell it: those of C0 and C1
 * (ECMA-48) but for line feed and tab, and marks that turn the direction of writing, are shown as escapes.
 */
function printable(words: string): string {
  return words.replace(/[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, (character) =>
    character === '\n' || character === '\t' ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
