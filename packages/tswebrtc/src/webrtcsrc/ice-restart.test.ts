/**
 * ICE restarts between a sink and a source over real sockets: by the producer, whom every signaller lets offer, and by the
 * consumer over a signaller that permits it, which the test makes.
 */
import { SignallingServer } from '@tswebrtc/signalling-server';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Emitter } from '../common/emitter.ts';
import { silentLogger } from '../common/logger.ts';
import { Connection } from '../connection/connection.ts';
import { NodeSrtpSender } from '../connection/srtp/node-srtp-sender.ts';
import type { DataChannel } from '../connection/transport/types.ts';
import { observeUdpPorts } from '../connection/transport/udp-ports.testing.ts';
import { VP8 } from '../sdp/session.testing.ts';
import type { SessionDescription, Signaller, SignallerEvents } from '../signalling/signaller.ts';
import { FakeEngine } from '../webrtcsink/fake-engine.testing.ts';
import type { WebRTCSinkOptions } from '../webrtcsink/options.ts';
import { testVideo } from '../webrtcsink/tracks.ts';
import { type ConsumerSession, WebRTCSink } from '../webrtcsink/webrtcsink.ts';
import { SrcSession } from './session.ts';
import { WebRTCSrc } from './webrtcsrc.ts';

const host = vi.hoisted(() => ({ addresses: ['127.0.0.1'] }));
vi.mock('../connection/transport/candidate.ts', async (original) => ({
  ...(await original<typeof import('../connection/transport/candidate.ts')>()),
  localAddresses: () => [...host.addresses],
}));

/** One end of signalling in memory: what it sends comes to the other end in order, unless it is held back. */
class End extends Emitter<SignallerEvents> implements Signaller {
  readonly permitsConsumerOffers: boolean;
  readonly sent: SessionDescription[] = [];
  readonly ended: string[] = [];
  /** Where what belongs to a session goes. */
  to: (sessionId: string) => End | undefined = () => undefined;
  #held: (() => void)[] | undefined;

  constructor(permitsConsumerOffers = true) {
    super();
    this.permitsConsumerOffers = permitsConsumerOffers;
  }

  start(): void {
    queueMicrotask(() => this.emit('registered', 'somebody'));
  }

  async stop(): Promise<void> {}

  sendSdp(sessionId: string, description: SessionDescription): void {
    this.sent.push(description);
    this.#send(() => this.to(sessionId)?.emit('session-description', sessionId, description));
  }

  addIce(sessionId: string, candidate: string, sdpMLineIndex: number): void {
    this.#send(() => this.to(sessionId)?.emit('handle-ice', sessionId, sdpMLineIndex, undefined, candidate));
  }

  endSession(sessionId: string): void {
    this.ended.push(sessionId);
  }

  hold(): void {
    this.#held = [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const send of held) this.#send(send);
  }

  override emit<K extends keyof SignallerEvents>(event: K, ...args: SignallerEvents[K]): void {
    super.emit(event, ...args);
  }

  #send(deliver: () => void): void {
    if (this.#held) this.#held.push(deliver);
    else setImmediate(deliver);
  }
}

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  host.addresses = ['127.0.0.1'];
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const soon = { timeout: 10_000 };
const changesOf = async (stats: Promise<Map<string, { readonly [key: string]: unknown }>>): Promise<number> =>
  Number((await stats).get('transport')?.selectedCandidatePairChanges ?? 0);

/** With one encoding for all: the pictures of another have other numbers. */
async function produce(options: WebRTCSinkOptions): Promise<WebRTCSink> {
  const sink = new WebRTCSink({ engine: new FakeEngine(), stunServer: null, videoCodecs: ['VP8'], maxEncodings: 1, ...options });
  cleanups.push(() => sink.close());
  sink.addTrack(testVideo());
  await sink.start();
  return sink;
}

/** A source, the numbers of the pictures that it gets, and the application's data channel, over which everything comes back. */
async function play(src: WebRTCSrc, sessionOf: () => ConsumerSession | undefined) {
  const pictures: number[] = [];
  const errors: Error[] = [];
  cleanups.push(() => src.close());
  src.on('error', (error) => errors.push(error));
  src.once('track', (track) => track.on('frame', ({ data }) => pictures.push(data[1]!)));
  src.on('datachannel', (channel: DataChannel) => channel.on('message', (message) => void channel.send(`echo ${message}`)));
  await src.start();
  await expect.poll(() => pictures.length, soon).toBeGreaterThan(10);
  const session = sessionOf()!;
  const channel = session.createDataChannel('across');
  const echoes: string[] = [];
  channel.on('message', (message) => echoes.push(String(message)));
  await expect.poll(() => channel.readyState, soon).toBe('open');
  const comesBack = async (text: string): Promise<void> => {
    await channel.send(text);
    await expect.poll(() => echoes, soon).toContain(`echo ${text}`);
  };
  await comesBack('before');
  /** Both go over another pair, and have lost nothing meanwhile. */
  const hasMoved = async (): Promise<void> => {
    await expect.poll(() => changesOf(src.getStats()), soon).toBe(2);
    await expect.poll(() => changesOf(session.getStats()), soon).toBe(2);
    await comesBack('after');
    const count = pictures.length;
    await expect.poll(() => pictures.length, soon).toBeGreaterThan(count + 25);
    const steps = pictures.slice(1).map((picture, i) => (picture - pictures[i]!) & 0xff);
    expect(steps.filter((step) => step !== 1)).toEqual([]);
    expect(errors).toEqual([]);
  };
  return { src, session, hasMoved };
}

