/** Tracks that are added and removed while consumers watch (reference §2.17, E.5). */
import { SignallingServer } from '@tswebrtc/signalling-server';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TsWebRTCError } from '../common/errors.ts';
import { writeRtcp } from '../rtp/rtcp/rtcp.ts';
import { FakeEngine } from './fake-engine.testing.ts';
import type { WebRTCSinkOptions } from './options.ts';
import type { EndReason } from './session-types.ts';
import type { SinkInput } from './sink-inputs.ts';
import { TestConsumer } from './test-consumer.testing.ts';
import { file, testAudio, testVideo } from './tracks.ts';
import { type ConsumerSession, WebRTCSink } from './webrtcsink.ts';

let server: SignallingServer;
let engine: FakeEngine;
let sink: WebRTCSink;
const consumers: TestConsumer[] = [];
const removed: [session: ConsumerSession, reason: EndReason, error: TsWebRTCError | undefined][] = [];
const errors: TsWebRTCError[] = [];

beforeEach(async () => {
  server = await SignallingServer.listen({ host: '127.0.0.1', port: 0 });
  engine = new FakeEngine();
  removed.length = errors.length = 0;
});

afterEach(async () => {
  await Promise.all(consumers.splice(0).map((consumer) => consumer.close()));
  await sink?.close();
  await server.close();
});

function create(options: WebRTCSinkOptions = {}): void {
  const signaller = { uri: `ws://127.0.0.1:${server.port}` };
  sink = new WebRTCSink({ engine, signaller, stunServer: null, videoCodecs: ['VP8'], ...options });
  sink.on('consumer-removed', (...event) => removed.push(event));
  sink.on('error', (error) => errors.push(error));
}

/** A picture and a sound. */
async function start(options: WebRTCSinkOptions = {}): Promise<[picture: SinkInput, sound: SinkInput]> {
  create(options);
  const inputs: [SinkInput, SinkInput] = [sink.addTrack(testVideo()), sink.addTrack(testAudio())];
  await sink.start();
  return inputs;
}

async function watch(options?: Parameters<typeof TestConsumer.watch>[1]): Promise<TestConsumer> {
  const consumer = await TestConsumer.watch(`ws://127.0.0.1:${server.port}`, options);
  consumers.push(consumer);
  return consumer;
}

/** The streams that are running: SSRCs of what came lately. */
const running = ({ packets }: TestConsumer, from: number): Set<number> => new Set(packets.slice(from).map(({ ssrc }) => ssrc));

/** Waits until `streams` streams run at once, each with some packets. */
async function playing(consumer: TestConsumer, streams: number): Promise<Set<number>> {
  let seen = new Map<number, number>();
  const from = consumer.packets.length;
  await consumer.until(() => {
    seen = new Map();
    const sources = consumer.connection?.transceivers.flatMap(({ remoteSources }) => remoteSources.map(({ ssrc }) => ssrc));
    // Not padding, which is sent as retransmissions.
    const media = consumer.packets.slice(from).filter(({ ssrc }) => sources?.includes(ssrc));
    for (const { ssrc } of media) seen.set(ssrc, (seen.get(ssrc) ?? 0) + 1);
    return [...seen.values()].filter((count) => count > 15).length >= streams;
  }, `${streams} streams arrive`);
  return new Set(seen.keys());
}

/** Of all streams that it ever got, the numbers are without a gap. */
function expectNoLoss(consumer: TestConsumer): void {
  for (const ssrc of running(consumer, 0)) {
    const numbers = consumer.packets.filter((packet) => packet.ssrc === ssrc).map((packet) => packet.sequenceNumber);
    expect(numbers).toEqual(numbers.map((_, i) => (numbers[0]! + i) % 65536));
  }
}

/** Waits until nothing more of one of the streams comes. */
async function untilStopped(consumer: TestConsumer, gone: number): Promise<void> {
  let from = consumer.packets.length;
  await consumer.until(() => {
    const all = consumer.packets.slice(from);
    if (!all.some(({ ssrc }) => ssrc === gone)) return all.length > 25;
    from = consumer.packets.length;
    return false;
  }, 'the stream stops');
}

