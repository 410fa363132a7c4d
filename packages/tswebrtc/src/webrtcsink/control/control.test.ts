/** What consumers send over data channels reaches the application, and its answer them, wherever the session lives. */
import { SignallingServer } from '@tswebrtc/signalling-server';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DataChannel } from '../../connection/transport/types.ts';
import { FakeEngine } from '../fake-engine.testing.ts';
import type { WebRTCSinkOptions } from '../options.ts';
import { TestConsumer } from '../test-consumer.testing.ts';
import { testAudio, testVideo } from '../tracks.ts';
import { type ConsumerSession, type UpstreamContext, WebRTCSink } from '../webrtcsink.ts';
import { MessageAllowance } from './message-allowance.ts';

let server: SignallingServer;
let sink: WebRTCSink;
const consumers: Viewer[] = [];

interface Viewer {
  readonly consumer: TestConsumer;
  readonly channels: Map<string, DataChannel>;
  /** Messages of each, as they came. */
  readonly heard: Map<string, unknown[]>;
}

beforeEach(async () => {
  server = await SignallingServer.listen({ host: '127.0.0.1', port: 0 });
});

afterEach(async () => {
  await Promise.all(consumers.splice(0).map(({ consumer }) => consumer.close()));
  await sink.close();
  await server.close();
});

async function start(options: Partial<WebRTCSinkOptions>, listen: (sink: WebRTCSink) => void = () => {}): Promise<void> {
  const signaller = { uri: `ws://127.0.0.1:${server.port}` };
  sink = new WebRTCSink({ engine: new FakeEngine(), signaller, stunServer: null, videoCodecs: ['VP8'], shards: 2, ...options });
  sink.addTrack(testVideo());
  sink.addTrack(testAudio());
  listen(sink);
  await sink.start();
}

/** Joins, and resolves when the channels with these labels are open. */
async function join(labels: readonly string[], offers?: (label: string) => void): Promise<Viewer> {
  const channels = new Map<string, DataChannel>();
  const heard = new Map<string, unknown[]>();
  const watch = (channel: DataChannel): void => {
    channels.set(channel.label, channel);
    heard.set(channel.label, []);
    channel.on('message', (data) => heard.get(channel.label)!.push(data));
  };
  const consumer = await TestConsumer.watch(`ws://127.0.0.1:${server.port}`, {
    onConnection: (connection) => {
      connection.on('datachannel', watch);
      if (offers) watch(connection.createDataChannel('control'));
    },
    ...(offers ? { offer: (sdp: string) => sdp } : {}),
  });
  const viewer = { consumer, channels, heard };
  consumers.push(viewer);
  await consumer.until(
    () => labels.every((label) => channels.get(label)?.readyState === 'open'),
    `channels ${labels} open`,
    25_000,
  );
  return viewer;
}

const click = { event: 'MouseButtonPress', button: 1, x: 12.5, y: 40, modifier_state: 'shift-mask' } as const;
const navigation = (id: number, fields: object = {}): string =>
  JSON.stringify({ id, request: { type: 'navigationEvent', event: click }, ...fields });

async function ask({ consumer, channels, heard }: Viewer, text: string): Promise<unknown> {
  const messages = heard.get('control')!;
  const { length } = messages;
  await channels.get('control')!.send(text);
  await consumer.until(() => messages.length > length, 'an answer');
  return JSON.parse(String(messages[length]));
}

