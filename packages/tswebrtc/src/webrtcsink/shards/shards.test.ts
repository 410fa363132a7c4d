/** What holds of a sink's sessions holds wherever they live: here every other one lives in a thread of its own. */
import { createSocket, Socket } from 'node:dgram';
import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { SignallingServer } from '@tswebrtc/signalling-server';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { freeUdpPort } from '../../../../signalling-server/src/free-port.testing.ts';
import { TsWebRTCError } from '../../common/errors.ts';
import { silentLogger } from '../../common/logger.ts';
import { writeRtcp } from '../../rtp/rtcp/rtcp.ts';
import { FakeEngine } from '../fake-engine.testing.ts';
import type { WebRTCSinkOptions } from '../options.ts';
import type { EndReason } from '../session-types.ts';
import { TestConsumer } from '../test-consumer.testing.ts';
import { testAudio, testVideo } from '../tracks.ts';
import { type ConsumerSession, WebRTCSink } from '../webrtcsink.ts';

const VP8 = 96;
const OPUS = 97;

let server: SignallingServer;
let uri: string;
let engine: FakeEngine;
let sink: WebRTCSink;
let threads: Worker[];
let running: Set<Worker>;
const consumers: TestConsumer[] = [];
const removed: [session: ConsumerSession, reason: EndReason, error: TsWebRTCError | undefined][] = [];

const onThread = (thread: Worker): void => {
  threads.push(thread);
  running.add(thread);
  thread.once('exit', () => running.delete(thread));
};

beforeEach(async () => {
  threads = [];
  running = new Set();
  process.on('worker', onThread);
  server = await SignallingServer.listen({ host: '127.0.0.1', port: 0 });
  uri = `ws://127.0.0.1:${server.port}`;
  engine = new FakeEngine();
  removed.length = 0;
});

afterEach(async () => {
  await Promise.all(consumers.splice(0).map((consumer) => consumer.close()));
  await sink.close();
  await server.close();
  process.off('worker', onThread);
});

async function start(options: Partial<WebRTCSinkOptions> = {}): Promise<void> {
  sink = new WebRTCSink({ engine, signaller: { uri }, stunServer: null, videoCodecs: ['VP8'], shards: 2, ...options });
  sink.addTrack(testVideo());
  sink.addTrack(testAudio());
  sink.on('consumer-removed', (...event) => removed.push(event));
  await sink.start();
}

async function watch(options?: Parameters<typeof TestConsumer.watch>[1]): Promise<TestConsumer> {
  const consumer = await TestConsumer.watch(uri, options);
  consumers.push(consumer);
  return consumer;
}

async function playing(consumer: TestConsumer): Promise<void> {
  const from = consumer.packets.length;
  const count = (type: number): number => consumer.packets.slice(from).filter(({ payloadType }) => payloadType === type).length;
  await consumer.until(() => count(VP8) > 20 && count(OPUS) > 20, 'packets arrive');
}

/** The first in the main thread, the second in another. */
async function twoPlaying(): Promise<[here: TestConsumer, there: TestConsumer]> {
  const here = await watch();
  await playing(here);
  const there = await watch();
  await playing(there);
  expect(threads).toHaveLength(1);
  return [here, there];
}

const video = () => engine.encodings.find(({ codec }) => codec === 'VP8')!;
const videoSource = (consumer: TestConsumer) =>
  consumer.connection!.transceivers.find(({ kind }) => kind === 'video')!.remoteSources[0]!;

const numbersOf = ({ packets }: TestConsumer, ssrc: number): number[] =>
  packets.filter((packet) => packet.ssrc === ssrc).map((packet) => packet.sequenceNumber);

/** Says that no more than `bitrate` bit/s can be received. */
function narrow(consumer: TestConsumer, bitrate: number): void {
  const remb = { type: 'remb', senderSsrc: 1, bitrate, ssrcs: [videoSource(consumer).ssrc] } as const;
  consumer.connection!.sendRtcp(writeRtcp([remb]));
}

