import type { ClientMessage } from '@tswebrtc/protocol';
import { beforeEach, describe, expect, it } from 'vitest';
import { FakeMediaStream, FakePeerConnection, installBrowser } from './browser.testing.ts';
import { ConsumerSession } from './consumer-session.ts';
import { ConsumerSessions } from './consumer-sessions.ts';
import type { GstWebRTCError } from './errors.ts';
import { SessionState } from './session-state.ts';
import type { SessionLink } from './webrtc-session.ts';

const OFFER = 'v=0\r\na=fmtp:96 sprop-stereo=1\r\n';

let sent: ClientMessage[];
let online: boolean;
let sessions: ConsumerSessions;

function create(producerId = 'cam', offerOptions: RTCOfferOptions | null = null): { session: ConsumerSession; events: string[] } {
  const link: SessionLink = {
    get connected() {
      return online;
    },
    webrtcConfig: {},
    send: (message) => sent.push(message) > 0,
    requestSession: (session, id, offer) => sessions.request(session as ConsumerSession, id, offer),
    release: (session) => sessions.release(session as ConsumerSession),
  };
  const session = new ConsumerSession(producerId, link, offerOptions);
  sessions.add(session);
  const events: string[] = [];
  for (const name of ['stateChanged', 'rtcPeerConnectionChanged', 'streamsChanged'] as const) {
    session.addEventListener(name, () => events.push(name));
  }
  session.addEventListener('error', (event) => events.push(`error ${(event.error as GstWebRTCError).code}: ${event.message}`));
  session.addEventListener('closed', (event) => events.push(`closed by ${event.detail.by}`));
  return { session, events };
}