for (const shards of [1, 2]) {
  describe(`in ${shards === 1 ? 'one thread' : 'two threads'}, a track`, () => {
    it('added is offered to all consumers and begins with a keyframe, and of the others no packet and no frame is lost', async () => {
      // Nobody tells how much the path carries: so nothing is divided.
      await start({ shards, congestionControl: 'disabled' });
      const [first, second] = [await watch(), await watch()];
      await Promise.all([playing(first, 2), playing(second, 2)]);
      // The keyframe that the second began with may have been asked for again.
      await Promise.all([playing(first, 2), playing(second, 2)]);
      const picture = engine.encodings.find(({ codec }) => codec === 'VP8')!;
      const keyframes = picture.keyframeRequests.length;

      const tracks = await sink.addTrack(testVideo()).opened;
      expect(tracks.map(({ name, kind }) => [name, kind])).toEqual([['video_1', 'video']]);
      await Promise.all([playing(first, 3), playing(second, 3)]);
      expect(first.offers).toEqual([2, 3]);
      expect(second.offers).toEqual([2, 3]);
      expect(picture.keyframeRequests.length).toBe(keyframes);
      for (const consumer of [first, second]) expectNoLoss(consumer);
      const { sessions, encodings } = await sink.getStats();
      expect(sessions.map(({ framesSkipped }) => framesSkipped)).toEqual([0, 0]);
      expect(encodings.map(({ track }) => track).sort()).toEqual(['audio_0', 'video_0', 'video_1']);

      // Who comes now is offered everything at once.
      const third = await watch();
      await playing(third, 3);
      expect(third.offers).toEqual([3]);
      expect(removed).toEqual([]);
    });

    it('added where the path carries no more begins when the others have made room, of which no frame is left out', async () => {
      await start({ shards });
      const [first, second] = [await watch({ reports: true }), await watch({ reports: true })];
      await Promise.all([playing(first, 2), playing(second, 2)]);
      for (const { connection } of [first, second]) {
        const { ssrc } = connection!.transceivers[0]!.remoteSources[0]!;
        connection!.sendRtcp(writeRtcp([{ type: 'remb', senderSsrc: 1, bitrate: 1_300_000, ssrcs: [ssrc] }]));
      }
      const bitrates = async () => (await sink.getStats()).sessions.map(({ encodingBitrate }) => encodingBitrate!);
      await expect.poll(async () => Math.max(...(await bitrates())), { timeout: 20_000 }).toBeLessThan(1_250_000);
      const before = (await sink.getStats()).sessions.map(({ framesSkipped }) => framesSkipped);
      await sink.addTrack(testVideo()).opened;
      await Promise.all([playing(first, 3), playing(second, 3)]);
      await expect.poll(async () => Math.max(...(await bitrates())), { timeout: 20_000 }).toBeLessThan(650_000);
      for (const consumer of [first, second]) expectNoLoss(consumer);
      expect((await sink.getStats()).sessions.map(({ framesSkipped }) => framesSkipped)).toEqual(before);
    });

    it('removed ends for all consumers with its encoding and its input, and the others go on', async () => {
      const [picture] = await start({ shards });
      const [first, second] = [await watch(), await watch()];
      await Promise.all([playing(first, 2), playing(second, 2)]);
      const byes: number[] = [];
      const gone = [first, second].map((consumer) => {
        consumer.connection!.on('rtcp', (packets) => {
          for (const packet of packets) if (packet.type === 'bye') byes.push(...packet.ssrcs);
        });
        return consumer.connection!.transceivers.find(({ kind }) => kind === 'video')!;
      });
      const ssrcs = gone.map(({ remoteSources }) => remoteSources[0]!.ssrc);
      await sink.removeTrack('video_0');
      expect(engine.inputs[0]!.closed).toBe(true);
      expect(engine.encodings.map(({ codec }) => codec)).toEqual(['OPUS']);
      expect(sink.tracks.map(({ name }) => name)).toEqual(['audio_0']);
      expect(picture.tracks).toEqual([]);
      await Promise.all([untilStopped(first, ssrcs[0]!), untilStopped(second, ssrcs[1]!)]);
      await first.until(() => gone.every(({ currentDirection }) => currentDirection === 'inactive'), 'the m-lines turn inactive');
      expect(byes.sort()).toEqual([...ssrcs].sort());
      for (const consumer of [first, second]) expectNoLoss(consumer);

      // Neither the m-line nor the name is used again.
      await sink.addTrack(testVideo()).opened;
      expect(sink.tracks.map(({ name }) => name)).toEqual(['video_1', 'audio_0']);
      await Promise.all([playing(first, 2), playing(second, 2)]);
      expect(first.offers).toEqual([2, 2, 3]);
      expect(removed).toEqual([]);
    });

    it('is offered again with the next one after a consumer that answers nonsense is gone, and others stay', async () => {
      await start({ shards });
      const good = await watch();
      await playing(good, 2);
      const bad = await watch({ mungeAnswer: (sdp, count) => (count === 0 ? sdp : sdp.replaceAll('m=video', 'm=audio')) });
      await playing(bad, 2);
      sink.addTrack(testVideo());
      await bad.until(() => bad.message('endSessionV1_1') !== undefined, 'the session is ended');
      await playing(good, 3);
      expect(removed.map(([{ id }, reason, error]) => [id, reason, error?.code])).toEqual([
        [bad.sessionId, 'error', 'INVALID_SDP'],
      ]);
    });
  });
}

