/** Data channels between the main thread and a shard's, without the threads: messages cross when the test lets them. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Emitter } from '../../common/emitter.ts';
import { TsWebRTCError } from '../../common/errors.ts';
import { silentLogger } from '../../common/logger.ts';
import type { DataChannel, DataChannelEvents } from '../../connection/transport/types.ts';
import type { SessionEvents } from '../session-types.ts';
import type { FromChannel, FromSession, SessionReplies, ToChannel, ToSession } from './messages.ts';
import { RemoteChannels } from './remote-channels.ts';
import { WorkerChannels } from './worker/worker-channels.ts';

class FakeChannel extends Emitter<DataChannelEvents> implements DataChannel {
  readonly id = 0;
  readyState: DataChannel['readyState'] = 'open';
  bufferedAmount = 0;
  readonly label: string;

  constructor(label: string) {
    super();
    this.label = label;
  }

  async send(data: string | Uint8Array): Promise<void> {
    this.bufferedAmount += data.length;
  }

  async close(): Promise<void> {
    this.readyState = 'closed';
    this.emit('close');
  }

  receive(data: string | Uint8Array): void {
    this.emit('message', data);
  }
}

class FakeSession extends Emitter<SessionEvents> {
  readonly id = 's';
  readonly made: FakeChannel[] = [];
  refuses = false;

  createDataChannel(label: string): DataChannel {
    if (this.refuses) throw new TsWebRTCError('INVALID_STATE', 'the connection is closed; make a new one for a data channel');
    const channel = new FakeChannel(label);
    this.made.push(channel);
    return channel;
  }

  announce(channel: FakeChannel): void {
    this.emit('datachannel', channel);
  }
}

let session: FakeSession;
let remote: RemoteChannels;
let announced: DataChannel[];
/** What the thread said, and what of it the main thread has not heard. */
let said: FromSession[];
let underway: FromSession[];
let onAnnounced: (channel: DataChannel) => void;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate'] });
  session = new FakeSession();
  [said, underway, announced] = [[], [], []];
  onAnnounced = (channel) => announced.push(channel);
  const replies = new Map<number, (value: never) => void>();
  const worker = new WorkerChannels(
    session,
    (message) => {
      said.push(message);
      if (message.type === 'reply') replies.get(message.request)!(message.value as never);
      else underway.push(message);
    },
    silentLogger,
  );
  remote = new RemoteChannels({
    id: 's',
    post: (message) => worker.handle(message as ToChannel),
    request: <K extends keyof SessionReplies>(message: (request: number) => ToSession) =>
      new Promise<SessionReplies[K] | undefined>((resolve) => {
        const request = replies.size;
        replies.set(request, resolve);
        worker.handle(message(request) as ToChannel);
      }),
    onAnnounced: (channel) => onAnnounced(channel),
  });
});

afterEach(() => void vi.useRealTimers());

function cross(): void {
  for (const message of underway.splice(0)) remote.handle(message as FromChannel);
  vi.runAllTicks();
}

const messages = () => said.filter(({ type }) => type === 'channel-message');

describe('a data channel of a session in another thread', () => {
  it('closes where the peer has ended its data channels, and nothing else ends', () => {
    session.refuses = true;
    const channel = remote.create('late', undefined);
    const closed = vi.fn();
    channel.on('close', closed);
    cross();
    expect(closed).toHaveBeenCalledOnce();
    expect(channel.readyState).toBe('closed');
  });

  it('says how much waits in it, also when nothing is sent any more', async () => {
    const channel = remote.create('file', undefined);
    cross();
    await channel.send('12345');
    expect(channel.bufferedAmount).toBe(5);
    session.made[0]!.bufferedAmount = 2;
    vi.advanceTimersByTime(20);
    cross();
    expect(channel.bufferedAmount).toBe(2);
    session.made[0]!.bufferedAmount = 0;
    vi.advanceTimersByTime(20);
    cross();
    expect(channel.bufferedAmount).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('brings what it receives from its beginning on, and only while somebody listens', () => {
    const heard: unknown[] = [];
    const theirs = new FakeChannel('theirs');
    session.announce(theirs);
    theirs.receive('first');
    onAnnounced = (channel) => channel.on('message', (data) => heard.push(data));
    cross();
    theirs.receive('second');
    cross();
    expect(heard).toEqual(['first', 'second']);

    onAnnounced = (channel) => announced.push(channel);
    const unheard = new FakeChannel('unheard');
    session.announce(unheard);
    cross();
    vi.runAllTimers();
    unheard.receive('nobody');
    expect(messages()).toHaveLength(2);
    announced[0]!.once('message', (data) => heard.push(data));
    unheard.receive('third');
    cross();
    vi.runAllTimers();
    unheard.receive('nobody again');
    expect(messages()).toHaveLength(3);
    expect(heard).toEqual(['first', 'second', 'third']);
  });

  it('is closed when its messages come faster than they are heard, and not while they are', () => {
    const heard = vi.fn();
    onAnnounced = (channel) => channel.on('message', heard);
    const theirs = new FakeChannel('theirs');
    session.announce(theirs);
    const data = new Uint8Array(1 << 20);
    for (let i = 0; i < 40; i++) {
      theirs.receive(data);
      cross();
    }
    expect(heard).toHaveBeenCalledTimes(40);
    for (let i = 0; i < 40; i++) theirs.receive(data);
    expect(theirs.readyState).toBe('closed');
    expect(messages()).toHaveLength(40 + 15);
  });
});