/**
 * A sink and one of its consumers, with a signaller in memory that has forgotten what was said so far. `shards`: in so many
 * threads, of which the last serves the consumer.
 */
async function permitted({ shards = 1, sinkPermits = true } = {}) {
  const producer = new End(sinkPermits);
  const consumers = new Map<string, End>();
  producer.to = (id) => consumers.get(id);
  const sink = await produce({ signaller: producer, shards });
  const begin = async (id: string) => {
    const consumer = new End();
    consumer.to = () => producer;
    consumers.set(id, consumer);
    const src = new WebRTCSrc({ signaller: consumer, stunServer: null });
    consumer.on('registered', () => {
      consumer.emit('session-started', id, 'producer');
      producer.emit('session-requested', id, id, undefined);
    });
    return { consumer, ...(await play(src, () => sink.sessions.find((session) => session.id === id))) };
  };
  for (let other = 1; other < shards; other++) await begin(`other ${other}`);
  const playing = await begin('consumer');
  for (const { sent } of [producer, playing.consumer]) sent.length = 0;
  return { producer, sink, ...playing };
}

const types = (sent: readonly SessionDescription[]): string[] => sent.map(({ type }) => type);

describe('an ICE restart by the consumer', () => {
  it.each([1, 2])(
    'loses no picture and no data channel (threads: %i)',
    async (shards) => {
      const { src, consumer, producer, hasMoved } = await permitted({ shards });
      await src.restartIce();
      await hasMoved();
      expect([types(consumer.sent), types(producer.sent)]).toEqual([['offer'], ['answer']]);
    },
    30_000,
  );

  it('that crosses one of the producer gives way to it', async () => {
    const { src, session, consumer, producer, hasMoved } = await permitted();
    consumer.hold();
    producer.hold();
    await src.restartIce();
    await session.restartIce();
    await expect.poll(() => [types(consumer.sent), types(producer.sent)], soon).toEqual([['offer'], ['offer']]);
    consumer.release();
    producer.release();
    await hasMoved();
    expect([types(consumer.sent), types(producer.sent)]).toEqual([['offer', 'answer'], ['offer']]);
  }, 30_000);

  it('that crosses an offer of something else is offered again behind that', async () => {
    const { src, sink, consumer, producer, hasMoved } = await permitted();
    consumer.hold();
    producer.hold();
    await src.restartIce();
    sink.addTrack(testVideo());
    await expect.poll(() => types(producer.sent), soon).toEqual(['offer']);
    consumer.release();
    producer.release();
    await expect.poll(() => types(consumer.sent), soon).toEqual(['offer', 'answer', 'offer']);
    await expect.poll(() => src.tracks.length, soon).toBe(2);
    await hasMoved();
  }, 30_000);

  it('is ignored by a sink whose own signaller does not permit it, and what plays goes on', async () => {
    const { src, session, consumer, producer, sink, hasMoved } = await permitted({ sinkPermits: false });
    await src.restartIce();
    // In order: once this is answered, the other has been seen.
    await session.restartIce();
    await hasMoved();
    expect([types(consumer.sent), types(producer.sent)]).toEqual([['offer', 'answer'], ['offer']]);
    expect(sink.sessions).toHaveLength(1);
  }, 30_000);
});

describe('over the default signaller', () => {
  it('the producer restarts ICE and the source follows, but the source itself may not', async () => {
    const server = await SignallingServer.listen({ host: '127.0.0.1', port: 0 });
    cleanups.push(() => server.close());
    const uri = `ws://127.0.0.1:${server.port}`;
    const sink = await produce({ signaller: { uri } });
    const src = new WebRTCSrc({ signaller: { uri }, connectToFirstProducer: true, stunServer: null });
    await expect(src.restartIce()).rejects.toMatchObject({ code: 'INVALID_STATE', message: expect.stringMatching(/no session/) });
    const { session, hasMoved } = await play(src, () => sink.sessions[0]);
    await expect(src.restartIce()).rejects.toMatchObject({ code: 'INVALID_STATE', message: expect.stringMatching(/signaller/) });
    await session.restartIce();
    await hasMoved();
  }, 30_000);
});

