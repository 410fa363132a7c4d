import type { ClientMessage, ServerMessage } from '@tswebrtc/protocol';
import { beforeEach, describe, expect, it } from 'vitest';
import { FakeMediaStream, FakePeerConnection, installBrowser } from './browser.testing.ts';
import type { ClientSession } from './client-session.ts';
import { ProducerSession } from './producer-session.ts';
import { SessionState } from './session-state.ts';

let sent: (ClientMessage | { roles: readonly string[] })[];
let stopped: string[];
let released: number;

function create(consumerId?: string): { session: ProducerSession; events: string[]; clients: ClientSession[] } {
  const stream = new FakeMediaStream();
  for (const kind of ['video', 'audio']) stream.addTrack({ kind, stop: () => stopped.push(kind) });
  const link = {
    connected: true,
    webrtcConfig: {},
    send: (message: ClientMessage) => sent.push(message) > 0,
    requestSession: () => false,
    release: () => {},
    announce: (roles: readonly ('listener' | 'producer')[]) => sent.push({ roles }) > 0,
    releaseProducer: () => released++,
  };
  const session = new ProducerSession(stream as unknown as MediaStream, link, consumerId);
  const events: string[] = [];
  const clients: ClientSession[] = [];
  session.addEventListener('stateChanged', () => events.push(`state ${session.state}`));
  session.addEventListener('error', ({ message }) => events.push(`error ${message}`));
  session.addEventListener('closed', () => events.push('closed'));
  session.addEventListener('clientConsumerAdded', ({ detail }) => {
    clients.push(detail);
    events.push(`added ${detail.peerId}`);
  });
  session.addEventListener('clientConsumerRemoved', ({ detail }) => events.push(`removed ${detail.peerId}`));
  return { session, events, clients };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const connection = (): FakePeerConnection => FakePeerConnection.made.at(-1)!;
const ask = (peerId: string, offer: string | null = null): ServerMessage => ({
  type: 'startSession',
  peerId,
  sessionId: `of-${peerId}`,
  offer,
});

beforeEach(() => {
  installBrowser();
  sent = [];
  stopped = [];
  released = 0;
});

describe('a producer session', () => {
  it('registers, and is streaming when the server says so', () => {
    const { session, events } = create();
    expect(session.start()).toBe(true);
    expect(session.start()).toBe(true);
    session.registered(['listener']);
    expect(session.state).toBe(SessionState.connecting);
    session.registered(['listener', 'producer']);
    expect(sent).toEqual([{ roles: ['listener', 'producer'] }]);
    expect(events).toEqual(['state 1', 'state 2']);
  });

  it('offers its tracks to each who asks, one connection each, and takes answers and candidates', async () => {
    const { session, events, clients } = create();
    session.start();
    session.registered(['producer']);
    expect(session.handle(ask('a'))).toBe(true);
    expect(session.handle(ask('b'))).toBe(true);
    await settled();
    expect(FakePeerConnection.made).toHaveLength(2);
    expect(FakePeerConnection.made.map(({ tracks }) => tracks.length)).toEqual([2, 2]);
    for (const sessionId of ['of-a', 'of-b']) {
      // The offer, and only then what was found for it.
      expect(sent.filter((message) => 'sessionId' in message && message.sessionId === sessionId)).toEqual([
        { type: 'peer', sessionId, sdp: { type: 'offer', sdp: 'v=0 local offer' } },
        { type: 'peer', sessionId, ice: { candidate: 'candidate:early', sdpMLineIndex: 0 } },
      ]);
    }
    session.handle({ type: 'peer', sessionId: 'of-b', sdp: { type: 'answer', sdp: 'v=0 answer' } });
    session.handle({ type: 'peer', sessionId: 'of-b', ice: { candidate: 'candidate:x', sdpMLineIndex: 0 } });
    await settled();
    expect(connection().remoteDescription).toEqual({ type: 'answer', sdp: 'v=0 answer' });
    expect(connection().candidates).toEqual([{ candidate: 'candidate:x', sdpMLineIndex: 0 }]);
    expect(session.clientSessions).toEqual(clients);

    session.handle({ type: 'endSession', sessionId: 'of-a' });
    expect(session.clientSessions).toHaveLength(1);
    expect(events.slice(2)).toEqual(['added a', 'added b', 'removed a']);
    expect(session.handle({ type: 'endSession', sessionId: 'of-a' })).toBe(false);
  });

  it('answers who makes the offer', async () => {
    const { session } = create();
    session.start();
    session.handle(ask('a', 'v=0 theirs'));
    await settled();
    expect(connection().remoteDescription).toEqual({ type: 'offer', sdp: 'v=0 theirs' });
    expect(connection().tracks).toHaveLength(2);
    expect(sent[1]).toMatchObject({ type: 'peer', sdp: { type: 'answer' } });
  });

  it('offers anew when the application adds a track', async () => {
    const { session } = create();
    session.start();
    session.handle(ask('a'));
    await settled();
    const before = sent.length;
    connection().dispatchEvent(new Event('negotiationneeded'));
    await settled();
    expect(sent.slice(before)).toContainEqual(expect.objectContaining({ sdp: { type: 'offer', sdp: 'v=0 local offer' } }));
  });

  it('loses one client that fails, and no other', async () => {
    const { session, events } = create();
    session.start();
    session.handle(ask('a'));
    session.handle(ask('b'));
    await settled();
    connection().changeState('failed');
    expect(session.clientSessions.map(({ peerId }) => peerId)).toEqual(['a']);
    expect(events.at(-2)).toMatch(/^error No network path to b/);
    expect(sent.slice(-2)).toMatchObject([
      { type: 'endSessionV1_1', sessionId: 'of-b' },
      { type: 'endSession', sessionId: 'of-b' },
    ]);
  });

  it('begins with a passive consumer once it is registered', () => {
    const { session } = create('screen');
    session.start();
    session.registered(['listener', 'producer']);
    expect(sent.at(-1)).toEqual({ type: 'startSession', peerId: 'screen', offer: null });
    expect(session.handle({ type: 'error', details: 'no peer screen' })).toBe(true);
  });

  it('ends its clients, its tracks and its role when it is closed, and takes nobody any more', async () => {
    const { session, events } = create();
    session.start();
    session.handle(ask('a'));
    await settled();
    session.close();
    session.close();
    expect(stopped).toEqual(['video', 'audio']);
    expect(sent.slice(-2)).toEqual([{ type: 'endSession', sessionId: 'of-a' }, { roles: ['listener'] }]);
    expect(events.slice(-3)).toEqual(['removed a', 'state 3', 'closed']);
    expect(released).toBe(1);
    expect(session.start()).toBe(false);
    session.handle(ask('b'));
    expect(session.clientSessions).toEqual([]);
  });

  it('ends with the server', async () => {
    const { session } = create();
    session.start();
    session.handle(ask('a'));
    await settled();
    session.ended({ by: 'signalling', reason: 'gone' });
    expect(session.state).toBe(SessionState.closed);
    expect(connection().closed).toBe(true);
  });
});
