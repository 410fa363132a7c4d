import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:net';
import { SignallingServer } from '@tswebrtc/signalling-server';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import WebSocket from 'ws';
import { freePort } from '../../../signalling-server/src/free-port.testing.ts';
import { testCertificateFiles } from '../../../signalling-server/src/test-certificate.testing.ts';
import { TsWebRTCError } from '../common/errors.ts';
import { type Logger, silentLogger } from '../common/logger.ts';
import { TcpMux } from '../connection/transport/ice-tcp/tcp-mux.ts';
import { FakeEngine } from './fake-engine.testing.ts';
import { KEYFRAME_INTERVAL } from './keyframe-governor.ts';
import type { EndReason } from './session-types.ts';
import { TestConsumer } from './test-consumer.testing.ts';
import { testAudio, testVideo } from './tracks.ts';
import { type ConsumerSession, WebRTCSink } from './webrtcsink.ts';

/** As the sink offers them when it offers nothing else. */
const VP8 = 96;
const OPUS = 97;

let server: SignallingServer;
let uri: string;
let engine: FakeEngine;
let sink: WebRTCSink;
const consumers: TestConsumer[] = [];
const removed: [session: ConsumerSession, reason: EndReason, error: TsWebRTCError | undefined][] = [];
const errors: TsWebRTCError[] = [];

beforeEach(async () => {
  server = await SignallingServer.listen({ host: '127.0.0.1', port: 0 });
  uri = `ws://127.0.0.1:${server.port}`;
  engine = new FakeEngine();
  sink = new WebRTCSink({ engine, signaller: { uri }, stunServer: null, videoCodecs: ['VP8'], meta: { name: 'under test' } });
  sink.addTrack(testVideo());
  sink.addTrack(testAudio());
  removed.length = errors.length = 0;
  sink.on('consumer-removed', (...event) => removed.push(event));
  sink.on('error', (error) => errors.push(error));
});

afterEach(async () => {
  await Promise.all(consumers.splice(0).map((consumer) => consumer.close()));
  await sink.close();
  await server.close();
});

async function watch(options?: Parameters<typeof TestConsumer.watch>[1]): Promise<TestConsumer> {
  const consumer = await TestConsumer.watch(uri, options);
  consumers.push(consumer);
  return consumer;
}

async function playing(consumer: TestConsumer): Promise<void> {
  const from = consumer.packets.length;
  const types = (): number[] => consumer.packets.slice(from).map(({ payloadType }) => payloadType);
  await consumer.until(
    () => [VP8, OPUS].every((type) => types().filter((other) => other === type).length > 20),
    'packets arrive',
  );
}