/** A producer that does not restart by itself, and a session of a consumer with it. */
async function withPlainProducer(options: { offersAgain: boolean; setupTimeout?: number }) {
  const srtpSender = new NodeSrtpSender();
  const producer = await Connection.create({ srtpSender, gatherLoopback: true });
  const warnings: string[] = [];
  const logger = { ...silentLogger, warn: (_: object, message = '') => void warnings.push(message), child: () => logger };
  const session = new SrcSession({
    id: 's',
    producerId: 'producer',
    offering: false,
    videoCodecs: ['VP8'],
    audioCodecs: ['OPUS'],
    retransmission: true,
    controlChannel: false,
    navigationChannel: false,
    playoutDelay: { floor: 0, ceiling: 1000 },
    connection: { srtpSender, gatherLoopback: true, disconnectedTimeout: 400 },
    setupTimeout: 30_000,
    openDecoding: () => Promise.reject(new Error('nothing is decoded here')),
    logger,
    ...options,
  });
  cleanups.push(
    () => srtpSender.close(),
    () => producer.close(),
    () => session.close(),
  );
  const said: SessionDescription[] = [];
  const ends: unknown[] = [];
  session.on('end', (...end) => ends.push(end));
  session.on('candidate', (candidate, sdpMLineIndex) => void producer.addIceCandidate({ candidate, sdpMLineIndex }));
  producer.on('icecandidate', ({ candidate, sdpMLineIndex }) =>
    session.handleCandidate(candidate, sdpMLineIndex ?? 0, undefined),
  );
  const takeOffer = async (offer: SessionDescription): Promise<void> => {
    await producer.setRemoteDescription(offer);
    const answer = await producer.createAnswer();
    await producer.setLocalDescription(answer);
    session.handleDescription(answer);
  };
  const offer = async (): Promise<void> => {
    const offer = await producer.createOffer();
    await producer.setLocalDescription(offer);
    session.handleDescription(offer);
  };
  session.on('description', (description) => {
    said.push(description);
    if (description.type === 'answer') void producer.setRemoteDescription(description);
  });
  producer.addTransceiver({ kind: 'video', direction: 'sendonly', codecs: [VP8] });
  const connected = new Promise<void>((resolve) => session.on('connected', resolve));
  await offer();
  await connected;
  return { producer, session, said, ends, warnings, offer, takeOffer };
}

describe('a source', () => {
  it('restarts ICE by itself when its path is silent', async () => {
    const ports = observeUdpPorts();
    const { session, said, ends, takeOffer } = await withPlainProducer({ offersAgain: true });
    session.on('description', (description) => void (description.type === 'offer' && takeOffer(description)));
    // As when a NAT on the way forgets: nothing comes through to the old sockets any more.
    for (const { socket } of ports) socket.removeAllListeners('message');
    await expect.poll(() => changesOf(session.getStats()), soon).toBe(2);
    expect(types(said)).toEqual(['answer', 'offer']);
    expect(ends).toEqual([]);
  }, 20_000);

  it.each([true, false])(
    'restarts ICE when its host has other addresses only where it may offer (%s)',
    async (offersAgain) => {
      const { producer, session, said, offer, takeOffer } = await withPlainProducer({ offersAgain });
      session.on('description', (description) => void (description.type === 'offer' && takeOffer(description)));
      const noticed = new Promise((resolve) => producer.on('restartneeded', resolve));
      host.addresses = ['127.0.0.2'];
      await noticed;
      if (!offersAgain) {
        producer.restartIce();
        await offer();
      }
      await expect.poll(() => changesOf(session.getStats()), soon).toBe(2);
      expect(types(said)).toEqual(offersAgain ? ['answer', 'offer'] : ['answer', 'answer']);
    },
    20_000,
  );

  it('takes an offer back that the producer does not answer, and goes on', async () => {
    const { session, said, ends, warnings, offer, takeOffer } = await withPlainProducer({
      offersAgain: true,
      setupTimeout: 1500,
    });
    await session.restartIce();
    await expect.poll(() => warnings, soon).toContain('the producer did not answer the offer of an ICE restart');
    await offer();
    await expect.poll(() => types(said), soon).toEqual(['answer', 'offer', 'answer']);
    session.on('description', (description) => void (description.type === 'offer' && takeOffer(description)));
    await session.restartIce();
    await expect.poll(() => changesOf(session.getStats()), soon).toBe(2);
    expect(ends).toEqual([]);
  }, 20_000);
});
