import type { Writable } from 'node:stream';
import { expect, it } from 'vitest';
import * as ws from 'ws';
import { textFrame } from './text-frame.ts';

// The library's reader, which its types do not know.
const { Receiver } = ws as unknown as { Receiver: new (options: { isServer: boolean }) => Writable };

it.each([0, 1, 125, 126, 127, 65_535, 65_536, 200_000])('a frame of %s bytes is read as what it was', async (length) => {
  const text = length > 3 ? `ä€${'x'.repeat(length - 5)}` : 'x'.repeat(length);
  expect(Buffer.byteLength(text)).toBe(length);
  const receiver = new Receiver({ isServer: false });
  const read = new Promise<[Buffer, boolean]>((resolve, reject) => {
    receiver.once('message', (data: Buffer, isBinary: boolean) => resolve([data, isBinary]));
    receiver.once('error', reject);
  });
  receiver.write(textFrame(text));
  const [data, isBinary] = await read;
  expect(isBinary).toBe(false);
  expect(String(data) === text).toBe(true);
});
