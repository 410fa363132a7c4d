/**
 * The errors of this library. Each has a stable `code`, one sentence that names the thing and the remedy, and, where another
 * error lies behind it, that error as `cause`. They reach the application through `error` events; only bad options throw.
 */
export type GstWebRTCErrorCode =
  | 'INVALID_OPTION'
  | 'INVALID_MESSAGE'
  | 'SIGNALLING_UNREACHABLE'
  | 'SIGNALLING_REFUSED'
  | 'NEGOTIATION_FAILED'
  | 'CONNECTION_FAILED'
  | 'CONTROL_FAILED'
  | 'SESSION_ENDED';

/** Base class of everything this library throws or reports. */
export class GstWebRTCError extends Error {
  /** Stable, machine-readable kind of the error. */
  readonly code: GstWebRTCErrorCode;

  constructor(code: GstWebRTCErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'GstWebRTCError';
    this.code = code;
  }
}

/** The text of whatever was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/**
 * Hands an exception of an application's callback to the page (`window.onerror`, console) without disturbing the caller:
 * what the DOM does with an exception of an event listener.
 */
export function reportListenerError(thrown: unknown): void {
  const report = (globalThis as { reportError?: (error: unknown) => void }).reportError;
  if (report) report(thrown);
  else console.error(thrown);
}
