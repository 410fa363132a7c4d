/** Runs one input in this thread: opens it, starts it, tells who subscribes, ends it. */
import { stat } from 'node:fs/promises';
import type { MessagePort } from 'node:worker_threads';
import { asError } from '../../../common/errors.ts';
import type { FromInput, ToInput, WorkerInputDescription } from '../messages.ts';
import { Timeline } from '../timeline.ts';
import { openMediaFile } from './media-file.ts';
import { openDevice } from './open-device.ts';
import { openPipe } from './open-pipe.ts';
import { openUrl } from './open-url.ts';
import type { Source } from './source.ts';
import { TestPicture } from './test-picture.ts';
import { TestTone } from './test-tone.ts';

export async function serveInput(port: MessagePort, description: WorkerInputDescription): Promise<void> {
  const post = (message: FromInput): void => port.postMessage(message);
  const fail = (error: unknown): void => {
    const { code, message } = asError(error, 'INPUT_FAILED');
    post({ type: 'failed', error: { code, message } });
  };
  let source: Source;
  let closed = false;
  const abort = new AbortController();
  // Messages that come while the input opens are kept: the engine sends none but `close`.
  const closing = (message: ToInput): void => {
    if (message.type !== 'close') return;
    closed = true;
    abort.abort(new Error('it was given up'));
    port.close();
  };
  port.on('message', closing);
  try {
    source = await openSource(description, abort.signal);
  } catch (error) {
    if (!closed) fail(error);
    port.close();
    return;
  }
  port.off('message', closing);
  if (closed) return source.close();

  port.on('message', (message: ToInput) => {
    switch (message.type) {
      case 'start': {
        const timeline = new Timeline(message.at);
        for (const { outlet, packets } of source.tracks) {
          outlet.timeline = timeline;
          if (packets) packets.timeline = timeline;
        }
        const end = (): void => {
          for (const { outlet } of source.tracks) outlet.end();
        };
        source.start(timeline, {
          ended: () => {
            end();
            post({ type: 'ended' });
          },
          failed: (error) => {
            end();
            fail(error);
          },
          interrupted: (reason) => post({ type: 'interrupted', reason }),
          resumed: () => post({ type: 'resumed' }),
        });
        return;
      }
      case 'subscribe':
        return source.tracks[message.track]?.outlet.subscribe(message.subscriber, message.port);
      case 'unsubscribe':
        return source.tracks[message.track]?.outlet.unsubscribe(message.subscriber);
      case 'tap':
        return source.tracks[message.track]?.packets?.tap(message.tap, message.ring, post);
      case 'untap':
        return source.tracks[message.track]?.packets?.untap(message.tap);
      case 'close':
        source.close();
        for (const { outlet } of source.tracks) outlet.end();
        port.close();
    }
  });
  post({
    type: 'input-opened',
    tracks: source.tracks.map(({ description, timeCodes }) => ({ ...description, timeCodes: timeCodes?.line.buffer })),
  });
}

async function openSource(description: WorkerInputDescription, signal: AbortSignal): Promise<Source> {
  switch (description.type) {
    case 'testsrc':
      return new TestPicture(description);
    case 'tone':
      return new TestTone(description);
    case 'file':
      return (await isFifo(description.path))
        ? openPipe({ type: 'pipe', path: description.path }, signal)
        : openMediaFile(description);
    case 'url':
      return openUrl(description, signal);
    case 'device':
      return openDevice(description, signal);
    case 'pipe':
      return openPipe(description, signal);
  }
}

async function isFifo(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFIFO() ?? false;
}