describe('sessions in two threads', () => {
  it('share one encoding of each track, and each receives every packet in order', async () => {
    await start();
    const [here, there] = await twoPlaying();
    await playing(await watch());
    await playing(await watch());
    expect(threads).toHaveLength(1);
    expect(engine.encodings.map(({ codec }) => codec).sort()).toEqual(['OPUS', 'VP8']);

    const { sessions, encodings } = await sink.getStats();
    expect(sessions.map(({ state, codec, width }) => [state, codec, width])).toEqual(Array(4).fill(['connected', 'VP8', 64]));
    expect(new Set(sessions.map(({ encodingId }) => encodingId)).size).toBe(1);
    for (const { peerId, sharedWith } of sessions) {
      expect([...sharedWith, peerId].sort()).toEqual(sessions.map((session) => session.peerId).sort());
    }
    expect(encodings.map((encoding) => encoding.sessions.length)).toEqual([4, 4]);
    for (const consumer of [here, there]) {
      for (const ssrc of new Set(consumer.packets.map((packet) => packet.ssrc))) {
        const numbers = numbersOf(consumer, ssrc);
        expect(numbers).toEqual(numbers.map((_, i) => (numbers[0]! + i) % 65536));
      }
    }
    const stats = await Promise.all(sink.sessions.map((session) => session.getStats()));
    for (const entries of stats) expect([...entries.values()].map(({ type }) => type)).toContain('outbound-rtp');
  });

  it('go down to another encoding when their path gets narrow, and steer it where they are alone', async () => {
    await start();
    const [here, there] = await twoPlaying();
    narrow(there, 1_300_000);
    await there.until(() => engine.opened === 3, 'another encoder is opened');
    await playing(there);
    const low = (await sink.getStats()).sessions[1]!;
    expect(low).toMatchObject({ sessionId: there.sessionId, encodingId: 'encoding-3', encodingReason: 'alone', sharedWith: [] });
    expect(low.encodingBitrate).toBeGreaterThan(900_000);
    expect(low.encodingBitrate).toBeLessThan(1_200_000);
    expect(low.framerate).toBe(50);
    expect((await sink.getStats()).sessions[0]!.encodingId).not.toBe('encoding-3');
    const numbers = numbersOf(there, videoSource(there).ssrc);
    expect(numbers).toEqual(numbers.map((_, i) => (numbers[0]! + i) % 65536));

    narrow(there, 400_000);
    await expect
      .poll(async () => (await sink.getStats()).sessions[1])
      .toMatchObject({ encodingId: 'encoding-3', mitigationMode: 'downsampled', framerate: 25 });
    await playing(here);
    expect(removed).toEqual([]);
  });

  it('each have an encoding of their own where that is asked for', async () => {
    await start({ encoding: 'per-consumer' });
    await twoPlaying();
    const { sessions } = await sink.getStats();
    expect(new Set(sessions.map(({ encodingId }) => encodingId)).size).toBe(2);
    expect(sessions.map(({ encodingReason }) => encodingReason)).toEqual(['per-consumer', 'per-consumer']);
  });

  it('are answered when the consumer makes the offer', async () => {
    await start();
    await watch({ offer: (sdp) => sdp });
    const there = await watch({ offer: (sdp) => sdp });
    await playing(there);
    expect(there.messages.some((message) => message.type === 'peer' && 'sdp' in message && message.sdp.type === 'answer')).toBe(
      true,
    );
  });

  it('get a keyframe when the picture is lost, and again what was lost', async () => {
    await start();
    const [, there] = await twoPlaying();
    const { ssrc, rtxSsrc } = videoSource(there);
    const before = video().keyframeRequests.length;
    there.connection!.sendRtcp(writeRtcp([{ type: 'pli', senderSsrc: 1, mediaSsrc: ssrc }]));
    await there.until(() => video().keyframeRequests.length > before, 'a keyframe is asked for');
    const sequenceNumbers = [numbersOf(there, ssrc).at(-1)!];
    there.connection!.sendRtcp(writeRtcp([{ type: 'nack', senderSsrc: 1, mediaSsrc: ssrc, sequenceNumbers }]));
    await there.until(() => there.packets.some((packet) => packet.ssrc === rtxSsrc), 'the retransmission arrives');
  });

  it('go over to another encoder when theirs breaks, without a gap in their numbers', async () => {
    await start();
    const [here, there] = await twoPlaying();
    await here.until(() => engine.encodings.every(({ age }) => age > 2100), 'the encoder has run for a while');
    const broken = video();
    broken.fail(new TsWebRTCError('ENCODER_FAILED', 'it broke.'));
    await Promise.all([playing(here), playing(there)]);
    expect(video()).not.toBe(broken);
    expect(removed).toEqual([]);
    const numbers = numbersOf(there, videoSource(there).ssrc);
    expect(numbers).toEqual(numbers.map((_, i) => (numbers[0]! + i) % 65536));
    const { sessions } = await sink.getStats();
    expect(new Set(sessions.map(({ encodingId }) => encodingId)).size).toBe(1);
  });

  it('end with the reason when their encoder fails at once, or does not open', async () => {
    await start();
    const [, there] = await twoPlaying();
    // One that has run for a while on a slow machine is followed by another, which then fails at once.
    const broken = new Set<object>();
    await there.until(() => {
      const encoding = engine.encodings.find((candidate) => candidate.codec === 'VP8' && !broken.has(candidate));
      if (encoding) {
        broken.add(encoding);
        encoding.fail(new TsWebRTCError('ENCODER_FAILED', 'it broke.'));
      }
      return removed.length === 2;
    }, 'the sessions are ended');
    expect(removed.map(([, reason, error]) => [reason, error?.code])).toEqual(Array(2).fill(['error', 'ENCODER_FAILED']));

    engine.failure = new TsWebRTCError('ENCODER_FAILED', 'no encoder today.');
    await watch();
    await watch();
    await there.until(() => removed.length === 4, 'the sessions are ended');
    expect(removed[3]![2]).toMatchObject({ code: 'ENCODER_FAILED', message: 'no encoder today.' });
    engine.failure = undefined;
    await twoPlaying();
  });

  it('end alone when the peer answers nonsense, ends, says goodbye or vanishes', async () => {
    await start();
    const here = await watch();
    await playing(here);
    const bad = await watch({ mungeAnswer: () => 'this is no session description' });
    await bad.until(() => bad.message('endSessionV1_1') !== undefined, 'the session is ended');
    expect(removed.map(([, reason, error]) => [reason, error?.code])).toEqual([['error', 'INVALID_SDP']]);

    const ends = await watch();
    await playing(ends);
    ends.sendRaw(JSON.stringify({ type: 'endSession', sessionId: ends.sessionId }));
    await here.until(() => removed.length === 2, 'the session is removed');

    const leaves = await watch();
    await playing(leaves);
    await leaves.connection!.close();
    await here.until(() => removed.length === 3, 'the session is removed');

    const vanishes = await watch();
    await playing(vanishes);
    vanishes.terminate();
    await here.until(() => removed.length === 4, 'the session is removed');
    expect(removed.slice(1).map(([session, reason]) => [session.id, reason])).toEqual(
      [ends, leaves, vanishes].map(({ sessionId }) => [sessionId, 'ended']),
    );
    expect(threads).toHaveLength(1);
    await playing(here);
    expect((await removed[1]![0].getFigures()).state).toBe('closed');
  });
});