describe('sessions', () => {
  it('share one encoding of each track and all receive every packet in order', async () => {
    await sink.start();
    const first = await watch();
    await playing(first);
    const second = await watch();
    await playing(second);
    const third = await watch();
    await playing(third);

    expect(engine.encodings.map(({ codec }) => codec).sort()).toEqual(['OPUS', 'VP8']);
    const { sessions } = await sink.getStats();
    expect(sessions.map(({ state, codec }) => [state, codec])).toEqual(Array(3).fill(['connected', 'VP8']));
    expect(new Set(sessions.map(({ encodingId }) => encodingId)).size).toBe(1);
    // Audio of 64 kbit/s and video of 1 Mbit/s, give or take the headers, the keyframes and a busy machine.
    await expect
      .poll(async () =>
        (await sink.getStats()).sessions.every(({ sentBitrate }) => sentBitrate > 500_000 && sentBitrate < 3_000_000),
      )
      .toBe(true);
    for (const ssrc of new Set(first.packets.map((packet) => packet.ssrc))) {
      const numbers = first.packets.filter((packet) => packet.ssrc === ssrc).map((packet) => packet.sequenceNumber);
      expect(numbers).toEqual(numbers.map((_, i) => (numbers[0]! + i) % 65536));
    }
    expect(first.packets[0]!.ssrc).not.toBe(second.packets[0]!.ssrc);
  });

  it('are offered no codec of which no encoder opens, and encoders are set up as the application says', async () => {
    engine.encodable = ['VP8'];
    const asked: unknown[] = [];
    const own = new WebRTCSink({
      engine,
      signaller: { uri },
      stunServer: null,
      videoCodecs: ['H264', 'VP8'],
      encoderSetup: (_peer, trackName, encoder) => {
        asked.push([trackName, encoder.codec, encoder.implementation]);
        encoder.options.deadline = 'good';
        encoder.threadCount = 3;
        return encoder.implementation === 'libvpx';
      },
    });
    own.addTrack(testVideo());
    own.addTrack(testAudio());
    try {
      await own.start();
      const consumer = await watch();
      await playing(consumer);
      const offer = JSON.stringify(consumer.messages);
      expect(offer).toContain('VP8/90000');
      expect(offer).not.toContain('H264');
      expect(asked).toContainEqual(['video_0', 'VP8', 'libvpx']);
      const { overrides } = engine.requested.find(({ codec }) => codec === 'VP8')!;
      expect(overrides!.libvpx).toEqual({ options: { deadline: 'good' }, withoutDefaults: true, threadCount: 3 });
      expect(overrides!.vp8_vaapi).toMatchObject({ withoutDefaults: false });
    } finally {
      await own.close();
    }
  });

  it('that may use relays alone end at once where there is none, and both sides are told why', async () => {
    // Port 9 discards, if anybody listens at all.
    const relayed = new WebRTCSink({
      engine,
      signaller: { uri },
      stunServer: null,
      turnServers: ['turn://user:secret@127.0.0.1:9?transport=tcp'],
      iceTransportPolicy: 'relay',
    });
    relayed.addTrack(testVideo());
    relayed.on('consumer-removed', (...event) => removed.push(event));
    try {
      await relayed.start();
      const consumer = await watch();
      await consumer.until(() => removed.length > 0 && consumer.message('endSessionV1_1') !== undefined, 'ended');
      const [[, reason, error]] = removed as [(typeof removed)[0]];
      expect(reason).toBe('disconnected');
      expect(error).toMatchObject({ code: 'CONNECTION_FAILED', message: expect.stringContaining('no TURN server gave a relay') });
      expect(JSON.stringify(consumer.message('endSessionV1_1'))).toContain('no TURN server gave a relay');
      expect(JSON.stringify(consumer.messages)).not.toContain('secret');
    } finally {
      await relayed.close();
    }
  });

  it('to which the application gives different bitrates have an encoding each, and statistics say who shares which', async () => {
    const given = new Map<string, number>();
    const divided = new WebRTCSink({
      engine,
      signaller: { uri },
      stunServer: null,
      videoCodecs: ['VP8'],
      // The second consumer has little, whatever its path carries.
      defineEncoderBitrates: (peerId, total, share) => {
        if (!given.has(peerId)) given.set(peerId, given.size === 1 ? 150_000 : share.video_0!);
        expect(total).toBeGreaterThan(0);
        return { video_0: given.get(peerId)! };
      },
    });
    divided.addTrack(testVideo());
    divided.addTrack(testAudio());
    try {
      await divided.start();
      const [first, second, third] = [await watch(), await watch(), await watch()];
      for (const consumer of [first, second, third]) await playing(consumer);
      await expect
        .poll(
          async () => {
            const { sessions, encodings } = await divided.getStats();
            const [a, b, c] = [...given.keys()].map((peer) => sessions.find(({ peerId }) => peerId === peer)!);
            return {
              shared: a!.encodingId === c!.encodingId && a!.encodingId !== b!.encodingId,
              with: [a!.sharedWith, b!.sharedWith, c!.sharedWith].map((peers) => peers.length),
              reasons: [a!.encodingReason, b!.encodingReason, c!.encodingReason],
              second: b!.encodingBitrate! <= 150_000 && a!.encodingBitrate! > 1_000_000,
              sessions: encodings.filter(({ width }) => width !== null).map((encoding) => encoding.sessions.length),
            };
          },
          { timeout: 10_000 },
        )
        .toMatchObject({ shared: true, with: [1, 0, 1], reasons: ['shared', 'alone', 'shared'], second: true });
      // Who went to another encoding got its packets without a gap.
      for (const ssrc of new Set(second.packets.map((packet) => packet.ssrc))) {
        const numbers = second.packets.filter((packet) => packet.ssrc === ssrc).map((packet) => packet.sequenceNumber);
        expect(numbers).toEqual(numbers.map((_, i) => (numbers[0]! + i) % 65536));
      }
    } finally {
      await divided.close();
    }
  });

  it('are answered when the consumer makes the offer', async () => {
    await sink.start();
    const consumer = await watch({ offer: (sdp) => sdp });
    await playing(consumer);
    expect(
      consumer.messages.some((message) => message.type === 'peer' && 'sdp' in message && message.sdp.type === 'answer'),
    ).toBe(true);
  });

  it('start with a keyframe, and a storm of joins makes few', async () => {
    await sink.start();
    const first = await watch();
    await playing(first);
    const video = engine.encodings.find(({ codec }) => codec === 'VP8')!;
    const before = video.keyframeRequests.length;
    const joined = await Promise.all([watch(), watch(), watch(), watch(), watch(), watch()]);
    await Promise.all(joined.map(playing));
    const requests = video.keyframeRequests.slice(before);
    const duration = requests.at(-1)! - requests[0]!;
    expect(requests.length).toBeGreaterThan(0);
    expect(requests.length).toBeLessThanOrEqual(2 + duration / KEYFRAME_INTERVAL);
  });

  it('answer a picture loss indication with a keyframe', async () => {
    await sink.start();
    const consumer = await watch();
    await playing(consumer);
    const video = engine.encodings.find(({ codec }) => codec === 'VP8')!;
    const before = video.keyframeRequests.length;
    const source = consumer.connection!.transceivers.find(({ kind }) => kind === 'video')!.remoteSources[0]!.ssrc;
    const pli = Buffer.alloc(12);
    pli.writeUInt16BE(0x81ce, 0);
    pli.writeUInt16BE(2, 2);
    pli.writeUInt32BE(1, 4);
    pli.writeUInt32BE(source, 8);
    consumer.connection!.sendRtcp(pli);
    await consumer.until(() => video.keyframeRequests.length > before, 'a keyframe is asked for');
  });

  it('send again what the peer says it lost', async () => {
    await sink.start();
    const consumer = await watch();
    await playing(consumer);
    const { ssrc, rtxSsrc } = consumer.connection!.transceivers.find(({ kind }) => kind === 'video')!.remoteSources[0]!;
    const lost = consumer.packets.filter((packet) => packet.ssrc === ssrc).at(-1)!.sequenceNumber;
    const nack = Buffer.alloc(16);
    nack.writeUInt16BE(0x81cd, 0);
    nack.writeUInt16BE(3, 2);
    nack.writeUInt32BE(1, 4);
    nack.writeUInt32BE(ssrc, 8);
    nack.writeUInt16BE(lost, 12);
    consumer.connection!.sendRtcp(nack);
    await consumer.until(() => consumer.packets.some((packet) => packet.ssrc === rtxSsrc), 'the retransmission arrives');
  });

  it('that end at the peer are removed with the reason', async () => {
    const added: ConsumerSession[] = [];
    sink.on('consumer-added', (session) => added.push(session));
    await sink.start();
    const consumer = await watch();
    await playing(consumer);
    consumer.sendRaw(JSON.stringify({ type: 'endSession', sessionId: consumer.sessionId }));
    await consumer.until(() => removed.length > 0, 'the session is removed');
    expect(added.map(({ id }) => id)).toEqual([consumer.sessionId]);
    expect(removed[0]![0].id).toBe(consumer.sessionId);
    expect(removed[0]!.slice(1)).toEqual(['ended', undefined]);
    expect(sink.sessions).toEqual([]);
  });

  it('of a peer that vanishes are removed, and the others play on', async () => {
    await sink.start();
    const [stays, vanishes] = [await watch(), await watch()];
    await Promise.all([playing(stays), playing(vanishes)]);
    vanishes.terminate();
    await stays.until(() => removed.length > 0, 'the session is removed');
    expect(removed[0]![0].id).toBe(vanishes.sessionId);
    await playing(stays);
  });

  it('of a peer that says goodbye on the connection alone are removed', async () => {
    await sink.start();
    const consumer = await watch();
    await playing(consumer);
    await consumer.connection!.close();
    await consumer.until(() => removed.length > 0, 'the session is removed');
    expect(removed[0]![1]).toBe('ended');
  });

  it('are told when the sink closes', async () => {
    await sink.start();
    const consumer = await watch();
    await playing(consumer);
    await sink.close();
    await consumer.until(() => consumer.message('endSessionV1_1') !== undefined, 'the consumer is told');
    expect(removed.map(([, reason]) => reason)).toEqual(['shutdown']);
  });

  it('survive the end of the signalling server, and new ones come after a restart', async () => {
    await sink.start();
    const consumer = await watch();
    await playing(consumer);
    const { port } = server;
    await server.close();
    await playing(consumer);
    expect(removed).toEqual([]);
    server = await SignallingServer.listen({ host: '127.0.0.1', port });
    await new Promise<void>((resolve) => sink.on('registered', () => resolve()));
    await playing(await watch());
  });
});