describe('changes', () => {
  it('that come while an offer waits for its answer are joined in the next', async () => {
    await start();
    let answer: (() => void) | undefined;
    const consumer = await watch({
      mungeAnswer: (sdp, count) => {
        if (count !== 1) return sdp;
        const message = { type: 'peer', sessionId: consumer.sessionId, sdp: { type: 'answer', sdp } };
        answer = () => consumer.sendRaw(JSON.stringify(message));
        return undefined;
      },
    });
    await playing(consumer, 2);
    await sink.addTrack(testVideo()).opened;
    await consumer.until(() => answer !== undefined, 'the new track is offered');
    await sink.addTrack(testAudio()).opened;
    await sink.addTrack(testVideo()).opened;
    await sink.removeTrack('audio_0');
    await playing(consumer, 1);
    expect(consumer.offers).toEqual([2, 3]);
    answer!();
    await playing(consumer, 4);
    expect(consumer.offers).toEqual([2, 3, 5]);
    expect(removed).toEqual([]);
  });

  it('that cancel each other are not offered at all', async () => {
    await start();
    const consumer = await watch();
    await playing(consumer, 2);
    const input = sink.addTrack(testVideo());
    await input.remove();
    await expect(input.opened).rejects.toMatchObject({ code: 'INVALID_STATE' });
    await playing(consumer, 2);
    expect(consumer.offers).toEqual([2]);
    expect(sink.tracks.map(({ name }) => name)).toEqual(['video_0', 'audio_0']);
    expect(errors).toEqual([]);
  });

  it('reach a consumer that made the offer itself', async () => {
    await start();
    const consumer = await watch({ offer: (sdp) => sdp });
    const before = await playing(consumer, 2);
    await sink.addTrack(testVideo()).opened;
    // The streams are the same as before, although the numbers of the codecs were the consumer's.
    expect([...(await playing(consumer, 3))]).toEqual(expect.arrayContaining([...before]));
    await sink.removeTrack('video_0');
    await playing(consumer, 2);
    expect(consumer.offers.at(-1)).toBe(3);
    expect(removed).toEqual([]);
  });

  it('reach a consumer that is still connecting', async () => {
    await start();
    const consumer = await watch();
    await consumer.until(() => consumer.message('sessionStarted') !== undefined, 'the session begins');
    await sink.addTrack(testVideo()).opened;
    await playing(consumer, 3);
    expect(removed).toEqual([]);
  });

  it('leave a sink without any track, whose next consumer waits for one', async () => {
    await start();
    const consumer = await watch();
    await playing(consumer, 2);
    await sink.removeTrack('video_0');
    await sink.removeTrack('audio_0');
    expect(engine.encodings).toEqual([]);
    const next = await watch();
    await next.until(() => next.message('sessionStarted') !== undefined, 'the session begins');
    await sink.addTrack(testVideo()).opened;
    await Promise.all([playing(consumer, 1), playing(next, 1)]);
    expect(next.offers).toEqual([1]);
    expect(removed).toEqual([]);
  });

  it('a consumer refuses leave it with what it has', async () => {
    await start();
    const consumer = await watch({
      mungeAnswer: (sdp, count) =>
        count === 0
          ? sdp
          : sdp.replace(/(.*)m=video \d+/s, '$1m=video 0').replace(/(.*)a=sendonly|(.*)a=recvonly/s, '$1$2a=inactive'),
    });
    await playing(consumer, 2);
    await sink.addTrack(testVideo()).opened;
    await consumer.until(() => consumer.offers.length === 2, 'the new track is offered');
    await playing(consumer, 2);
    expect(consumer.connection!.transceivers).toHaveLength(3);
    const refused = consumer.connection!.transceivers[2]!.remoteSources[0]!.ssrc;
    expect(running(consumer, 0)).not.toContain(refused);
    expect(removed).toEqual([]);
  });

  it('the encoder cannot follow are an error of the sink, and the consumer stays with what it has', async () => {
    await start();
    const consumer = await watch();
    await playing(consumer, 2);
    engine.failure = new TsWebRTCError('ENCODER_FAILED', 'no encoder today.');
    await sink.addTrack(testVideo()).opened;
    await consumer.until(() => errors.length > 0, 'the error is told');
    expect(errors.map(({ message }) => message)).toEqual(['no encoder today.']);
    await playing(consumer, 2);
    expect(removed).toEqual([]);
  });
});

