import { SignallingServer } from '@tswebrtc/signalling-server';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TsWebRTCError } from '../common/errors.ts';
import type { InboundFrame } from '../rtp/receive/inbound-stream.ts';
import { FakeEngine } from '../webrtcsink/fake-engine.testing.ts';
import type { WebRTCSinkOptions } from '../webrtcsink/options.ts';
import { testAudio, testVideo } from '../webrtcsink/tracks.ts';
import { WebRTCSink } from '../webrtcsink/webrtcsink.ts';
import type { WebRTCSrcOptions } from './properties.ts';
import type { SrcTrack } from './src-track.ts';
import { WebRTCSrc } from './webrtcsrc.ts';

let server: SignallingServer;
let uri: string;
let engine: FakeEngine;
const cleanups: (() => Promise<void>)[] = [];

beforeEach(async () => {
  server = await SignallingServer.listen({ host: '127.0.0.1', port: 0 });
  uri = `ws://127.0.0.1:${server.port}`;
  engine = new FakeEngine();
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await server.close();
});

/** A producer of a picture and a tone; returns its id. */
async function produce(videos = 1, options: WebRTCSinkOptions = {}): Promise<{ sink: WebRTCSink; id: string }> {
  const sink = new WebRTCSink({ engine, signaller: { uri }, stunServer: null, videoCodecs: ['VP8'], ...options });
  cleanups.push(() => sink.close());
  for (let i = 0; i < videos; i++) sink.addTrack(testVideo());
  sink.addTrack(testAudio());
  const registered = new Promise<string>((resolve) => sink.on('registered', resolve));
  await sink.start();
  return { sink, id: await registered };
}

/** A source, and what it told. */
function consume(options: WebRTCSrcOptions = {}) {
  const src = new WebRTCSrc({ signaller: { uri }, connectToFirstProducer: true, stunServer: null, ...options });
  cleanups.push(() => src.close());
  const tracks: SrcTrack[] = [];
  const ended: unknown[] = [];
  const errors: TsWebRTCError[] = [];
  src.on('track', (track) => tracks.push(track));
  src.on('session-ended', (_, reason, error) => ended.push([reason, error?.message]));
  src.on('error', (error) => errors.push(error));
  return { src, tracks, ended, errors };
}

/** The next `count` frames of a track. */
async function take(track: SrcTrack, count: number): Promise<InboundFrame[]> {
  const frames: InboundFrame[] = [];
  for await (const frame of track.frames()) {
    frames.push(frame);
    if (frames.length === count) break;
  }
  return frames;
}

const ascending = (frames: readonly InboundFrame[]): boolean =>
  frames.every(({ timestamp }, i) => i === 0 || timestamp > frames[i - 1]!.timestamp);
const arrived = (tracks: readonly SrcTrack[], count: number): Promise<void> =>
  expect.poll(() => tracks.length, { timeout: 10_000 }).toBe(count);

