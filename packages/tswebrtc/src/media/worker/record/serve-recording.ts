/** Runs one recording in this thread: frames come as messages and are written one after the other. */
import type { MessagePort } from 'node:worker_threads';
import { asError } from '../../../common/errors.ts';
import type { FromRecording, ToRecording } from '../messages.ts';
import { Muxer } from './muxer.ts';

type OpenRecording = Extract<ToRecording, { type: 'open-recording' }>;

export async function serveRecording(port: MessagePort, { options }: OpenRecording): Promise<void> {
  const post = (message: FromRecording): void => port.postMessage(message);
  const fail = (error: unknown): void => {
    const { code, message } = asError(error, 'RECORDING_FAILED');
    post({ type: 'failed', error: { code, message } });
  };
  let muxer: Muxer | undefined;
  let failed = false;
  // The handler is there before anything is waited for: no message is missed.
  let turn = Muxer.open(options, (data) => post({ type: 'data', data: Uint8Array.from(data) })).then(
    (opened) => {
      muxer = opened;
      post({ type: 'recording-opened' });
    },
    (error: unknown) => {
      failed = true;
      fail(error);
    },
  );
  const inTurn = (task: () => Promise<void>): void => {
    turn = turn.then(task).catch((error: unknown) => {
      if (!failed) fail(error);
      failed = true;
    });
  };
  port.on('message', (message: ToRecording) => {
    if (message.type === 'frame') {
      inTurn(async () => {
        if (!failed) await muxer?.write(message.frame);
        post({ type: 'written', bytes: message.frame.data.length });
      });
    } else if (message.type === 'close') {
      inTurn(async () => {
        const open = muxer;
        muxer = undefined;
        await open?.close();
      });
      void turn.then(() => port.close());
    }
  });
}
