/** Every error of this package has a stable `code` and one sentence that names the thing and the remedy. */
export type SignallingServerErrorCode =
  | 'INVALID_OPTION'
  | 'ADDRESS_IN_USE'
  | 'LISTEN_FAILED'
  | 'CERTIFICATE_UNREADABLE'
  | 'KEYS_UNREADABLE'
  | 'CLUSTER_UNREACHABLE';

export class SignallingServerError extends Error {
  /** Stable, machine-readable kind of the error. */
  readonly code: SignallingServerErrorCode;

  constructor(code: SignallingServerErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'SignallingServerError';
    this.code = code;
  }
}