// A thread takes its time to start on a busy machine.
describe('a sink with the control channel, in two threads', { timeout: 60_000 }, () => {
  it('tells navigation and custom events with their tracks, and answers each request', async () => {
    const heard: [string, unknown, UpstreamContext][] = [];
    await start({ enableControlDataChannel: true }, () => {
      sink.on('navigation', (event, context) => heard.push(['navigation', event, context]));
      sink.on('custom-upstream-event', (name, structure, context) => {
        heard.push([name, structure, context]);
        if (name === 'unwanted') context.refuse('not here');
      });
    });
    for (const viewer of [await join(['control']), await join(['control'])]) {
      heard.length = 0;
      const response = (id: number, error: unknown) => ({ type: 'ControlResponseMessage', id, error });
      expect(await ask(viewer, navigation(0, { mid: 'video0' }))).toEqual(response(0, null));
      expect(await ask(viewer, navigation(1, { mid: null }))).toEqual(response(1, null));
      const custom = (structureName: string) => ({ type: 'customUpstreamEvent', structureName, structure: { on: false } });
      expect(await ask(viewer, navigation(2, { request: custom('example/enabled') }))).toEqual(response(2, null));
      expect(await ask(viewer, navigation(3, { request: custom('unwanted') }))).toEqual(response(3, 'not here'));
      expect(heard.map(([name, event, { mid, tracks }]) => [name, event, mid, tracks])).toEqual([
        ['navigation', click, 'video0', ['video_0']],
        ['navigation', click, null, ['video_0', 'audio_0']],
        ['example/enabled', { on: false }, null, ['video_0', 'audio_0']],
        ['unwanted', { on: false }, null, ['video_0', 'audio_0']],
      ]);
      expect(new Set(heard.map(([, , { session }]) => session.id))).toEqual(new Set([viewer.consumer.sessionId]));
      // What cannot be is answered where it can be, and ends nothing.
      expect(await ask(viewer, navigation(4, { mid: 'video7' }))).toEqual(response(4, expect.stringContaining('video7')));
      for (const garbage of ['', '{', '[]', '{"id":"x"}', '\u0000', 'x'.repeat(100_000)])
        await viewer.channels.get('control')!.send(garbage);
      await viewer.channels.get('control')!.send(new Uint8Array(70_000));
      expect(await ask(viewer, '{"id":5,"request":{"type":"dance"}}')).toEqual(response(5, expect.any(String)));
      expect(await ask(viewer, navigation(6))).toEqual(response(6, null));
    }
  });

  it('says that nobody handles what nobody listens to', async () => {
    await start({ enableControlDataChannel: true });
    expect(await ask(await join(['control']), navigation(9))).toMatchObject({ id: 9, error: expect.stringContaining('Nobody') });
  });

  it('serves the control channel of a consumer that makes the offer', async () => {
    const heard: unknown[] = [];
    await start({ enableControlDataChannel: true }, () => sink.on('navigation', (event) => heard.push(event)));
    const viewer = await join(['control'], () => {});
    expect(await ask(viewer, navigation(0))).toMatchObject({ id: 0, error: null });
    expect(heard).toEqual([click]);
  });

  it('tells events of the older channel, of video alone where none is named, and answers none', async () => {
    const heard: [string, readonly string[]][] = [];
    await start({ enableDataChannelNavigation: true, enableControlDataChannel: true }, () => {
      sink.on('navigation', ({ event }, { tracks }) => heard.push([event, tracks]));
    });
    const viewer = await join(['input', 'control']);
    expect(viewer.channels.get('input')!.id).toBeLessThan(viewer.channels.get('control')!.id!);
    await viewer.channels.get('input')!.send(JSON.stringify(click));
    await viewer.channels.get('input')!.send('garbage');
    await viewer.channels.get('input')!.send(JSON.stringify({ mid: 'audio1', event: 'TouchFrame', modifier_state: '' }));
    await viewer.consumer.until(() => heard.length === 2, 'two events');
    expect(heard).toEqual([
      ['MouseButtonPress', ['video_0']],
      ['TouchFrame', ['audio_0']],
    ]);
    expect(viewer.heard.get('input')).toEqual([]);
  });

  it('has neither channel unless asked for', async () => {
    await start({});
    const viewer = await join([]);
    await viewer.consumer.until(() => viewer.consumer.connection?.state === 'connected', 'connected');
    expect(viewer.consumer.connection!.remoteMedia.map(({ kind }) => kind)).toEqual(['video', 'audio']);
  });
});