/** Lets everything that is under way without a timer come to rest. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const connection = (): FakePeerConnection => FakePeerConnection.made.at(-1)!;

async function play(session: ConsumerSession, sessionId = 's1'): Promise<void> {
  session.connect();
  sessions.handle({ type: 'sessionStarted', peerId: session.peerId, sessionId });
  sessions.handle({ type: 'peer', sessionId, sdp: { type: 'offer', sdp: OFFER } });
  await settled();
}

beforeEach(() => {
  installBrowser();
  sent = [];
  online = true;
  sessions = new ConsumerSessions((message) => online && sent.push(message) > 0);
});

describe('the producer offers', () => {
  it('answers, then sends its candidates, and streams with the first track', async () => {
    const { session, events } = create();
    expect(session.connect()).toBe(true);
    expect(session.connect()).toBe(true);
    expect(session.state).toBe(SessionState.connecting);
    sessions.handle({ type: 'sessionStarted', peerId: 'cam', sessionId: 's1' });
    expect(session.sessionId).toBe('s1');
    sessions.handle({ type: 'peer', sessionId: 's1', ice: { candidate: 'candidate:remote', sdpMLineIndex: 0 } });
    sessions.handle({ type: 'peer', sessionId: 's1', sdp: { type: 'offer', sdp: OFFER } });
    sessions.handle({ type: 'peer', sessionId: 's1', ice: { candidate: '', sdpMLineIndex: 0 } });
    await settled();
    connection().gather('candidate:late');
    expect(sent).toEqual([
      { type: 'startSession', peerId: 'cam', offer: null },
      { type: 'peer', sessionId: 's1', sdp: { type: 'answer', sdp: FakePeerConnection.answer } },
      { type: 'peer', sessionId: 's1', ice: { candidate: 'candidate:early', sdpMLineIndex: 0 } },
      { type: 'peer', sessionId: 's1', ice: { candidate: 'candidate:late', sdpMLineIndex: 0 } },
    ]);
    expect(connection().candidates.map((candidate) => candidate.candidate)).toEqual(['candidate:remote', '']);

    const stream = new FakeMediaStream();
    connection().receiveTrack([stream]);
    connection().receiveTrack([stream]);
    expect(session.streams).toEqual([stream]);
    expect(session.state).toBe(SessionState.streaming);
    expect(events).toEqual(['stateChanged', 'rtcPeerConnectionChanged', 'stateChanged', 'streamsChanged']);
  });

  it('answers later offers on the same connection', async () => {
    const { session } = create();
    await play(session);
    sessions.handle({ type: 'peer', sessionId: 's1', sdp: { type: 'offer', sdp: 'v=0 again' } });
    await settled();
    expect(FakePeerConnection.made).toHaveLength(1);
    expect(sent.filter((message) => 'sdp' in message)).toHaveLength(2);
    expect(connection().remoteDescription?.sdp).toBe('v=0 again');
  });

  it('shows tracks that belong to no stream', async () => {
    const { session } = create();
    await play(session);
    connection().receiveTrack([]);
    connection().receiveTrack([]);
    expect(session.streams).toHaveLength(1);
    expect(session.streams[0]?.getTracks()).toHaveLength(2);
  });

  it('asks for stereo when told to', async () => {
    const { session } = create();
    session.mungeStereoHack = true;
    await play(session);
    expect(connection().localDescription?.sdp).toContain('a=fmtp:96 minptime=10;stereo=1');
  });
});

describe('the consumer offers', () => {
  it('sends its offer with the request and keeps its candidates until the session has a name', async () => {
    const { session } = create('cam', { offerToReceiveVideo: true });
    session.connect();
    await settled();
    expect(connection().offerOptions).toEqual({ offerToReceiveVideo: true });
    expect(connection().channels).toEqual([{ label: 'control', closed: false }]);
    expect(sent).toEqual([{ type: 'startSession', peerId: 'cam', offer: 'v=0 local offer' }]);
    sessions.handle({ type: 'sessionStarted', peerId: 'cam', sessionId: 's1' });
    sessions.handle({ type: 'peer', sessionId: 's1', sdp: { type: 'answer', sdp: 'v=0 answer' } });
    await settled();
    expect(connection().remoteDescription).toEqual({ type: 'answer', sdp: 'v=0 answer' });
    expect(sent.at(-1)).toEqual({ type: 'peer', sessionId: 's1', ice: { candidate: 'candidate:early', sdpMLineIndex: 0 } });
    session.close();
    expect(connection().channels[0]?.closed).toBe(true);
  });
});

describe('the end', () => {
  it('is told to the other side, once, and in the order of the reference', async () => {
    const { session, events } = create();
    await play(session);
    events.length = 0;
    session.close();
    session.close();
    expect(sent.filter((message) => message.type === 'endSession')).toEqual([{ type: 'endSession', sessionId: 's1' }]);
    expect(events).toEqual(['stateChanged', 'rtcPeerConnectionChanged', 'closed by application']);
    expect(connection().closed).toBe(true);
    expect(session.rtcPeerConnection).toBeNull();
    expect(session.connect()).toBe(false);
    expect(sessions.find('cam')).toBeUndefined();
  });

  it('carries the reason of the producer', async () => {
    const { session, events } = create();
    await play(session);
    sessions.handle({ type: 'endSessionV1_1', sessionId: 's1', error: 'encoder failed' });
    expect(events).toContain('error SESSION_ENDED: encoder failed');
    expect(session.end).toEqual({ by: 'peer', reason: 'encoder failed' });
    expect(sent.some((message) => message.type.startsWith('endSession'))).toBe(false);
  });

  it('comes with a sentence when the description is bad, and the producer hears it too', async () => {
    const { session, events } = create();
    const { session: bystander } = create('other');
    FakePeerConnection.refuseNext = 'no such codec';
    await play(session);
    const reason = 'The session with cam could not be negotiated: no such codec';
    expect(events).toContain(`error NEGOTIATION_FAILED: ${reason}`);
    // The second is for servers that do not know the first.
    expect(sent.slice(-2)).toEqual([
      { type: 'endSessionV1_1', sessionId: 's1', error: reason },
      { type: 'endSession', sessionId: 's1' },
    ]);
    await play(bystander, 's2');
    expect(bystander.rtcPeerConnection).not.toBeNull();
  });

  it('comes when an answer fits no offer', async () => {
    const { session } = create();
    session.connect();
    sessions.handle({ type: 'sessionStarted', peerId: 'cam', sessionId: 's1' });
    sessions.handle({ type: 'peer', sessionId: 's1', sdp: { type: 'answer', sdp: 'v=0' } });
    await settled();
    expect(session.end?.reason).toBe('cam answered an offer that was never made.');
  });

  it('comes when the network path is gone', async () => {
    const { session } = create();
    await play(session);
    connection().changeState('disconnected');
    expect(session.state).toBe(SessionState.connecting);
    connection().changeState('failed');
    expect(session.end?.by).toBe('failure');
  });

  it('comes when the server refuses the producer, and to that session alone', () => {
    const { session, events } = create('gone-producer');
    const { session: other } = create('cam');
    session.connect();
    other.connect();
    expect(sessions.handle({ type: 'error', details: 'No producer with ID: gone-producer' })).toBe(true);
    expect(events).toContain('error SIGNALLING_REFUSED: The signalling server refused: No producer with ID: gone-producer');
    expect(session.state).toBe(SessionState.closed);
    expect(other.state).toBe(SessionState.connecting);
    expect(sessions.handle({ type: 'error', details: 'something else' })).toBe(false);
  });

  it('reaches the producer of a session that was closed before it had a name', () => {
    const { session: first } = create();
    first.connect();
    first.close();
    const { session: second } = create();
    second.connect();
    sessions.handle({ type: 'sessionStarted', peerId: 'cam', sessionId: 's1' });
    sessions.handle({ type: 'sessionStarted', peerId: 'cam', sessionId: 's2' });
    expect(sent.at(-1)).toEqual({ type: 'endSession', sessionId: 's1' });
    expect(second.sessionId).toBe('s2');
  });

  it('comes at once when there is no server to ask', () => {
    const { session, events } = create();
    online = false;
    expect(session.connect()).toBe(false);
    expect(events).toEqual([]);
    expect(session.state).toBe(SessionState.idle);
  });
});
