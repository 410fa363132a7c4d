import type { SignallingServerErrorCode } from '@tswebrtc/signalling-server';

/**
 * Every error this library throws or emits has a stable `code`, one sentence that names the thing and the remedy, and,
 * where another error lies behind it, that error as `cause`.
 */
export type ErrorCode =
  | SignallingServerErrorCode
  | 'INVALID_STATE'
  | 'INVALID_SDP'
  | 'NO_COMMON_CODEC'
  | 'CONNECTION_FAILED'
  | 'ENGINE_UNAVAILABLE'
  | 'INPUT_NOT_FOUND'
  | 'INPUT_FAILED'
  | 'ENCODER_FAILED'
  | 'DECODER_FAILED'
  | 'RECORDING_FAILED'
  | 'PLAYER_NOT_FOUND'
  | 'PLAYER_FAILED'
  | 'REQUEST_REFUSED'
  | 'SIGNALLING_UNREACHABLE'
  | 'SIGNALLING_REFUSED'
  | 'INTERNAL';

/** Base class of all errors of this library. */
export class TsWebRTCError extends Error {
  /** Stable, machine-readable kind of the error. */
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'TsWebRTCError';
    this.code = code;
  }
}

/** Turns whatever was thrown into a `TsWebRTCError`, keeping it as `cause` when it is not one already. */
export function asError(thrown: unknown, code: ErrorCode = 'INTERNAL'): TsWebRTCError {
  if (thrown instanceof TsWebRTCError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new TsWebRTCError(code, message, { cause: thrown });
}
