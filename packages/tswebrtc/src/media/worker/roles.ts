/** Gives a thread its role by the first message it gets. */
import type { MessagePort } from 'node:worker_threads';
import { AV_LOG_QUIET } from 'node-av/constants';
import { Log } from 'node-av/lib';
import { serveDecoding } from './decode/serve-decoding.ts';
import { serveEncoding } from './encode/serve-encoding.ts';
import { serveTrial } from './encode/serve-trial.ts';
import { serveInput } from './input/serve-input.ts';
import type { ToDecoding, ToEncoderTrial, ToEncoding, ToInput, ToRecording } from './messages.ts';
import { serveRecording } from './record/serve-recording.ts';

export function takeRole(port: MessagePort): void {
  // The media library would write to stderr, which belongs to the application.
  Log.setLevel(AV_LOG_QUIET);
  port.once('message', (message: ToInput | ToEncoding | ToRecording | ToDecoding | ToEncoderTrial) => {
    if (message.type === 'open-input') void serveInput(port, message.description);
    else if (message.type === 'open-encoding') void serveEncoding(port, message);
    else if (message.type === 'open-recording') void serveRecording(port, message);
    else if (message.type === 'open-decoding') void serveDecoding(port, message);
    else if (message.type === 'try-encoders') void serveTrial(port, message);
    else port.close();
  });
}