describe('a session is a sandbox', () => {
  it.each([
    ['nonsense', () => 'this is no session description', 'INVALID_SDP'],
    ['an answer without a fingerprint', (sdp: string) => sdp.replace(/a=fingerprint.*\r\n/g, ''), 'INVALID_SDP'],
    ['an answer that takes nothing', (sdp: string) => sdp.replace(/^m=(\w+) \d+/gm, 'm=$1 0'), 'NO_COMMON_CODEC'],
  ])('%s ends that session with a reason and nothing else', async (_, mungeAnswer, code) => {
    await sink.start();
    const good = await watch();
    await playing(good);
    const bad = await watch({ mungeAnswer });
    await bad.until(() => bad.message('endSessionV1_1') !== undefined, 'the session is ended');
    expect(bad.message('endSessionV1_1')).toMatchObject({ sessionId: bad.sessionId, error: expect.stringMatching(/\w+ .*\.$/) });
    expect(removed).toHaveLength(1);
    expect(removed[0]![1]).toBe('error');
    expect(removed[0]![2]!.code).toBe(code);
    expect(errors.map((error) => error.code)).toEqual([code]);
    await playing(good);
  });

  it.each([
    ['a nonsense offer', () => 'v=1 nonsense', 'INVALID_SDP'],
    ['an offer without a common codec', (sdp: string) => sdp.replace(/VP8|opus/g, 'other'), 'NO_COMMON_CODEC'],
  ])('%s ends that session with a reason and nothing else', async (_, offer, code) => {
    await sink.start();
    const good = await watch();
    await playing(good);
    const bad = await watch({ offer });
    await bad.until(() => bad.message('endSessionV1_1') !== undefined, 'the session is ended');
    expect(removed.map(([, reason, error]) => [reason, error?.code])).toEqual([['error', code]]);
    await playing(good);
  });

  it('an encoder that does not open ends the session that needs it', async () => {
    await sink.start();
    engine.failure = new TsWebRTCError('ENCODER_FAILED', 'no encoder today.');
    const consumer = await watch();
    await consumer.until(() => removed.length > 0, 'the session is ended');
    expect(removed[0]![2]!.code).toBe('ENCODER_FAILED');
    engine.failure = undefined;
    await playing(await watch());
  });

  it('an encoder that fails at once ends its sessions, one that ran is opened again', async () => {
    await sink.start();
    const first = await watch();
    await playing(first);
    engine.encodings.find(({ codec }) => codec === 'VP8')!.fail(new TsWebRTCError('ENCODER_FAILED', 'it broke.'));
    await first.until(() => removed.length > 0, 'the session is ended');
    expect(removed[0]!.slice(1)).toMatchObject(['error', { code: 'ENCODER_FAILED' }]);

    engine.failsOnOpening = true;
    const unlucky = await watch();
    await unlucky.until(() => removed.length > 1, 'the session is ended');
    expect(removed[1]!.slice(1)).toMatchObject(['error', { code: 'ENCODER_FAILED' }]);
    engine.failsOnOpening = false;

    const second = await watch();
    await playing(second);
    await second.until(() => engine.encodings.every(({ age }) => age > 2100), 'the encoder has run for a while');
    engine.encodings.find(({ codec }) => codec === 'VP8')!.fail(new TsWebRTCError('ENCODER_FAILED', 'it broke.'));
    await playing(second);
    expect(removed).toHaveLength(2);
    expect(errors.map(({ code }) => code)).toContain('ENCODER_FAILED');
  });

  it('garbage from the signalling server is ignored', async () => {
    await sink.start();
    const consumer = await watch();
    await playing(consumer);
    for (const ice of [
      { candidate: 'candidate:nonsense', sdpMLineIndex: 0 },
      { candidate: '\0', sdpMLineIndex: 4_000_000_000 },
    ]) {
      consumer.sendRaw(JSON.stringify({ type: 'peer', sessionId: consumer.sessionId, ice }));
    }
    await playing(consumer);
    expect(removed).toEqual([]);
  });
});