describe('WebRTCSrc', () => {
  it('takes the first producer and has a track of each medium, whose frames come in order from a keyframe on', async () => {
    await produce();
    const { src, tracks, errors } = consume();
    await src.start();
    await arrived(tracks, 2);
    expect(tracks.map(({ name, kind, codec }) => [name, kind, codec])).toEqual([
      ['video_0', 'video', 'VP8'],
      ['audio_0', 'audio', 'opus'],
    ]);
    const [video, audio] = await Promise.all(tracks.map((track) => take(track, 30)));
    expect(video![0]!.keyframe).toBe(true);
    expect([video!, audio!].map(ascending)).toEqual([true, true]);
    expect(video![0]!.data.length).toBeGreaterThanOrEqual(2500);
    expect(audio![0]!.data).toHaveLength(160);
    const stats = [...(await src.getStats()).values()].filter(({ type }) => type === 'inbound-rtp');
    expect(stats.map(({ kind, packetsLost }) => [kind, packetsLost])).toEqual([
      ['video', 0],
      ['audio', 0],
    ]);
    expect(tracks[0]!.stats).toMatchObject({ packetsLost: 0, gaps: 0 });
    expect(errors).toEqual([]);
  });

  it('takes the producer named in its URI, with all of its tracks', async () => {
    await produce();
    const { id } = await produce(2);
    const { src, tracks } = consume({
      connectToFirstProducer: false,
      signaller: { uri: `gstwebrtc://127.0.0.1:${server.port}?peer-id=${id}` },
    });
    await src.start();
    await arrived(tracks, 3);
    expect(src.producerId).toBe(id);
    expect(tracks.map(({ name }) => name)).toEqual(['video_0', 'video_1', 'audio_0']);
    for (const track of tracks) expect(ascending(await take(track, 10))).toBe(true);
    expect(new Set(tracks.map(({ mid }) => mid)).size).toBe(3);
  });

  it('makes the offer where it is told to, and says goodbye by the name that the server gave the session', async () => {
    const { sink } = await produce();
    const removed = new Promise<string>((resolve) => sink.on('consumer-removed', (_, reason) => resolve(reason)));
    const { src, tracks, errors } = consume({ makeOffer: true });
    await src.start();
    await arrived(tracks, 2);
    expect(tracks.map(({ name, codec }) => [name, codec])).toEqual([
      ['video_0', 'VP8'],
      ['audio_0', 'opus'],
    ]);
    for (const track of tracks) expect(ascending(await take(track, 20))).toBe(true);
    await src.close();
    expect(await removed).toBe('ended');
    expect(errors).toEqual([]);
  });

  it('waits for a producer, and comes back when it goes and another comes', async () => {
    const { src, tracks, ended } = consume();
    await src.start();
    expect(tracks).toEqual([]);
    const first = await produce();
    await arrived(tracks, 2);
    const rest = take(tracks[0]!, 1_000_000);
    await take(tracks[0]!, 5);
    await first.sink.close();
    await expect.poll(() => ended.length, { timeout: 10_000 }).toBe(1);
    // Who reads learns of the end, and has what came before.
    expect((await rest).length).toBeGreaterThan(0);
    expect(tracks.every((track) => track.ended)).toBe(true);
    expect(src.tracks).toEqual([]);
    const second = await produce();
    await arrived(tracks, 4);
    expect(src.producerId).toBe(second.id);
    expect(ascending(await take(tracks[2]!, 10))).toBe(true);
  });

  it('plays on without the signalling server', async () => {
    await produce();
    const { src, tracks, ended } = consume();
    await src.start();
    await arrived(tracks, 2);
    await take(tracks[0]!, 3);
    const { port } = server;
    await server.close();
    expect(ascending(await take(tracks[0]!, 50))).toBe(true);
    server = await SignallingServer.listen({ host: '127.0.0.1', port });
    await new Promise<void>((resolve) => src.on('registered', () => resolve()));
    expect(ascending(await take(tracks[0]!, 20))).toBe(true);
    expect(ended).toEqual([]);
  });

  it('asks for a keyframe when the application does', async () => {
    await produce();
    const { src, tracks } = consume();
    await src.start();
    await arrived(tracks, 2);
    await take(tracks[0]!, 30);
    let keyframes = 0;
    tracks[0]!.on('frame', ({ keyframe }) => keyframe && keyframes++);
    tracks[0]!.requestKeyframe();
    await expect.poll(() => keyframes, { timeout: 5000 }).toBeGreaterThan(0);
  });

  it('takes only the codecs it is told to, and says when that leaves nothing', async () => {
    await produce();
    const { src, errors, ended, tracks } = consume({ videoCodecs: ['AV1'], audioCodecs: null });
    await src.start();
    await expect.poll(() => ended.length, { timeout: 10_000 }).toBe(1);
    expect(errors[0]).toMatchObject({ code: 'NO_COMMON_CODEC' });
    expect(tracks).toEqual([]);
    const soundOnly = consume({ videoCodecs: null });
    await soundOnly.src.start();
    await arrived(soundOnly.tracks, 1);
    expect(soundOnly.tracks[0]!.kind).toBe('audio');
  });

  it('tries again where the named producer is not there', async () => {
    const { src, errors, tracks } = consume({ connectToFirstProducer: false, signaller: { uri, producerPeerId: 'nobody' } });
    await src.start();
    await expect.poll(() => errors.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(2);
    expect(new Set(errors.map(({ code }) => code))).toEqual(new Set(['SIGNALLING_REFUSED']));
    expect(tracks).toEqual([]);
  });

  it('ends when it is closed, and tells the producer', async () => {
    const { sink } = await produce();
    const removed = new Promise<string>((resolve) => sink.on('consumer-removed', (_, reason) => resolve(reason)));
    const { src, tracks, ended } = consume();
    await src.start();
    await arrived(tracks, 2);
    const reading = take(tracks[1]!, 1_000_000);
    await src.close();
    await reading;
    expect(ended).toEqual([['shutdown', undefined]]);
    expect(await removed).toBe('ended');
  });

  it('refuses options that cannot be, and a second start', async () => {
    expect(() => new WebRTCSrc({ videoCodecs: ['VP7' as 'VP8'] })).toThrow(/names the codec "VP7"/);
    expect(() => new WebRTCSrc({ minPlayoutDelay: 500, maxPlayoutDelay: 100 })).toThrow(/must not exceed/);
    expect(() => new WebRTCSrc({ signaller: { uri: 'http://x' } })).toThrow(/signaller\.uri/);
    expect(() => new WebRTCSrc('http://x')).toThrow(/signaller\.uri/);
    const { src } = consume();
    await src.start();
    await expect(src.start()).rejects.toMatchObject({ code: 'INVALID_STATE' });
    const aborted = consume();
    await expect(aborted.src.start({ signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'TsWebRTCError' });
  });
});

describe('an encoded filter', () => {
  it('changes frames before they are packetised, or leaves them out', async () => {
    const asked: string[] = [];
    const requestEncodedFilter: WebRTCSinkOptions['requestEncodedFilter'] = (track, codec) => {
      asked.push(`${track} ${codec}`);
      if (codec !== 'OPUS') return null;
      let count = 0;
      return ({ data }) => (count++ % 2 ? null : Uint8Array.of(...data.subarray(0, 20), 7));
    };
    await produce(1, { requestEncodedFilter });
    const { src, tracks } = consume();
    await src.start();
    await arrived(tracks, 2);
    const frames = await take(tracks.find(({ kind }) => kind === 'audio')!, 5);
    expect(frames.map(({ data }) => [data.length, data.at(-1)])).toEqual(Array(5).fill([21, 7]));
    expect(asked.sort()).toEqual(['audio_0 OPUS', 'video_0 VP8']);
  });
});

describe('the time codes of a producer', () => {
  it('are told with the track they are of', async () => {
    await produce(1, { enableControlDataChannel: true, forwardMetas: ['timecode'] });
    const { src } = consume({ enableControlDataChannel: true });
    const told: [string, string | undefined][] = [];
    src.on('info', ({ meta }, track) => told.push([`${meta.hours}:${meta.minutes}:${meta.seconds}:${meta.frames}`, track?.name]));
    await src.start();
    await expect.poll(() => told.length, { timeout: 20_000 }).toBeGreaterThan(10);
    expect(new Set(told.map(([, track]) => track))).toEqual(new Set(['video_0']));
    expect(new Set(told.map(([code]) => code)).size).toBe(told.length);
  });
});

describe('the clock of the producer', () => {
  it.each([
    ['local', { reference: 'local', media: 'sender' }],
    ['ntp=time.example.org:123', { reference: 'ntp=time.example.org', media: 'direct=0' }],
    [
      'ptp=IEEE1588-2008:39-A7-94-FF-FE-07-CB-D0:4',
      { reference: 'ptp=IEEE1588-2008:39-a7-94-ff-fe-07-cb-d0:4', media: 'direct=0' },
    ],
  ])('%s is told by it', async (referenceClock, clock) => {
    await produce(1, { doClockSignalling: true, referenceClock });
    const { src, tracks } = consume();
    await src.start();
    await arrived(tracks, 2);
    expect(tracks.map((track) => track.clock)).toEqual([clock, clock]);
  });

  it('is not told unless asked for, and none that cannot be', async () => {
    await produce();
    const { src, tracks } = consume();
    await src.start();
    await arrived(tracks, 2);
    expect(tracks[0]!.clock).toBeUndefined();
    for (const referenceClock of ['', 'ntp', 'ntp=', 'ntp=a:70000', 'ptp=IEEE1588-2008:00-11', 'gps']) {
      expect(() => new WebRTCSink({ referenceClock }), referenceClock).toThrow('Option referenceClock');
    }
  });
});

describe('events to the producer', () => {
  it.each([{ makeOffer: false }, { makeOffer: true }])(
    'reach it with the track that is meant, and are answered (%j)',
    async (options) => {
      const { sink } = await produce(1, { enableControlDataChannel: true });
      const heard: unknown[] = [];
      sink.on('navigation', ({ event, modifier_state }, { tracks }) => heard.push([event, modifier_state, tracks]));
      sink.on('custom-upstream-event', (name, structure, { tracks, refuse }) => {
        heard.push([name, structure, tracks]);
        if (name === 'unwanted') refuse('not today');
      });
      const { src, tracks } = consume({ enableControlDataChannel: true, ...options });
      await src.start();
      await arrived(tracks, 2);
      // In order, though the channel may still have to open for the first.
      const first = src.sendNavigation({ event: 'MouseMove', x: 1, y: 2 });
      const second = src.sendCustomUpstreamEvent('example/on', { on: true }, { track: 'audio_0' });
      await Promise.all([first, second]);
      await expect(src.sendCustomUpstreamEvent('unwanted', {}, { track: tracks[0]! })).rejects.toMatchObject({
        code: 'REQUEST_REFUSED',
        message: expect.stringContaining('not today'),
      });
      expect(heard).toEqual([
        ['MouseMove', '', ['video_0', 'audio_0']],
        ['example/on', { on: true }, ['audio_0']],
        ['unwanted', {}, ['video_0']],
      ]);
      await expect(src.sendNavigation({ event: 'MouseMove', x: Number.NaN, y: 2 })).rejects.toThrow('"x"');
      await expect(src.sendCustomUpstreamEvent('a', { b: null })).rejects.toThrow('"b" that is null');
      await expect(src.sendNavigation({ event: 'TouchFrame' }, { track: 'video_7' })).rejects.toThrow('video_0, audio_0');
      const late = src.sendNavigation({ event: 'TouchFrame' });
      const settled = expect(late).resolves.toBeUndefined();
      await settled;
      await src.close();
      await expect(src.sendNavigation({ event: 'TouchFrame' })).rejects.toMatchObject({ code: 'INVALID_STATE' });
    },
  );

  it('go over the older channel where that alone is enabled, and nowhere where none is', async () => {
    const { sink } = await produce(1, { enableDataChannelNavigation: true });
    const heard: string[] = [];
    sink.on('navigation', (event) => heard.push(event.event));
    const { src, tracks } = consume({ enableDataChannelNavigation: true });
    await src.start();
    await arrived(tracks, 2);
    await src.sendNavigation({ event: 'KeyPress', key: 'a' });
    await expect.poll(() => heard, { timeout: 10_000 }).toEqual(['KeyPress']);
    await expect(src.sendCustomUpstreamEvent('a', {})).rejects.toThrow('enableControlDataChannel');
    await expect(consume().src.sendNavigation({ event: 'TouchFrame' })).rejects.toThrow('enableControlDataChannel');
  });

  it('are given up with the session', async () => {
    // The producer has no such channel, so they wait.
    const { sink } = await produce();
    const { src, tracks } = consume({ enableControlDataChannel: true });
    await src.start();
    await arrived(tracks, 2);
    const refused = expect(src.sendNavigation({ event: 'TouchFrame' })).rejects.toMatchObject({ code: 'INVALID_STATE' });
    await sink.close();
    await refused;
  });
});