describe('threads of sessions', () => {
  it('are not started for sessions that fit into the main thread', async () => {
    await start({ shards: 1 });
    await playing(await watch());
    await playing(await watch());
    expect(threads).toEqual([]);
  });

  it('are not started where the application divides the bitrate itself', async () => {
    await start({ defineEncoderBitrates: (_, __, bitrates) => bitrates });
    await playing(await watch());
    await playing(await watch());
    expect(threads).toEqual([]);
  });

  it('end with the sink, which tells their peers', async () => {
    await start();
    const [, there] = await twoPlaying();
    const [thread] = threads;
    const code = new Promise((resolve) => thread!.once('exit', resolve));
    await sink.close();
    expect(running.size).toBe(0);
    // By itself: everything in it was closed.
    expect(await code).toBe(0);
    expect(removed.map(([, reason]) => reason)).toEqual(['shutdown', 'shutdown']);
    await there.until(() => there.message('endSessionV1_1') !== undefined, 'the consumer is told');
  });

  it('end with the sink while they start', async () => {
    await start();
    await playing(await watch());
    const there = await watch();
    await there.until(() => threads.length > 0, 'the thread is started');
    await sink.close();
    expect(running.size).toBe(0);
    expect(removed).toHaveLength(2);
  });

  it('that die take their sessions with them and nobody else, and another comes for the next', async () => {
    await start();
    const [here, there] = await twoPlaying();
    await threads[0]!.terminate();
    await there.until(() => there.message('endSessionV1_1') !== undefined, 'the session is ended');
    expect(removed.map(([session, reason]) => [session.id, reason])).toEqual([[there.sessionId, 'error']]);
    expect(removed[0]![2]!.message).toMatch(/^the thread that served peer \S+ ended unexpectedly.*\.$/);
    await playing(here);
    expect((await sink.getStats()).encodings.map(({ sessions }) => sessions)).toEqual(Array(2).fill([here.sessionId]));
    await playing(await watch());
    expect(threads).toHaveLength(2);
  });
});

