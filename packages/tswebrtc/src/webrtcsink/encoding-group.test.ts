import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TsWebRTCError } from '../common/errors.ts';
import { silentLogger } from '../common/logger.ts';
import { NodeSrtpSender } from '../connection/srtp/node-srtp-sender.ts';
import type { PacketisedFrame } from '../rtp/packetised-frame.ts';
import { EncodingGroup } from './encoding-group.ts';
import { FakeEngine } from './fake-engine.testing.ts';
import type { GroupSubscriber, Membership } from './membership.ts';
import { Shard } from './shard.ts';
import { SharedEncoding } from './shared-encoding.ts';
import { RungLadder } from './sharing/rung-ladder.ts';
import { RungPlanner } from './sharing/rung-planner.ts';
import { testVideo } from './tracks.ts';

const LIMITS = { min: 100_000, max: 2_000_000 };
const ladder = new RungLadder(LIMITS.min, LIMITS.max);
const [LOW, MIDDLE, HIGH] = ladder.rungs.slice(-3) as [number, number, number];

/** Remembers what it was sent. */
class Viewer implements GroupSubscriber {
  readonly frames: { keyframe: boolean; size: number }[] = [];
  /** Frames seen before each change of the encoding. */
  readonly switches: number[] = [];
  readonly failures: Error[] = [];
  membership!: Membership;

  onFrame(frame: PacketisedFrame): boolean {
    this.frames.push({ keyframe: frame.keyframe, size: frame.size });
    return true;
  }
  onSwitch(): void {
    this.switches.push(this.frames.length);
  }
  onFailure(error: Error): void {
    this.failures.push(error);
  }
}

let engine: FakeEngine;
let shard: Shard;
let group: EncodingGroup;
const errors: string[] = [];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] });
  engine = new FakeEngine();
  shard = new Shard(new NodeSrtpSender());
  errors.length = 0;
});

afterEach(async () => {
  await group.close();
  await engine.close();
  shard.close();
  vi.useRealTimers();
});

async function open(most: number): Promise<void> {
  const input = await engine.openInput(testVideo());
  const [track] = input.tracks;
  group = new EncodingGroup({
    planner: new RungPlanner<Membership>(ladder, LIMITS, { most }),
    kind: 'video',
    perConsumer: most === Number.POSITIVE_INFINITY,
    logger: silentLogger,
    onError: (error, id) => errors.push(`${id}: ${error.message}`),
    open: async (bitrate, hooks) =>
      new SharedEncoding(await engine.openEncoding(track!, { codec: 'VP8', bitrate }), {
        track: track!,
        bitrate,
        captureTimes: false,
        shard,
        logger: silentLogger,
        ...hooks,
      }),
  });
}

async function join(target: number): Promise<Viewer> {
  const viewer = new Viewer();
  viewer.membership = await group.join(viewer, target, `viewer ${target}`);
  return viewer;
}

const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);
const bitrates = (): number[] => group.encodings.map(({ encoding }) => encoding.bitrate).sort((a, b) => b - a);

