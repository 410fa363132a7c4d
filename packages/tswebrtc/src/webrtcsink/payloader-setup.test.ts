/** What one consumer is sent in its own way, by what the application says: against a sink with real connections. */
import { SignallingServer } from '@tswebrtc/signalling-server';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TsWebRTCError } from '../common/errors.ts';
import { FakeEngine } from './fake-engine.testing.ts';
import type { WebRTCSinkOptions } from './options.ts';
import { type PayloaderSetup, payloadingOf } from './payloader-setup.ts';
import { TestConsumer } from './test-consumer.testing.ts';
import { testAudio, testVideo } from './tracks.ts';
import { type ConsumerSession, WebRTCSink } from './webrtcsink.ts';

const [VP8, OPUS] = [96, 97];
const PLAYOUT_DELAY = 'a=extmap:3 http://www.webrtc.org/experiments/rtp-hdrext/playout-delay';
const CAPTURE_TIME = 'a=extmap:4 http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time';
const NTP_64 = 'a=extmap:8 urn:ietf:params:rtp-hdrext:ntp-64';

let server: SignallingServer;
let engine: FakeEngine;
let sink: WebRTCSink | undefined;
const consumers: TestConsumer[] = [];

beforeEach(async () => {
  server = await SignallingServer.listen({ host: '127.0.0.1', port: 0 });
  engine = new FakeEngine();
});

afterEach(async () => {
  await Promise.all(consumers.splice(0).map((consumer) => consumer.close()));
  await sink?.close();
  await server.close();
});

async function start(options: WebRTCSinkOptions): Promise<WebRTCSink> {
  const uri = `ws://127.0.0.1:${server.port}`;
  sink = new WebRTCSink({ engine, signaller: { uri }, stunServer: null, videoCodecs: ['VP8'], ...options });
  sink.addTrack(testVideo());
  sink.addTrack(testAudio());
  await sink.start();
  return sink;
}

/** A consumer that takes every header extension that it is offered, as it takes the codecs. */
async function watch(): Promise<{ consumer: TestConsumer; offer: () => string }> {
  const offer = (): string => {
    const message = consumer.messages.find((other) => other.type === 'peer' && 'sdp' in other);
    return message?.type === 'peer' && 'sdp' in message ? message.sdp.sdp : '';
  };
  const consumer: TestConsumer = await TestConsumer.watch(`ws://127.0.0.1:${server.port}`, {
    mungeAnswer: (sdp) => {
      const offered = offer().split(/^(?=m=)/m);
      const sections = sdp.split(/^(?=m=)/m);
      return sections.map((section, i) => withExtensions(section, i === 0 ? '' : offered[i]!)).join('');
    },
  });
  consumers.push(consumer);
  return { consumer, offer };
}

function withExtensions(section: string, offered: string): string {
  const missing = offered.split('\r\n').filter((line) => line.startsWith('a=extmap:') && !section.includes(line));
  return section + missing.map((line) => `${line}\r\n`).join('');
}

const of = (consumer: TestConsumer, type: number): TestConsumer['packets'] =>
  consumer.packets.filter(({ payloadType }) => payloadType === type);
const playing = (consumer: TestConsumer): Promise<void> =>
  consumer.until(() => [VP8, OPUS].every((type) => of(consumer, type).length > 20), 'packets arrive');
const idsOf = (consumer: TestConsumer, type: number): number[] =>
  [...new Set(of(consumer, type).flatMap(({ extensions }) => extensions))].sort();