describe('inputs', () => {
  it('with picture and sound lose one track and keep the other, and are closed with the last', async () => {
    create();
    const film = sink.addTrack(file('film.mp4'), { msid: 'film' });
    await sink.start();
    const consumer = await watch();
    await playing(consumer, 2);
    const streams = consumer.connection!.transceivers.map(({ remoteSources }) => remoteSources[0]!.streamId);
    expect(streams).toEqual(['film', 'film']);
    expect(film.tracks.map(({ name, msid }) => [name, msid])).toEqual([
      ['video_0', 'film'],
      ['audio_0', 'film'],
    ]);
    await sink.removeTrack('video_0');
    await playing(consumer, 1);
    expect(engine.inputs[0]!.closed).toBe(false);
    await sink.removeTrack('audio_0');
    expect(engine.inputs[0]!.closed).toBe(true);
    await film.remove();
  });

  it('that end while others run are told of, go to no new consumer, and can be removed and replaced', async () => {
    const [picture] = await start();
    const ended: [SinkInput, TsWebRTCError | undefined][] = [];
    let over = false;
    sink.on('input-ended', (...event) => ended.push(event));
    sink.on('ended', () => {
      over = true;
    });
    const consumer = await watch();
    await playing(consumer, 2);
    engine.inputs[0]!.end(new TsWebRTCError('INPUT_FAILED', 'the device is gone.'));
    expect(ended).toEqual([[picture, errors[0]]]);
    expect(errors.map(({ message }) => message)).toEqual(['the device is gone.']);
    const next = await watch();
    await playing(next, 1);
    expect(next.offers).toEqual([1]);
    expect(consumer.offers).toEqual([2]);

    await picture.remove();
    await sink.addTrack(testVideo()).opened;
    await Promise.all([playing(consumer, 2), playing(next, 2)]);
    expect(sink.tracks.map(({ name }) => name)).toEqual(['video_1', 'audio_0']);
    expect(over).toBe(false);
    engine.inputs[1]!.end();
    engine.inputs[2]!.end();
    expect(over).toBe(true);
  });

  it('that cannot be opened while the sink runs are told of, and change nothing', async () => {
    await start();
    const consumer = await watch();
    await playing(consumer, 2);
    await expect(sink.addTrack(file('missing')).opened).rejects.toMatchObject({ code: 'INPUT_NOT_FOUND' });
    await consumer.until(() => errors.length > 0, 'the error is told');
    expect(errors.map(({ code }) => code)).toEqual(['INPUT_NOT_FOUND']);
    await playing(consumer, 2);
    expect(consumer.offers).toEqual([2]);
  });

  it('are refused with a name that no consumer could read, and tracks that are not there cannot be removed', async () => {
    await start();
    expect(() => sink.addTrack(testVideo(), { msid: 'a b' })).toThrow(/msid is "a b"/);
    await expect(sink.removeTrack('video_7')).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: 'There is no track "video_7"; there are: video_0, audio_0.',
    });
  });
});
