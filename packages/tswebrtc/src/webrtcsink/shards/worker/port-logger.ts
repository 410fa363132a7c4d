/** The log of a thread: lines go to the main thread, where the application's logger is. */
import type { Logger } from '../../../common/logger.ts';
import type { LogLevel, LogMessage } from '../messages.ts';

export function portLogger(post: (message: LogMessage) => void, bindings: object = {}): Logger {
  const at =
    (level: LogLevel) =>
    (fields: object, message?: string): void => {
      try {
        post({ type: 'log', level, bindings, fields, message });
      } catch {
        // A field that does not cross threads.
        post({ type: 'log', level, bindings, fields: {}, message });
      }
    };
  return {
    error: at('error'),
    warn: at('warn'),
    info: at('info'),
    debug: at('debug'),
    trace: at('trace'),
    child: (more) => portLogger(post, { ...bindings, ...more }),
  };
}
