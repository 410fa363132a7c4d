/**
 * The logger the library takes: pino's shape, silent by default. `child({ subsystem })` gives every part of the library a
 * name by which `TSWEBRTC_LOG` can choose its level (see cli/logging.ts).
 *
 * Levels: `error` something was lost; `warn` something was wrong and handled; `info` one line per life-cycle change;
 * `debug` what a developer needs; `trace` everything, the only level at which secrets and SDP bodies may appear.
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

/** Logs nothing: the library's default. */
export const silentLogger: Logger = {
  error: nothing,
  warn: nothing,
  info: nothing,
  debug: nothing,
  trace: nothing,
  child: () => silentLogger,
};
