import { afterEach, beforeEach, expect, it } from 'vitest';
import { silentLogger } from '../common/logger.ts';
import { NodeSrtpSender } from '../connection/srtp/node-srtp-sender.ts';
import type { EncodingForm } from './codecs.ts';
import { EncodingPool } from './encoding-pool.ts';
import { FakeEngine } from './fake-engine.testing.ts';
import type { Membership } from './membership.ts';
import { Shard } from './shard.ts';
import { type SinkTrack, testVideo } from './tracks.ts';

let engine: FakeEngine;
let shard: Shard;
let pool: EncodingPool;
let track: SinkTrack;

beforeEach(async () => {
  engine = new FakeEngine();
  shard = new Shard(new NodeSrtpSender());
  const options = {
    minBitrate: 100_000,
    maxBitrate: 2_000_000,
    maxEncodings: 3,
    encoding: 'shared',
    passthrough: 'auto',
  } as const;
  const media = { mitigationModes: [], audio: {}, video: {} };
  pool = new EncodingPool(engine, shard, { ...options, ...media }, silentLogger, () => {});
  const input = (await engine.openInput(testVideo())).tracks[0]!;
  track = { name: 'video_0', kind: 'video', input };
});

afterEach(async () => {
  await pool.close();
  await engine.close();
  shard.close();
});

let sessions = 0;
function join(bitrate: number, form?: EncodingForm): Promise<Membership> {
  const subscriber = { onFrame: () => true, onSwitch: () => {}, onFailure: () => {} };
  return pool.join(track, { codec: 'H264', ...(form && { form }) }, subscriber, bitrate, `session-${sessions++}`);
}

it('lets the forms of one codec share what may run, of which each has one at least', async () => {
  for (const bitrate of [200_000, 2_000_000]) await join(bitrate);
  expect(pool.getFigures()).toHaveLength(2);
  for (const bitrate of [200_000, 600_000, 2_000_000]) await join(bitrate, { profile: 'high' });
  expect(pool.getFigures()).toHaveLength(3);
  await join(200_000, { level: 31 });
  expect(pool.getFigures()).toHaveLength(4);
});