describe('starting', () => {
  it('says that the signalling server cannot be reached, and goes on trying', async () => {
    await server.close();
    const starting = sink.start();
    const refused = new Promise<TsWebRTCError>((resolve) => sink.on('error', resolve));
    expect((await refused).code).toBe('SIGNALLING_UNREACHABLE');
    server = await SignallingServer.listen({ host: '127.0.0.1', port: server.port });
    await starting;
  });

  it('ends when its signal is aborted, leaving nothing', async () => {
    await server.close();
    const controller = new AbortController();
    const starting = sink.start({ signal: controller.signal });
    controller.abort();
    await expect(starting).rejects.toBeInstanceOf(TsWebRTCError);
  });

  it('closes the shared ports that are being opened when it ends', async () => {
    const port = await freePort();
    const controller = new AbortController();
    const open = TcpMux.open;
    const spy = vi.spyOn(TcpMux, 'open').mockImplementation((number) => {
      controller.abort();
      return open.call(TcpMux, number);
    });
    const shared = new WebRTCSink({ engine, signaller: { uri }, stunServer: null, iceTcpPort: port });
    shared.addTrack(testVideo());
    await expect(shared.start({ signal: controller.signal })).rejects.toBeInstanceOf(TsWebRTCError);
    expect(spy).toHaveBeenCalled();
    spy.mockRestore();
    const other = createServer().listen(port);
    await once(other, 'listening');
    other.close();
  });

  it('answers with the headers it is given when a WebSocket opens', async () => {
    const signallingServerHeaders = { 'X-Served-By': 'booth', 'X-Floor': 2 };
    const options = { engine, stunServer: null, runSignallingServer: true, signallingServerPort: 0 };
    const own = new WebRTCSink({ ...options, signallingServerHeaders });
    own.addTrack(testVideo());
    try {
      const urls: string[] = [];
      own.on('listening', (servers) => urls.push(...servers.urls));
      await own.start();
      const socket = new WebSocket(urls[0]!);
      const [{ headers }] = (await once(socket, 'upgrade')) as [IncomingMessage];
      expect([headers['x-served-by'], headers['x-floor']]).toEqual(['booth', '2']);
      socket.terminate();
    } finally {
      await own.close();
    }
    for (const bad of [{ 'X Floor': '2' }, { 'X-Floor': 'a\nSet-Cookie: b' }, { 'X-Floor': ['2'] }]) {
      expect(() => new WebRTCSink({ ...options, signallingServerHeaders: bad })).toThrow(
        `The HTTP header "${Object.keys(bad)[0]}" of the signalling server has a name or value that HTTP does not allow`,
      );
    }
  });

  it('registers with its own server over TLS, whatever name the certificate is made out to', async () => {
    const files = await testCertificateFiles();
    const secure = new WebRTCSink({
      engine,
      stunServer: null,
      runSignallingServer: true,
      signallingServerHost: '127.0.0.2',
      signallingServerPort: 0,
      signallingServerCert: files.cert,
      signallingServerKey: files.key,
    });
    try {
      secure.addTrack(testVideo());
      const urls: string[] = [];
      secure.on('listening', (servers) => urls.push(...servers.urls));
      await secure.start();
      expect(urls).toEqual([expect.stringMatching(/^wss:\/\/127\.0\.0\.2:\d+$/)]);
    } finally {
      await secure.close();
      await files.remove();
    }
  });

  it('refuses a port in use and says which', async () => {
    const other = new WebRTCSink({ engine, runSignallingServer: true, signallingServerPort: server.port, stunServer: null });
    other.addTrack(testVideo());
    await expect(other.start()).rejects.toMatchObject({
      code: 'ADDRESS_IN_USE',
      message: expect.stringContaining(String(server.port)),
    });
  });

  it('warns of time codes that nobody can be told', () => {
    const warnings: unknown[] = [];
    const logger: Logger = { ...silentLogger, warn: (...args: unknown[]) => warnings.push(args.at(-1)), child: () => logger };
    new WebRTCSink({ engine, logger, forwardMetas: ['timecode'], enableControlDataChannel: true });
    expect(warnings).toEqual([]);
    new WebRTCSink({ engine, logger, forwardMetas: ['timecode'] });
    expect(warnings).toEqual([expect.stringContaining('set enable-control-data-channel')]);
  });

  it('refuses to start without tracks and to start twice, and takes no track once it is closed', async () => {
    await expect(new WebRTCSink({ engine }).start()).rejects.toMatchObject({ code: 'INVALID_STATE' });
    await sink.start();
    await expect(sink.start()).rejects.toMatchObject({ code: 'INVALID_STATE' });
    await sink.close();
    expect(() => sink.addTrack(testVideo())).toThrow(TsWebRTCError);
  });
});
