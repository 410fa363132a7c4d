/** Gives a thread its role: what all that begin with one request and its answer do alike. */
import { TsWebRTCError } from '../common/errors.ts';
import type { ErrorMessage } from './worker/messages.ts';
import type { WorkerHost } from './worker-host.ts';

export interface OpeningHandlers<Message> {
  /** Whatever the thread says besides. */
  message(message: Exclude<Message, { type: 'failed' }>): void;
  /** It failed, at the beginning or later. */
  failed(error: Error): void;
}

/**
 * Posts `request`; resolves when the thread answers with a message of the type `opened`, and rejects with its reason, or `died` where
 * it ends without one. Closes the thread when that fails.
 */
export async function openWorker<Message extends { readonly type: string }>(
  host: WorkerHost,
  request: object,
  opened: Message['type'],
  died: (cause: unknown) => TsWebRTCError,
  handlers: OpeningHandlers<Message>,
): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      const fail = (error: Error): void => {
        reject(error);
        handlers.failed(error);
      };
      host.take({
        message: (message) => {
          const from = message as Message & { readonly error?: ErrorMessage };
          if (from.type === opened) resolve();
          else if (from.type === 'failed' && from.error) fail(new TsWebRTCError(from.error.code, from.error.message));
          else handlers.message(from as Exclude<Message, { type: 'failed' }>);
        },
        died: (cause) => fail(died(cause)),
      });
      host.post(request);
    });
  } catch (error) {
    await host.close();
    throw error;
  }
}
