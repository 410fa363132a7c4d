/** The log of the command: its level from the environment, and lines for people. */
import pino from 'pino';
import type { Logger } from './logger.ts';

const LEVELS: Readonly<Record<string, string>> = {
  off: 'silent',
  silent: 'silent',
  error: 'error',
  warn: 'warn',
  info: 'info',
  debug: 'debug',
  trace: 'trace',
};

/**
 * The level that `filter` asks for: `debug`, or a list of `part:level` (`TSWEBRTC_LOG`) or `part=level` (the reference's
 * variable) items. There is one part here, so the last item counts; whatever is not understood counts as `info`.
 */
export function logLevel(filter: string | undefined): string {
  const last = filter?.split(',').at(-1)?.split(/[:=]/).at(-1)?.trim().toLowerCase() ?? '';
  return (Object.hasOwn(LEVELS, last) && LEVELS[last]) || 'info';
}

/** A logger that writes one line per entry to `write`: for people (`text`), or an object of JSON as pino makes it. */
export function createLogger(level: string, format: 'text' | 'json', write: (line: string) => void): Logger {
  return pino({ base: null, level }, { write: format === 'json' ? write : (line) => write(readable(line)) });
}

/** What can stand in a line as it is; everything else is quoted, so that no peer can write lines of its own. */
const PLAIN = /^[\w.:/-]+$/;

function readable(line: string): string {
  const { time, level, subsystem: _, msg, err, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const clock = new Date(Number(time)).toISOString().slice(11, 23);
  const rest = Object.entries(fields).map(
    ([key, value]) => ` ${key}=${typeof value === 'string' && PLAIN.test(value) ? value : JSON.stringify(value)}`,
  );
  const reason = (err as { message?: string } | undefined)?.message;
  return `${clock} ${pino.levels.labels[Number(level)]} ${msg}${reason ? ` (${reason})` : ''}${rest.join('')}\n`;
}
