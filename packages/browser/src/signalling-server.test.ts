/** The library and the project's signalling server, over a real socket. */
import { encodeClientMessage } from '@tswebrtc/protocol';
import { SignallingServer } from '@tswebrtc/signalling-server';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { FakePeerConnection, installBrowser } from './browser.testing.ts';
import { GstWebRTCAPI } from './gst-webrtc-api.ts';
import type { Peer } from './peer-registry.ts';
import { SessionState } from './session-state.ts';

let server: SignallingServer;
let api: GstWebRTCAPI;

/** A producer that says it is one, and nothing else. */
function announceProducer(name: string): WebSocket {
  const socket = new WebSocket(server.urls[0] as string);
  socket.on('open', () => socket.send(encodeClientMessage({ type: 'setPeerStatus', roles: ['producer'], meta: { name } })));
  return socket;
}

const connected = (): Promise<string> =>
  new Promise((resolve) => {
    api.registerConnectionListener({ connected: resolve, disconnected() {} });
  });
const told = (method: 'producerAdded' | 'producerRemoved'): Promise<Peer> =>
  new Promise((resolve) => {
    api.registerPeerListener({ producerRemoved() {}, [method]: resolve });
  });

beforeEach(async () => {
  installBrowser();
  server = await SignallingServer.listen({ host: '127.0.0.1', port: 0 });
  api = new GstWebRTCAPI({ signalingServerUrl: server.urls[0] as string });
});

afterEach(async () => {
  api.close();
  await server.close();
});

describe('with the signalling server of the project', () => {
  it('a producer comes, is asked for its media, and goes', async () => {
    await connected();
    const added = told('producerAdded');
    const producer = announceProducer('Door');
    const requested = new Promise<{ peerId: string; sessionId: string }>((resolve) => {
      producer.on('message', (data) => {
        const message = JSON.parse(data.toString());
        if (message.type === 'startSession') resolve(message);
      });
    });
    const peer = await added;
    expect(peer.meta).toEqual({ name: 'Door' });
    const session = api.createConsumerSession(peer.id)!;
    const closed = new Promise((resolve) => session.addEventListener('closed', ({ detail }) => resolve(detail)));
    session.connect();
    const request = await requested;
    expect(request.peerId).toBe(api.clientId);
    const { sessionId } = request;
    producer.send(JSON.stringify({ type: 'setPeerStatus', roles: [], meta: null }));
    expect(await closed).toEqual({ by: 'peer', reason: undefined });
    expect(session.sessionId).toBe(sessionId);
    expect(api.getAvailableProducers()).toEqual([]);
    producer.close();
  });

  it('gives the ICE servers that it was asked for to every connection', async () => {
    await server.close();
    const iceServers = { urls: ['stun:stun.example.org', 'turn:turn.example.org'], secret: 's', ttl: 1 };
    server = await SignallingServer.listen({ port: 0, iceServers });
    api.close();
    api = new GstWebRTCAPI({
      signalingServerUrl: server.urls[0] as string,
      webrtcConfig: { iceServers: [{ urls: 'stun:own' }], bundlePolicy: 'max-bundle' },
      requestIceServers: true,
    });
    const configured = new Promise<RTCConfiguration>((resolve) => {
      api.registerPeerListener({
        producerRemoved() {},
        producerAdded({ id }) {
          const session = api.createConsumerSessionWithOfferOptions(id, {})!;
          session.addEventListener('rtcPeerConnectionChanged', () => {
            if (session.rtcPeerConnection) resolve(FakePeerConnection.made.at(-1)!.configuration);
          });
          session.connect();
        },
      });
    });
    const producer = announceProducer('Door');
    expect(await configured).toEqual({
      iceServers: [
        { urls: 'stun:own' },
        { urls: ['stun:stun.example.org'] },
        { urls: ['turn:turn.example.org'], username: expect.stringContaining(api.clientId), credential: expect.any(String) },
      ],
      bundlePolicy: 'max-bundle',
    });
    producer.close();
  });

  it('a token in the query reaches the server and no message', async () => {
    api.close();
    api = new GstWebRTCAPI({ signalingServerUrl: 'ws://127.0.0.1:9/?access_token=secret' });
    const failure = new Promise<string>((resolve) => {
      api.registerConnectionListener({ connected() {}, disconnected() {}, connectionError: ({ message }) => resolve(message) });
    });
    expect(await failure).toMatch(/^The signalling server ws:\/\/127\.0\.0\.1:9\/ could not be reached/);
  });

  it('a session with a stranger is refused in one sentence, and only that session ends', async () => {
    await connected();
    const session = api.createConsumerSession('no-such-producer')!;
    const failure = new Promise<string>((resolve) => session.addEventListener('error', ({ message }) => resolve(message)));
    session.connect();
    expect(await failure).toMatch(/^The signalling server refused: .*no-such-producer/);
    expect(session.state).toBe(SessionState.closed);
    expect(api.connected).toBe(true);
  });

  it('a producer killed without goodbye is gone', async () => {
    await connected();
    const added = told('producerAdded');
    const producer = announceProducer('Door');
    const peer = await added;
    const removed = told('producerRemoved');
    producer.terminate();
    expect(await removed).toBe(peer);
  });
});
