/** Runs one decoder in this thread: encoded frames come as messages, decoded ones go back. */
import type { MessagePort } from 'node:worker_threads';
import { asError } from '../../../common/errors.ts';
import { type FrameToDecode, isSound, type Picture, type Sound } from '../../output-types.ts';
import type { FromDecoding, ToDecoding } from '../messages.ts';
import { PictureDecoder } from './picture-decoder.ts';
import { SoundDecoder } from './sound-decoder.ts';

/** What decoders of video and audio have in common. */
export interface RunningDecoder {
  /** Decodes a frame and hands on what comes of it; false where it is damaged. */
  decode(frame: FrameToDecode): boolean;
  close(): void;
}

type OpenDecoding = Extract<ToDecoding, { type: 'open-decoding' }>;

export async function serveDecoding(port: MessagePort, { options }: OpenDecoding): Promise<void> {
  const post = (message: FromDecoding): void => port.postMessage(message);
  const fail = (error: unknown): void => {
    const { code, message } = asError(error, 'DECODER_FAILED');
    post({ type: 'failed', error: { code, message } });
  };
  const handOn = (frame: Picture | Sound): void => {
    const { buffer } = frame.kind === 'video' ? frame.data : frame.samples;
    port.postMessage({ type: 'decoded', frame } satisfies FromDecoding, [buffer as ArrayBuffer]);
  };
  let decoder: RunningDecoder | undefined;
  let closed = false;
  port.on('message', (message: ToDecoding) => {
    if (message.type === 'frame') {
      let damaged = true;
      try {
        damaged = !decoder?.decode(message.frame);
      } catch (error) {
        fail(error);
      }
      post({ type: 'taken', damaged });
    } else if (message.type === 'close') {
      closed = true;
      decoder?.close();
      decoder = undefined;
      port.close();
    }
  });
  try {
    const opened = isSound(options) ? await SoundDecoder.open(options, handOn) : await PictureDecoder.open(options, handOn);
    if (closed) return opened.close();
    decoder = opened;
    post({ type: 'decoding-opened' });
  } catch (error) {
    fail(error);
  }
}
