/**
 * The logger the server takes: pino's shape, silent by default. `warn` something was wrong and handled; `info` one line per
 * life-cycle change; `debug` what a developer needs; `trace` message bodies, which hold SDP and candidates.
 */
export interface Logger {
  error(fields: object, message?: string): void;
  warn(fields: object, message?: string): void;
  info(fields: object, message?: string): void;
  debug(fields: object, message?: string): void;
  trace(fields: object, message?: string): void;
  child(bindings: { subsystem?: string; [key: string]: unknown }): Logger;
}

const nothing = (): void => {};

/** Logs nothing. */
export const silentLogger: Logger = {
  error: nothing,
  warn: nothing,
  info: nothing,
  debug: nothing,
  trace: nothing,
  child: () => silentLogger,
};