describe('an ICE restart', () => {
  const pathOf = async ({ connection }: TestConsumer): Promise<{ changes: number; port: number }> => {
    const stats = await connection!.getStats();
    const { selectedCandidatePairChanges, selectedCandidatePairId } = stats.get('transport')!;
    const { remoteCandidateId } = stats.get(String(selectedCandidatePairId))!;
    return { changes: Number(selectedCandidatePairChanges), port: Number(stats.get(String(remoteCandidateId))!.port) };
  };

  it('moves a session to other sockets, in either thread, without losing a packet', async () => {
    await start();
    for (const [i, consumer] of (await twoPlaying()).entries()) {
      const session = sink.sessions[i]!;
      const before = await pathOf(consumer);
      await session.restartIce();
      await expect.poll(async () => (await pathOf(consumer)).changes, { timeout: 20_000 }).toBe(2);
      expect((await pathOf(consumer)).port).not.toBe(before.port);
      await playing(consumer);
      const numbers = numbersOf(consumer, videoSource(consumer).ssrc);
      expect(numbers).toEqual(numbers.map((_, n) => (numbers[0]! + n) & 0xffff));
      expect((await session.getFigures()).state).toBe('connected');
    }
    expect(removed).toEqual([]);
  });

  it('is made by itself when nothing is heard of a consumer any more', async () => {
    await start();
    const [, there] = await twoPlaying();
    const before = await pathOf(there);
    // What it says gets lost; its answers to checks too.
    const mute = vi.spyOn(Socket.prototype, 'send').mockImplementation(() => {});
    await there.until(() => there.offers.length === 2, 'another offer', 12_000);
    mute.mockRestore();
    await expect.poll(async () => (await pathOf(there)).changes, { timeout: 20_000 }).toBeGreaterThan(before.changes);
    await playing(there);
    expect(removed).toEqual([]);
  }, 30_000);
});

describe('one UDP port for all sessions', () => {
  it('keeps them all in the main thread, on that port', async () => {
    const iceUdpMux = await freeUdpPort();
    const warnings: string[] = [];
    const logger = { ...silentLogger, warn: (_: object, message = '') => void warnings.push(message), child: () => logger };
    await start({ iceUdpMux, logger });
    expect(warnings).toEqual([expect.stringMatching(/^shards has no effect with ice-udp-mux/)]);
    const watching = [await watch(), await watch(), await watch()];
    for (const consumer of watching) await playing(consumer);
    expect(threads).toEqual([]);
    for (const session of sink.sessions) {
      const candidates = [...(await session.getStats()).values()].filter(({ type }) => type === 'local-candidate');
      expect(candidates.map(({ port }) => port)).toEqual(candidates.map(() => iceUdpMux));
    }
    await sink.sessions[1]!.restartIce();
    await watching[1]!.until(() => watching[1]!.offers.length === 2, 'another offer');
    for (const consumer of watching) await playing(consumer);
    await sink.close();
    expect(await freeUdpPort('127.0.0.1', iceUdpMux)).toBe(iceUdpMux);
  });

  it('that is taken stops the sink from starting', async () => {
    const taken = createSocket('udp4').bind(0, '127.0.0.1');
    await once(taken, 'listening');
    const iceUdpMux = taken.address().port;
    await expect(start({ iceUdpMux })).rejects.toMatchObject({
      code: 'ADDRESS_IN_USE',
      message: expect.stringContaining(`UDP port ${iceUdpMux} is taken`),
    });
    taken.close();
  });
});