describe('EncodingGroup', () => {
  it('opens one encoding for those who can pay for the same, and steers it exactly for one alone', async () => {
    await open(3);
    const first = await join(1_900_000);
    expect(bitrates()).toEqual([1_900_000]);
    expect(first.membership.reason).toBe('alone');
    const second = await join(1_950_000);
    await pass(100);
    expect(engine.opened).toBe(1);
    expect(bitrates()).toEqual([MIDDLE]);
    expect([first, second].map(({ membership }) => membership.reason)).toEqual(['shared', 'shared']);
    second.membership.leave();
    await pass(200);
    expect(bitrates()).toEqual([1_900_000]);
  });

  it('follows a target that falls at once, and moves who must go down at a keyframe, losing nothing that can be decoded', async () => {
    await open(3);
    const [stays, falls] = [await join(HIGH), await join(HIGH)];
    await pass(1000);
    falls.membership.setTarget(LOW);
    await pass(1);
    expect(bitrates()).toEqual([HIGH, LOW]);
    expect(falls.membership.switching).toBe(true);
    await pass(1000);
    expect(falls.membership.switching).toBe(false);
    expect(falls.membership.encoding!.bitrate).toBe(LOW);
    // The first encoding's, until the second's first keyframe.
    const at = falls.switches.at(-1)!;
    expect(falls.frames[at]!.keyframe).toBe(true);
    expect(falls.frames[at - 1]!.keyframe).toBe(false);
    expect(stays.switches).toHaveLength(1);
    expect(stays.frames.filter(({ keyframe }) => keyframe)).toHaveLength(1);
  });

  it('gives two consumers of different paths an encoding each, and both the same one where only one may run', async () => {
    await open(2);
    const [fast, slow] = [await join(HIGH), await join(LOW)];
    await pass(500);
    expect([fast, slow].map(({ membership }) => membership.encoding!.bitrate)).toEqual([HIGH, LOW]);
    expect([fast, slow].map(({ membership }) => membership.reason)).toEqual(['alone', 'alone']);
    await group.close();

    await open(1);
    const [merged, alone] = [await join(HIGH), await join(LOW)];
    await pass(500);
    expect([merged, alone].map(({ membership }) => membership.encoding!.bitrate)).toEqual([LOW, LOW]);
    expect([merged, alone].map(({ membership }) => membership.reason)).toEqual(['merged', 'shared']);
  });

  it('lets those who climb do so together, and keeps who waits for the keyframe on the old encoding', async () => {
    await open(3);
    const [top, , , a, b] = [await join(HIGH), await join(HIGH), await join(HIGH), await join(LOW), await join(LOW)];
    await pass(5000);
    const climb = top.membership.encoding!;
    const before = climb.keyframes;
    for (const { membership } of [a, b]) membership.setTarget(HIGH - 1);
    // Planned every 100 ms while targets come.
    for (let i = 0; i < 50; i++) {
      for (const { membership } of [a, b]) membership.setTarget(HIGH - 1 - (i % 2));
      const seen = a.frames.length;
      await pass(100);
      expect(a.frames.length).toBeGreaterThan(seen);
    }
    expect([a, b].map(({ membership }) => membership.encoding)).toEqual([climb, climb]);
    expect(climb.keyframes).toBe(before + 1);
  });

  it('keeps an encoding for five seconds after its last session, for one that comes back', async () => {
    await open(3);
    const first = await join(HIGH);
    first.membership.leave();
    await pass(3000);
    await join(HIGH);
    expect(engine.opened).toBe(1);
    expect(engine.encodings).toHaveLength(1);
    const [running] = group.encodings;
    for (const member of running!.members) member.leave();
    await pass(5200);
    expect(engine.encodings).toHaveLength(0);
  });

  it('gives everybody an encoding of its own where that is asked for', async () => {
    await open(Number.POSITIVE_INFINITY);
    const viewers = [await join(HIGH), await join(HIGH)];
    expect(engine.opened).toBe(2);
    expect(viewers.map(({ membership }) => membership.reason)).toEqual(['per-consumer', 'per-consumer']);
    viewers[0]!.membership.setTarget(LOW);
    await pass(1);
    expect(bitrates()).toEqual([HIGH, LOW]);
  });

  it('fails who has no other encoding when one does not open, and leaves the others where they are', async () => {
    await open(3);
    engine.failure = new TsWebRTCError('ENCODER_FAILED', 'no encoder today.');
    await expect(join(HIGH)).rejects.toThrow('no encoder today.');
    engine.failure = undefined;
    const stays = await join(HIGH);
    engine.failure = new TsWebRTCError('ENCODER_FAILED', 'no encoder today.');
    await join(HIGH);
    stays.membership.setTarget(LOW);
    await pass(1000);
    expect(stays.failures).toEqual([]);
    expect(stays.membership.encoding!.bitrate).toBe(HIGH);
    // It is tried again later.
    engine.failure = undefined;
    for (let i = 0; i < 60; i++) {
      stays.membership.setTarget(LOW - (i % 2));
      await pass(100);
    }
    expect(stays.membership.encoding!.bitrate).toBeLessThan(HIGH);
  });

  it('opens an encoding that broke again, unless it was new', async () => {
    await open(3);
    const viewer = await join(HIGH);
    await pass(2500);
    engine.encodings[0]!.fail(new Error('it broke.'));
    await pass(100);
    expect(engine.opened).toBe(2);
    expect(viewer.membership.encoding).toBeDefined();
    expect(errors).toEqual(['encoding-1: it broke.']);
    engine.encodings.at(-1)!.fail(new Error('and again.'));
    await pass(100);
    expect(viewer.failures.map(({ message }) => message)).toEqual(['and again.']);
    expect(engine.opened).toBe(2);
  });
});
