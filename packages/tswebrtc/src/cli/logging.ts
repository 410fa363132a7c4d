/**
 * The commands' log: pino, on stderr, levels by subsystem from `TSWEBRTC_LOG` as `GST_DEBUG` does it:
 * `TSWEBRTC_LOG=congestion:trace,info` is trace for congestion and info for the rest. Default: `warn`.
 */
import pino from 'pino';
import type { Logger } from '../common/logger.ts';
import { closest } from '../properties/closest.ts';

/** What these would warn of reaches the user as an `error` event; told twice it would look like two troubles. */
const toldByEvents = ['webrtcsink', 'webrtcsrc', 'signalling', 'signaller'];

const levels = ['silent', 'error', 'warn', 'info', 'debug', 'trace'];

export interface LogLevels {
  readonly standard: string;
  readonly bySubsystem: ReadonlyMap<string, string>;
  /** A sentence on each part that could not be understood. */
  readonly complaints: readonly string[];
}

export function parseLogLevels(source: string | undefined): LogLevels {
  let standard = 'warn';
  const bySubsystem = new Map<string, string>(source === undefined ? toldByEvents.map((name) => [name, 'silent']) : []);
  const complaints: string[] = [];
  for (const item of (source ?? '').split(',').map((part) => part.trim())) {
    if (item === '') continue;
    const [subsystem, level] = item.includes(':') ? item.split(':', 2) : [undefined, item];
    const known = levels.includes(level!.toLowerCase()) ? level!.toLowerCase() : undefined;
    if (known === undefined) {
      const meant = closest(level!, levels);
      complaints.push(
        `TSWEBRTC_LOG asks for the level "${level}", which is none of ${levels.join(', ')}${meant ? `; did you mean ${meant}?` : '.'}`,
      );
    } else if (subsystem === undefined) standard = known;
    else bySubsystem.set(subsystem, known);
  }
  return { standard, bySubsystem, complaints };
}

/** A logger that writes lines for people to `write`. */
export function createLogger({ standard, bySubsystem }: LogLevels, write: (line: string) => void): Logger {
  const showsStacks = [standard, ...bySubsystem.values()].some((level) => level === 'debug' || level === 'trace');
  const root = pino({ base: null, level: standard }, { write: (line: string) => write(readable(line, showsStacks)) });
  const wrap = (inner: pino.Logger): Logger => ({
    error: inner.error.bind(inner),
    warn: inner.warn.bind(inner),
    info: inner.info.bind(inner),
    debug: inner.debug.bind(inner),
    trace: inner.trace.bind(inner),
    child: (bindings) => {
      const level = bindings.subsystem === undefined ? undefined : (bySubsystem.get(bindings.subsystem) ?? standard);
      return wrap(inner.child(bindings, level === undefined ? {} : { level }));
    },
  });
  return wrap(root);
}

/** `12:00:00.123 warn signaller: what happened key=value`. */
function readable(line: string, showsStacks: boolean): string {
  const { time, level, subsystem, msg, err, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const clock = new Date(Number(time)).toISOString().slice(11, 23);
  const where = typeof subsystem === 'string' ? ` ${subsystem}:` : '';
  const rest = Object.entries(fields).map(
    ([key, value]) => ` ${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  const { message, stack } = (err ?? {}) as { message?: string; stack?: string };
  const cause = showsStacks && stack ? `\n${stack}` : message ? ` (${message})` : '';
  return `${clock} ${pino.levels.labels[Number(level)]}${where} ${msg ?? ''}${rest.join('')}${cause}\n`;
}
