import { once } from 'node:events';
import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FramePool } from '../../frame-pool.ts';
import type { RawMessage } from '../messages.ts';
import { RawOutlet } from './raw-outlet.ts';

let outlet: RawOutlet;

beforeEach(() => {
  outlet = new RawOutlet('video');
  outlet.setFormat({ kind: 'video', width: 2, height: 2, framerate: 30, colorSpace: 2 }, 6);
});
afterEach(() => outlet.end());

/** An encoding that takes what its port holds when told to. */
class Encoding {
  readonly port: MessagePort;
  readonly #outletPort: MessagePort;
  #pool: FramePool | undefined;
  #holder = 0;
  ended = false;

  constructor(id: number) {
    const { port1, port2 } = new MessageChannel();
    this.port = port2;
    this.#outletPort = port1;
    outlet.subscribe(id, port1);
  }

  /** What the pictures in the port show. */
  take(): number[] {
    const seen: number[] = [];
    for (let got = receiveMessageOnPort(this.port); got; got = receiveMessageOnPort(this.port)) {
      const message = got.message as RawMessage;
      if (message.type === 'pool') {
        this.#pool = FramePool.attach(message.pool);
        this.#holder = message.holder;
      } else if (message.type === 'frame') {
        seen.push(this.#pool!.data(message.slot)[0]!);
        this.#pool!.release(message.slot, this.#holder);
      } else {
        this.ended = true;
      }
    }
    return seen;
  }

  /** Asks for a frame; resolves when the outlet has heard. */
  async ready(): Promise<void> {
    const heard = once(this.#outletPort, 'message');
    this.port.postMessage({ type: 'ready' });
    await heard;
  }
}

/** Hands on a picture that shows `value`; false when there was no room for it. */
function show(value: number): boolean {
  const room = outlet.begin();
  room?.fill(value);
  if (room) outlet.commit(value * 1000, 1000);
  return room !== undefined;
}

describe('the outlet of an input', () => {
  it('keeps the newest frames for an encoding that is busy, and room for the others', async () => {
    const slow = new Encoding(1);
    const quick = new Encoding(2);
    for (let value = 1; value <= 20; value++) {
      expect(show(value)).toBe(true);
      expect(quick.take()).toEqual([value]);
      await quick.ready();
    }
    // It had the first one in hand all the time.
    expect(slow.take()).toEqual([1]);
    await slow.ready();
    expect(slow.take()).toEqual([19]);
    await slow.ready();
    expect(slow.take()).toEqual([20]);
    await slow.ready();
    expect(slow.take()).toEqual([]);
    show(21);
    expect(slow.take()).toEqual([21]);
  });

  it('gives what waits before it ends', () => {
    const encoding = new Encoding(1);
    for (const value of [1, 2, 3]) show(value);
    outlet.end();
    expect(encoding.take()).toEqual([1, 2, 3]);
    expect(encoding.ended).toBe(true);
  });

  it('takes back what a lost encoding held or was waiting for', () => {
    new Encoding(1);
    for (let value = 1; value <= 5; value++) show(value);
    outlet.unsubscribe(1);
    const next = new Encoding(2);
    for (let value = 6; value <= 30; value++) expect(show(value)).toBe(true);
    expect(next.take()).toEqual([6]);
  });

  it('hands on nothing of the old size after the new one', async () => {
    const encoding = new Encoding(1);
    for (const value of [1, 2, 3]) show(value);
    expect(encoding.take()).toEqual([1]);
    outlet.setFormat({ kind: 'video', width: 4, height: 2, framerate: 30, colorSpace: 2 }, 12);
    show(4);
    await encoding.ready();
    expect(encoding.take()).toEqual([4]);
  });
});
