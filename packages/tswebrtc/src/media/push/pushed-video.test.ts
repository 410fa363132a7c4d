import { once } from 'node:events';
import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FramePool } from '../frame-pool.ts';
import type { RawFrameMessage, RawMessage } from '../worker/messages.ts';
import { startTime } from '../worker/timeline.ts';
import { PushClock } from './push-clock.ts';
import { PushedVideo, type PushedVideoOptions } from './pushed-video.ts';

const OPTIONS: PushedVideoOptions = { width: 16, height: 16, format: 'I420' };

let video: PushedVideo;
beforeEach(() => {
  video = new PushedVideo(OPTIONS, new PushClock());
  video.start(startTime());
});
afterEach(() => video.close());

/** An encoding that takes a picture when told to. */
class Encoding {
  readonly taken: (Pick<RawFrameMessage, 'timestamp'> & { value: number; width: number; layout: string | undefined })[] = [];
  readonly #port: MessagePort;
  readonly #videoPort: MessagePort;
  #pool: Extract<RawMessage, { type: 'pool' }> | undefined;
  ended = false;

  constructor(id = 1) {
    const { port1, port2 } = new MessageChannel();
    this.#port = port2;
    this.#videoPort = port1;
    video.subscribe(id, port1);
  }

  /** What the pictures that are there show. */
  take(): number[] {
    const before = this.taken.length;
    for (let got = receiveMessageOnPort(this.#port); got; got = receiveMessageOnPort(this.#port)) {
      const message = got.message as RawMessage;
      if (message.type === 'pool') this.#pool = message;
      else if (message.type === 'ended') this.ended = true;
      else {
        const pool = FramePool.attach(this.#pool!.pool);
        const { format, holder } = this.#pool!;
        if (format.kind !== 'video') throw new Error('no picture');
        const { timestamp, slot } = message;
        this.taken.push({ value: pool.data(slot)[0]!, timestamp, width: format.width, layout: format.layout });
        pool.release(slot, holder);
      }
    }
    return this.taken.slice(before).map(({ value }) => value);
  }

  /** Asks for another; resolves when the track has heard. */
  async ready(): Promise<void> {
    const heard = once(this.#videoPort, 'message');
    this.#port.postMessage({ type: 'ready' });
    await heard;
  }
}

const picture = (value: number, bytes = 384): Uint8Array => new Uint8Array(bytes).fill(value);

/** True when the promise is settled by now. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  const later = new Promise((resolve) => setTimeout(resolve, 20, 'later'));
  return (await Promise.race([promise, later])) !== 'later';
}

describe('a pushed picture', () => {
  it('is given up while nobody watches, and the write does not wait', async () => {
    expect(video.watched).toBe(false);
    for (let i = 0; i < 20; i++) await video.write(picture(i));
    const encoding = new Encoding();
    expect(video.watched).toBe(true);
    expect(encoding.take()).toEqual([]);
  });

  it('waits until an encoding is ready, in the order of the writes', async () => {
    const encoding = new Encoding();
    await video.write(picture(1));
    const writes = [video.write(picture(2)), video.write(picture(3))];
    expect(await settled(writes[0]!)).toBe(false);
    expect(encoding.take()).toEqual([1]);
    await encoding.ready();
    await writes[0];
    expect(encoding.take()).toEqual([2]);
    expect(await settled(writes[1]!)).toBe(false);
    await encoding.ready();
    await writes[1];
    expect(encoding.take()).toEqual([3]);
  });

  it('does not wait for an encoding that is slower than another', async () => {
    const slow = new Encoding(1);
    const quick = new Encoding(2);
    for (let value = 1; value <= 20; value++) {
      await video.write(picture(value));
      expect(quick.take()).toEqual([value]);
      await quick.ready();
    }
    expect(slow.take()).toEqual([1]);
    await slow.ready();
    expect(slow.take()).toEqual([19]);
  });

  it('is given up where the application does not wait for its writes, the oldest first', async () => {
    const encoding = new Encoding();
    const writes = Array.from({ length: 30 }, (_, i) => video.write(picture(i)));
    expect(video.framesDropped).toBe(26);
    await Promise.all(writes.slice(0, 1));
    for (let i = 0; i < 4; i++) await encoding.ready();
    await Promise.all(writes);
    const values = encoding.take();
    expect(values).toEqual([...values].sort((a, b) => a - b));
    expect(values.at(-1)).toBe(29);
  });

  it('is copied when the write resolves: the buffer may be used again', async () => {
    const encoding = new Encoding();
    const buffer = picture(7);
    await video.write(buffer);
    buffer.fill(9);
    expect(encoding.take()).toEqual([7]);
  });

  it('carries the timestamps of the application, and waits while it is ahead of time', async () => {
    const encoding = new Encoding();
    await video.write(picture(1), { timestamp: 5_000_000 });
    await encoding.ready();
    await video.write(picture(2), { timestamp: 5_040_000 });
    await encoding.ready();
    const ahead = video.write(picture(3), { timestamp: 5_500_000 });
    expect(await settled(ahead)).toBe(false);
    await ahead;
    encoding.take();
    const [first, second, third] = encoding.taken.map(({ timestamp }) => timestamp);
    expect(second! - first!).toBe(40_000);
    expect(third! - first!).toBe(500_000);
  });

  it('comes at the frame rate where the application does not say when', async () => {
    video.close();
    video = new PushedVideo({ ...OPTIONS, framerate: 50 }, new PushClock());
    video.start(startTime());
    const started = performance.now();
    for (let i = 0; i < 15; i++) await video.write(picture(i));
    // 15 pictures of 20 ms, of which 100 ms may be ahead.
    expect(performance.now() - started).toBeGreaterThan(150);
  });

  it('may change its size', async () => {
    const encoding = new Encoding();
    await video.write(picture(1));
    await encoding.ready();
    await video.write(picture(2, 32 * 20 * 1.5), { width: 32, height: 20 });
    expect(encoding.take()).toEqual([1, 2]);
    expect(encoding.taken.map(({ width }) => width)).toEqual([16, 32]);
    await expect(video.write(picture(3), { width: 32, height: 20 })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message:
        'The frame has 384 bytes, but a picture of 32x20 in I420 has 960: pass the width and height of a frame of another size.',
    });
  });

  it('may come from an iterable', async () => {
    const encoding = new Encoding();
    const piping = video.pipeFrom(
      (async function* () {
        for (let i = 1; i <= 3; i++) yield { data: picture(i), timestamp: i * 1000 };
      })(),
    );
    for (let i = 0; i < 3; i++) await encoding.ready();
    await piping;
    expect(encoding.take()).toEqual([1, 2, 3]);
  });
});

describe('the end of a pushed track', () => {
  it('comes after what was written before it, and no write after that', async () => {
    const encoding = new Encoding();
    let ended = 0;
    video.attach({ ended: () => ended++, openDecoding: () => Promise.reject(new Error('no decoder')) });
    const last = [video.write(picture(1)), video.write(picture(2))];
    const ending = video.end();
    await expect(video.write(picture(3))).rejects.toMatchObject({
      code: 'INVALID_STATE',
      message: expect.stringContaining('end()'),
    });
    expect(ended).toBe(0);
    await encoding.ready();
    await Promise.all([...last, ending]);
    expect(encoding.take()).toEqual([1, 2]);
    expect(encoding.ended).toBe(true);
    expect(ended).toBe(1);
    video.close();
    expect(ended).toBe(1);
  });

  it('by close() rejects the writes that wait', async () => {
    const encoding = new Encoding();
    await video.write(picture(1));
    const waiting = video.write(picture(2));
    video.close();
    await expect(waiting).rejects.toMatchObject({ code: 'INVALID_STATE' });
    await expect(video.write(picture(3))).rejects.toMatchObject({
      code: 'INVALID_STATE',
      message: expect.stringContaining('closed'),
    });
    encoding.take();
    expect(encoding.ended).toBe(true);
  });
});

describe('a wrong picture', () => {
  it.each<[string, Partial<Record<keyof PushedVideoOptions, unknown>>]>([
    ['width', { width: 0 }],
    ['height', { height: 1.5 }],
    ['format', { format: 'YUYV' }],
    ['framerate', { framerate: -1 }],
    ['colorSpace', { colorSpace: 'rgb' }],
  ])('is refused with the name of its option: %s', (name, wrong) => {
    const make = () => new PushedVideo({ ...OPTIONS, ...wrong } as PushedVideoOptions, new PushClock());
    expect(make).toThrowError(expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringContaining(`"${name}"`) }));
  });

  it('is refused when written', async () => {
    await expect(video.write('picture' as never)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await expect(video.write(picture(1), { timestamp: Number.NaN })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    const hooks = { ended: () => {}, openDecoding: () => Promise.reject(new Error('no decoder')) };
    video.attach(hooks);
    expect(() => video.attach(hooks)).toThrowError(expect.objectContaining({ code: 'INVALID_STATE' }));
  });
});
