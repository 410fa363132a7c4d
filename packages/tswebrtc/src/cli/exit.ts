/** How a command ends: 0 when it was told to or its work is done, 2 for wrong usage, 1 for everything else. */
import { asError, type TsWebRTCError } from '../common/errors.ts';

export const EXIT_OK = 0;
export const EXIT_FAILURE = 1;
export const EXIT_USAGE = 2;

/** The command line itself is wrong: what was typed must be typed differently. */
export class UsageError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'UsageError';
  }
}

/** Runs `check`, whose `INVALID_OPTION` is about what was typed. */
export function asUsage<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    const { code, message } = asError(error);
    throw code === 'INVALID_OPTION' ? new UsageError(message, { cause: error }) : error;
  }
}

/**
 * The code of an error. Errors of the signalling server are not ours but have a `code` of the same kind, and the system's
 * have one of another.
 */
export function errorCode(error: Error): TsWebRTCError['code'] {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && /^[A-Z]+(_[A-Z]+)+$/.test(code) && !code.startsWith('ERR_')
    ? (code as TsWebRTCError['code'])
    : asError(error).code;
}

/** One sentence: upper case at the beginning, a full stop at the end. */
export function sentence(message: string): string {
  const oneLine = message.trim().replace(/\s*\n\s*/g, ' ');
  const begun = /^[a-z]+\b/.test(oneLine) ? oneLine[0]!.toUpperCase() + oneLine.slice(1) : oneLine;
  return /[.!?…]$/.test(begun) ? begun : `${begun}.`;
}
