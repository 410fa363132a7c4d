import type { ServerMessage } from '@tswebrtc/protocol';
import { expect, it } from 'vitest';
import { silentLogger } from './logger.ts';
import { Metrics } from './metrics.ts';
import { Outbox } from './outbox.ts';
import type { PeerSocket } from './peer-socket.ts';

it('goes on after a message that cannot be written', () => {
  const metrics = new Metrics({ peers: () => 0, sessions: () => 0, isReady: () => true }, false);
  const frames: string[] = [];
  const peer = { isOpen: true, bufferedAmount: 0, sendFrame: (frame: Buffer) => frames.push(String(frame.subarray(2))) };
  const outbox = new Outbox(new Map([['peer', peer as unknown as PeerSocket]]), 1000, metrics, silentLogger);
  const nonsense = { type: 'nonsense' } as unknown as ServerMessage;
  expect(() => outbox.deliver([{ to: 'peer', message: nonsense }])).toThrow(TypeError);
  outbox.deliver([{ to: 'peer', message: { type: 'welcome', peerId: 'peer' } }]);
  expect(frames).toEqual(['{"type":"welcome","peerId":"peer"}']);
  metrics.close();
});
