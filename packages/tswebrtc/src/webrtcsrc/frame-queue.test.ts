import { describe, expect, it } from 'vitest';
import type { InboundFrame } from '../rtp/receive/inbound-stream.ts';
import { FrameQueue } from './frame-queue.ts';

const frame = (timestamp: number, keyframe = false, size = 10): InboundFrame =>
  ({ timestamp, keyframe, data: new Uint8Array(size) }) as InboundFrame;

describe('FrameQueue', () => {
  it('keeps frames for a reader, and lets a reader wait for frames', async () => {
    const queue = new FrameQueue(
      () => {},
      () => {},
    );
    queue.push(frame(1));
    const [first, second] = [queue.next(), queue.next()];
    queue.push(frame(2));
    queue.push(frame(3));
    queue.end();
    expect([(await first).value!.timestamp, (await second).value!.timestamp]).toEqual([1, 2]);
    const rest: number[] = [];
    for await (const { timestamp } of queue) rest.push(timestamp);
    expect(rest).toEqual([3]);
  });

  it.each([
    ['many frames', 10],
    ['large frames', 4 << 20],
  ])('does not grow with %s: it goes on with a keyframe, for which it asks', async (_, size) => {
    let asked = 0;
    const queue = new FrameQueue(
      () => asked++,
      () => {},
    );
    for (let i = 0; i < 300 && asked === 0; i++) queue.push(frame(i, i === 0, size));
    expect(asked).toBe(1);
    const lost = queue.dropped;
    queue.push(frame(400));
    queue.push(frame(401, true));
    queue.push(frame(402));
    queue.end();
    const rest: number[] = [];
    for await (const { timestamp } of queue) rest.push(timestamp);
    expect(rest).toEqual([401, 402]);
    expect(queue.dropped).toBe(lost + 1);
  });

  it('lets go when the reader leaves', async () => {
    let left = 0;
    const queue = new FrameQueue(
      () => {},
      () => left++,
    );
    queue.push(frame(1));
    queue.push(frame(2));
    for await (const _ of queue) break;
    expect(left).toBe(1);
    queue.push(frame(3));
    expect(await queue.next()).toEqual({ done: true, value: undefined });
  });
});