describe('data channels of the application', { timeout: 60_000 }, () => {
  it('are opened by either side and carry text and bytes both ways', async () => {
    const sessions: ConsumerSession[] = [];
    const log: unknown[] = [];
    await start({}, () => {
      sink.on('consumer-added', (session) => {
        sessions.push(session);
        const mine = session.createDataChannel('mine', { ordered: false });
        mine.on('open', () => mine.send('hello'));
        mine.on('message', (data) => log.push(typeof data === 'string' ? data : [...data]));
        mine.on('close', () => log.push('mine closed'));
        session.on('datachannel', (channel) => {
          channel.on('message', (data) => channel.send(`${channel.label}: ${String(data)}`));
        });
      });
    });
    for (const viewer of [await join(['mine']), await join(['mine'])]) {
      const { consumer, channels, heard } = viewer;
      log.length = 0;
      await consumer.until(() => heard.get('mine')!.length === 1, 'a hello');
      expect(heard.get('mine')).toEqual(['hello']);
      await channels.get('mine')!.send('text');
      await channels.get('mine')!.send(new Uint8Array([1, 2, 3]));
      await consumer.until(() => log.length === 2, 'text and bytes');
      expect(log).toEqual(['text', [1, 2, 3]]);

      const theirs = consumer.connection!.createDataChannel('theirs');
      const echoed: unknown[] = [];
      theirs.on('message', (data) => echoed.push(data));
      theirs.on('open', () => theirs.send('ping'));
      await consumer.until(() => echoed.length > 0, 'an echo');
      expect(echoed).toEqual(['theirs: ping']);

      await channels.get('mine')!.close();
      await consumer.until(() => log.includes('mine closed'), 'the end of the channel');
    }
    // A later one needs no new offer.
    sessions[1]!.createDataChannel('late');
    const { consumer, channels } = consumers[1]!;
    await consumer.until(() => channels.get('late')?.readyState === 'open', 'a later channel');
    expect(() => sessions[0]!.createDataChannel('x', { maxRetransmits: 1, maxPacketLifeTime: 1 })).toThrow('not both');
  });
});

describe('the first data channel of a running session', () => {
  it('is offered', async () => {
    const sessions: ConsumerSession[] = [];
    await start({ shards: 1 }, () => sink.on('consumer-added', (session) => sessions.push(session)));
    const viewer = await join([]);
    await viewer.consumer.until(() => viewer.consumer.connection?.state === 'connected', 'connected');
    const channel = sessions[0]!.createDataChannel('late');
    await viewer.consumer.until(() => viewer.channels.get('late')?.readyState === 'open', 'the channel opens');
    await viewer.consumer.until(() => channel.readyState === 'open', 'at both ends');
  });

  it('is in the first offer with all that come before its answer', async () => {
    const sessions: ConsumerSession[] = [];
    await start({ shards: 1 }, () => {
      sink.on('consumer-added', (session) => {
        sessions.push(session);
        session.createDataChannel('first');
      });
    });
    let second: DataChannel | undefined;
    const consumer = await TestConsumer.watch(`ws://127.0.0.1:${server.port}`, {
      mungeAnswer: (sdp) => {
        second ??= sessions[0]!.createDataChannel('second');
        return sdp;
      },
    });
    consumers.push({ consumer, channels: new Map(), heard: new Map() });
    await consumer.until(() => second?.readyState === 'open', 'the second channel opens');
    expect(consumer.offers).toHaveLength(1);
  });
});

describe('the allowance of messages', () => {
  it('lets a burst through, then a thousand a second, and counts what it did not', () => {
    const allowance = new MessageAllowance();
    const taken = (now: number): number => {
      let count = 0;
      for (let i = 0; i < 5000; i++) if (allowance.take(now, 200)) count++;
      return count;
    };
    expect(taken(0)).toBe(2000);
    expect(allowance.takeRefused(0)).toBe(3000);
    expect(taken(500)).toBe(500);
    // Told at most once a second, and nothing is left out.
    expect(allowance.takeRefused(999)).toBe(0);
    expect(allowance.takeRefused(1000)).toBe(4500);
    expect(taken(60_500)).toBe(2000);
  });

  it('counts bytes: the longest messages are fewer', () => {
    const allowance = new MessageAllowance();
    const taken = (now: number): number => {
      let count = 0;
      for (let i = 0; i < 100; i++) if (allowance.take(now, 64 << 10)) count++;
      return count;
    };
    expect(taken(0)).toBe(16);
    expect(taken(1000)).toBe(8);
  });
});
