/** Finds out which encoders work here, by opening them, in a thread of its own. */
import { TsWebRTCError } from '../common/errors.ts';
import type { EncoderTrial, FromEncoderTrial, ToEncoderTrial } from './worker/messages.ts';
import type { WorkerHost } from './worker-host.ts';

/** Rejects with `ENCODER_FAILED` where the thread dies over it. */
export async function tryEncoders(
  host: WorkerHost,
  codecs: Extract<ToEncoderTrial, { type: 'try-encoders' }>['codecs'],
): Promise<readonly EncoderTrial[]> {
  try {
    return await new Promise((resolve, reject) => {
      host.take({
        message: (message) => resolve((message as FromEncoderTrial).results),
        died: (cause) => reject(new TsWebRTCError('ENCODER_FAILED', 'The thread that tried encoders died.', { cause })),
      });
      host.post({ type: 'try-encoders', codecs } satisfies ToEncoderTrial);
    });
  } finally {
    await host.close();
  }
}
