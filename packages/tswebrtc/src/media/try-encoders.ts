/** Finds out which encoders work here, by opening them, in a thread of its own. */
import { TsWebRTCError } from '../common/errors.ts';
import type { EncoderTrial, FromEncoderTrial, ToEncoderTrial } from './worker/messages.ts';
import type { WorkerHost } from './worker-host.ts';

/** Opening all encoders there are takes a second or two, ms; a driver that hangs never comes back. */
const TIMEOUT = 10_000;

/** Rejects with `ENCODER_FAILED` where the thread dies over it, or has nothing to say for `timeout` ms. */
export async function tryEncoders(
  host: WorkerHost,
  codecs: Extract<ToEncoderTrial, { type: 'try-encoders' }>['codecs'],
  timeout = TIMEOUT,
): Promise<readonly EncoderTrial[]> {
  let timer: NodeJS.Timeout | undefined;
  try {
    const results = await new Promise<readonly EncoderTrial[]>((resolve, reject) => {
      host.take({
        message: (message) => resolve((message as FromEncoderTrial).results),
        died: (cause) => reject(new TsWebRTCError('ENCODER_FAILED', 'The thread that tried encoders died.', { cause })),
      });
      timer = setTimeout(() => {
        reject(new TsWebRTCError('ENCODER_FAILED', `The thread that tries encoders hangs: no answer for ${timeout / 1000} s.`));
      }, timeout);
      host.post({ type: 'try-encoders', codecs } satisfies ToEncoderTrial);
    });
    await host.close();
    return results;
  } catch (error) {
    // One that hangs in a driver does not end, either: nobody waits for it.
    host.abandon();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