describe('payloaderSetup', () => {
  it('gives one consumer other packets than the rest, by track', async () => {
    const asked: unknown[] = [];
    let favoured: string | undefined;
    const payloaderSetup: PayloaderSetup = (peerId, trackName, payloader) => {
      favoured ??= peerId;
      asked.push([peerId === favoured, trackName, payloader.kind, payloader.codecs[0]]);
      if (peerId !== favoured) return;
      if (trackName === 'audio_0') {
        payloader.ntp64 = true;
        payloader.transportCc = false;
        return;
      }
      payloader.playoutDelay = [0, 100];
      payloader.absCaptureTime = true;
      payloader.seqnumOffset = 0;
      payloader.timestampOffset = 0;
      payloader.mtu = 600;
    };
    await start({ payloaderSetup });
    const first = await watch();
    await playing(first.consumer);
    const second = await watch();
    await playing(second.consumer);

    const sound = { name: 'opus', clockRate: 48_000 };
    const picture = { name: 'VP8', clockRate: 90_000 };
    expect(asked).toEqual([
      [true, 'video_0', 'video', picture],
      [true, 'audio_0', 'audio', sound],
      [false, 'video_0', 'video', picture],
      [false, 'audio_0', 'audio', sound],
    ]);
    const [, video, audio] = first.offer().split(/^(?=m=)/m) as [string, string, string];
    expect(video).toContain(PLAYOUT_DELAY);
    expect(video).toContain(CAPTURE_TIME);
    expect(video).toContain('transport-cc');
    expect(audio).toContain(NTP_64);
    expect(audio).not.toContain('transport');
    for (const line of [PLAYOUT_DELAY, CAPTURE_TIME, NTP_64]) expect(second.offer()).not.toContain(line);

    expect(idsOf(first.consumer, VP8)).toEqual([1, 3, 4]);
    expect(idsOf(first.consumer, OPUS)).toEqual([8]);
    expect(idsOf(second.consumer, VP8)).toEqual([1]);
    expect(idsOf(second.consumer, OPUS)).toEqual([1]);

    const begins = of(first.consumer, VP8)[0]!;
    expect(begins.sequenceNumber).toBe(0);
    // The fake engine's timestamps begin with its encodings.
    expect(begins.timestamp).toBeLessThan(90_000 * 60);
    const largest = (consumer: TestConsumer): number => Math.max(...of(consumer, VP8).map(({ length }) => length));
    expect(largest(first.consumer)).toBeLessThanOrEqual(600 + 8);
    expect(largest(second.consumer)).toBeGreaterThan(1000);
    // Packets of another size are another encoding's; sound has the same for both.
    expect(engine.encodings.map(({ codec }) => codec).sort()).toEqual(['OPUS', 'VP8', 'VP8']);
  });

  it('leaves the rest to the properties, or leaves them out where it returns true', async () => {
    let calls = 0;
    await start({
      playoutDelay: [10, 20],
      absCaptureTime: true,
      mtu: 700,
      payloaderSetup: (_peer, trackName) => trackName === 'video_0' && calls++ > 0,
    });
    const first = await watch();
    await playing(first.consumer);
    const second = await watch();
    await playing(second.consumer);
    const [configured, bare] = [first, second].map(({ offer }) => offer().split(/^(?=m=)/m)[1]!) as [string, string];
    expect([configured.includes(PLAYOUT_DELAY), configured.includes(CAPTURE_TIME)]).toEqual([true, true]);
    expect([bare.includes(PLAYOUT_DELAY), bare.includes(CAPTURE_TIME)]).toEqual([false, false]);
    const largest = (consumer: TestConsumer): number => Math.max(...of(consumer, VP8).map(({ length }) => length));
    expect(largest(first.consumer)).toBeLessThanOrEqual(700 + 8);
    expect(largest(second.consumer)).toBeGreaterThan(1000);
  });

  it('ends the session, and it alone, where it sets what cannot be', async () => {
    let calls = 0;
    const own = await start({
      payloaderSetup: (_peer, _track, payloader) => {
        if (calls++ === 0) payloader.mtu = 9000;
      },
    });
    const errors: TsWebRTCError[] = [];
    const removed: ConsumerSession[] = [];
    own.on('error', (error) => errors.push(error));
    own.on('consumer-removed', (session) => removed.push(session));
    const { consumer } = await watch();
    await consumer.until(() => removed.length > 0, 'the session ends');
    expect(errors).toEqual([
      expect.objectContaining({
        code: 'INVALID_OPTION',
        message: 'mtu that payloaderSetup set of video_0 is 9000, but it must be a whole number from 576 to 1400 (bytes).',
      }),
    ]);
    await playing((await watch()).consumer);
  });
});

describe('what payloaderSetup may set', () => {
  const resolve = (written: object, referenceClock: string | null = null): unknown =>
    payloadingOf(
      {
        ...{ peerId: 'peer', congestionControl: 'gcc', playoutDelay: null, absCaptureTime: true, mtu: 1200, referenceClock },
        payloaderSetup: (_peer, _track, payloader) => void Object.assign(payloader, written),
      },
      { name: 'audio_1', kind: 'audio' },
      [{ name: 'opus', clockRate: 48_000 }],
    );

  it.each([
    [{ seqnumOffset: 32_768 }, 'seqnumOffset that payloaderSetup set of audio_1 is 32768, but'],
    [{ timestampOffset: -1 }, 'timestampOffset that payloaderSetup set of audio_1 is -1, but'],
    [{ playoutDelay: [100, 0] }, 'playoutDelay that payloaderSetup set of audio_1 is [100,0], but it must be two times'],
    [{ transportCc: 'no' }, 'transportCc that payloaderSetup set of audio_1 is "no", but it must be true or false.'],
    [{ mut: 1000 }, 'payloaderSetup set mut of audio_1, but what it can set is mtu, transportCc,'],
    [{ ntp64: true, absCaptureTime: true }, 'payloaderSetup set both ntp64 and absCaptureTime of audio_1'],
  ])('is checked: %o', (written, sentence) => {
    expect(() => resolve(written)).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringContaining(sentence) }),
    );
  });

  it('has no say in timestamps that count from the beginning of a clock', () => {
    expect(() => resolve({ timestampOffset: 5 }, 'ntp=10.0.0.1')).toThrow('whose timestamps count from the beginning');
    expect(resolve({ timestampOffset: 5 }, 'local')).toMatchObject({ timestampOffset: 5 });
  });

  it('puts the NTP time into the place of the capture time', () => {
    expect(resolve({ ntp64: true })).toMatchObject({ ntp64: true, absCaptureTime: false });
    expect(resolve({ ntp64: false })).toMatchObject({ ntp64: false, absCaptureTime: true });
  });
});
