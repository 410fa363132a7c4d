/** What a server that makes connections for months must not keep: timers, sockets, memory. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { OPUS, VP8 } from '../sdp/session.testing.ts';
import { Connection } from './connection.ts';
import { NodeSrtpSender } from './srtp/node-srtp-sender.ts';
import type { ConnectionState } from './types.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const srtpSender = new NodeSrtpSender();

interface Pair {
  readonly offerer: Connection;
  readonly answerer: Connection;
}

async function make(dataChannels: boolean): Promise<Pair> {
  const [offerer, answerer] = await Promise.all(
    [0, 1].map(() => Connection.create({ srtpSender, gatherLoopback: true, dataChannels })),
  );
  for (const [connection, direction] of [
    [offerer!, 'sendonly'],
    [answerer!, 'recvonly'],
  ] as const) {
    connection.addTransceiver({ kind: 'video', direction, codecs: [VP8] });
    connection.addTransceiver({ kind: 'audio', direction, codecs: [OPUS] });
  }
  if (dataChannels) offerer!.createDataChannel('control');
  return { offerer: offerer!, answerer: answerer! };
}

async function negotiate({ offerer, answerer }: Pair, trickle = true): Promise<void> {
  if (trickle) {
    offerer.on('icecandidate', (candidate) => answerer.addIceCandidate({ ...candidate, sdpMid: candidate.sdpMid ?? null }));
    answerer.on('icecandidate', (candidate) => offerer.addIceCandidate({ ...candidate, sdpMid: candidate.sdpMid ?? null }));
  }
  await offerer.setLocalDescription(await offerer.createOffer());
  await answerer.setRemoteDescription(offerer.localDescription!);
  await answerer.setLocalDescription(await answerer.createAnswer());
  await offerer.setRemoteDescription(answerer.localDescription!);
}

function reached(connection: Connection, wanted: ConnectionState): Promise<void> {
  if (connection.state === wanted) return Promise.resolve();
  return new Promise((resolve, reject) => {
    connection.on('statechange', (state) => {
      if (state === wanted) resolve();
      else if (state === 'failed') reject(new Error('the connection failed'));
    });
  });
}

/** Connections are closed at these moments. */
const MOMENTS: Record<string, (pair: Pair) => Promise<unknown>> = {
  'after it was made': async () => {},
  'with an offer': async ({ offerer }) => offerer.setLocalDescription(await offerer.createOffer()),
  gathering: async ({ offerer }) => {
    await offerer.setLocalDescription(await offerer.createOffer());
    await new Promise((resolve) => setImmediate(resolve));
  },
  'while checking in vain': async (pair) => {
    await negotiate(pair, false);
    await pair.offerer.addIceCandidate({ candidate: 'candidate:1 1 udp 1 127.0.0.1 9 typ host' });
    await new Promise((resolve) => setTimeout(resolve, 30));
  },
  'at the first candidate': async (pair) => {
    const first = new Promise((resolve) => pair.answerer.once('icecandidate', resolve));
    await negotiate(pair);
    await first;
  },
  'when one side is connected and the other shakes hands': async (pair) => {
    const either = Promise.race([reached(pair.offerer, 'connected'), reached(pair.answerer, 'connected')]);
    await negotiate(pair);
    await either;
  },
  connected: async (pair) => {
    const both = Promise.all([reached(pair.offerer, 'connected'), reached(pair.answerer, 'connected')]);
    await negotiate(pair);
    await both;
  },
};

async function close({ offerer, answerer }: Pair): Promise<void> {
  await Promise.all([offerer.close(), answerer.close()]);
}

async function batch(size: number, dataChannels: boolean): Promise<void> {
  await Promise.all(
    Array.from({ length: size }, async () => {
      const pair = await make(dataChannels);
      await MOMENTS.connected!(pair);
      await close(pair);
    }),
  );
}

/** Sockets and timers, once the system has closed what is closed: that takes turns of the event loop, but no time. */
async function resources(): Promise<number> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
  return process.getActiveResourcesInfo().filter((kind) => /UDP|TCP|Timeout|GetAddr/.test(kind)).length;
}

/** vitest has timers of its own that come and go. */
const SLACK = 2;

async function heapAfterGarbage(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    collectGarbage();
  }
  return process.memoryUsage().heapUsed;
}

describe('many connections', () => {
  it.each(Object.keys(MOMENTS))('leave nothing when they are closed %s', async (moment) => {
    for (const dataChannels of [false, true]) {
      const before = await resources();
      for (let i = 0; i < 5; i++) {
        const pair = await make(dataChannels);
        await MOMENTS[moment]!(pair);
        await close(pair);
      }
      // At once: what ends by itself later would hold a process that wants to end.
      expect(await resources()).toBeLessThanOrEqual(before + SLACK);
    }
  });

  it('leave neither handles nor memory', async () => {
    const before = await resources();
    for (const dataChannels of [false, true]) await batch(10, dataChannels);
    const heap = await heapAfterGarbage();
    for (let i = 0; i < 12; i++) await batch(10, i % 4 === 3);
    const growth = ((await heapAfterGarbage()) - heap) / 120;
    expect(await resources()).toBeLessThanOrEqual(before + SLACK);
    // A closed pair that is kept alive holds some hundred kilobytes.
    expect(growth).toBeLessThan(10_000);
  });
});
