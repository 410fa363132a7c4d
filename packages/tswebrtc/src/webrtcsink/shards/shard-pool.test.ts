import { expect, it } from 'vitest';
import { silentLogger } from '../../common/logger.ts';
import { NodeSrtpSender } from '../../connection/srtp/node-srtp-sender.ts';
import { EncodingPool } from '../encoding-pool.ts';
import { FakeEngine } from '../fake-engine.testing.ts';
import { Session } from '../session.ts';
import type { SessionOptions } from '../session-types.ts';
import { Shard } from '../shard.ts';
import { ShardPool } from './shard-pool.ts';

const limits = { minBitrate: 1000, maxBitrate: 1e6, maxEncodings: 1 };

const optionsOf = (id: string): Omit<SessionOptions, 'shard' | 'encodings'> => ({
  id,
  peerId: `peer of ${id}`,
  tracks: [],
  videoCodecs: ['VP8'],
  encodable: ['VP8'],
  audioCodecs: ['OPUS'],
  passthrough: 'auto',
  congestionControl: 'gcc',
  startBitrate: 500_000,
  ...limits,
  defineEncoderBitrates: undefined,
  retransmission: true,
  retransmissionPercentage: -1,
  fec: true,
  simulcast: 0,
  timeCodes: false,
  consumerOffers: false,
  referenceClock: null,
  playoutDelay: null,
  absCaptureTime: false,
  mtu: 1200,
  payloaderSetup: undefined,
  controlChannel: false,
  navigationChannel: false,
  connection: {},
  setupTimeout: 30_000,
  sharedWith: () => [],
  logger: silentLogger,
});

it('goes on in the main thread where no other can be started', async () => {
  const shard = new Shard(new NodeSrtpSender());
  const audio = { inbandFec: true, dtx: false };
  const options = { ...limits, encoding: 'shared', mitigationModes: [], passthrough: 'auto', audio, video: {} } as const;
  const encodings = new EncodingPool(new FakeEngine(), shard, options, silentLogger, () => {});
  const file = new URL('data:text/javascript,throw new Error("no thread today.")');
  const shards = new ShardPool({ shard, encodings, tracks: () => [], shards: 2, logger: silentLogger, file });
  try {
    expect(shards.createSession(optionsOf('first'))).toBeInstanceOf(Session);
    const unlucky = shards.createSession(optionsOf('second'));
    const ended = new Promise<unknown[]>((resolve) => unlucky.on('end', (...end) => resolve(end)));
    await unlucky.start();
    expect(await ended).toMatchObject(['error', { code: 'INTERNAL', message: expect.stringContaining('peer of second') }]);
    expect(await unlucky.getStats()).toEqual(new Map());
    expect((await unlucky.getFigures()).state).toBe('closed');
    await shards.closeSession(unlucky);
    const third = shards.createSession(optionsOf('third'));
    expect(third).toBeInstanceOf(Session);
    await third.close();
  } finally {
    await shards.close();
    await encodings.close();
    shard.close();
  }
});
