/**
 * What a browser has and Node has not, as far as these tests need it: a WebSocket (of `ws`, on real sockets), the event of
 * errors, and a peer connection that negotiates nothing but keeps the order a browser insists on.
 */
import { WebSocket } from 'ws';

export class FakePeerConnection extends EventTarget {
  /** All made since the last `installBrowser()`. */
  static made: FakePeerConnection[] = [];
  /** Makes the next `setRemoteDescription` fail. */
  static refuseNext: string | undefined;
  static answer = 'v=0\r\na=fmtp:96 minptime=10\r\n';

  readonly configuration: RTCConfiguration;
  readonly candidates: RTCIceCandidateInit[] = [];
  readonly channels: { label: string; closed: boolean }[] = [];
  offerOptions: RTCOfferOptions | undefined;
  remoteDescription: RTCSessionDescriptionInit | null = null;
  localDescription: RTCSessionDescriptionInit | null = null;
  connectionState = 'new';
  signalingState = 'stable';
  readonly tracks: unknown[] = [];
  closed = false;

  constructor(configuration: RTCConfiguration) {
    super();
    this.configuration = configuration;
    FakePeerConnection.made.push(this);
  }

  async setRemoteDescription(description: RTCSessionDescriptionInit): Promise<void> {
    const refusal = FakePeerConnection.refuseNext;
    FakePeerConnection.refuseNext = undefined;
    await Promise.resolve();
    if (refusal) throw new Error(refusal);
    this.remoteDescription = description;
  }

  async setLocalDescription(description: RTCSessionDescriptionInit): Promise<void> {
    this.localDescription = description;
    this.gather('candidate:early');
    await Promise.resolve();
  }

  async createAnswer(): Promise<RTCSessionDescriptionInit> {
    return { type: 'answer', sdp: FakePeerConnection.answer };
  }

  async createOffer(options: RTCOfferOptions): Promise<RTCSessionDescriptionInit> {
    this.offerOptions = options;
    return { type: 'offer', sdp: 'v=0 local offer' };
  }

  async addIceCandidate(candidate: RTCIceCandidateInit): Promise<void> {
    if (!this.remoteDescription) throw new Error('InvalidStateError: no remote description');
    this.candidates.push(candidate);
  }

  addTrack(track: unknown): void {
    this.tracks.push(track);
  }

  getSenders(): { track: unknown }[] {
    return this.tracks.map((track) => ({ track }));
  }

  createDataChannel(label: string): EventTarget {
    const record = { label, closed: false };
    this.channels.push(record);
    return Object.assign(new EventTarget(), { label, close: () => (record.closed = true) });
  }

  close(): void {
    this.closed = true;
  }

  /** The browser has found a local candidate. */
  gather(candidate: string): void {
    this.dispatchEvent(
      Object.assign(new Event('icecandidate'), { candidate: { candidate, sdpMLineIndex: 0, sdpMid: 'video0' } }),
    );
  }

  /** A track of the producer has arrived. */
  receiveTrack(streams: readonly object[]): void {
    this.dispatchEvent(Object.assign(new Event('track'), { track: { kind: 'video' }, streams }));
  }

  changeState(state: string): void {
    this.connectionState = state;
    this.dispatchEvent(new Event('connectionstatechange'));
  }
}

export class FakeMediaStream extends EventTarget {
  readonly #tracks: unknown[] = [];

  addTrack(track: unknown): void {
    this.#tracks.push(track);
  }

  getTracks(): unknown[] {
    return this.#tracks;
  }
}

class FakeErrorEvent extends Event {
  readonly message: string;
  readonly error: unknown;

  constructor(type: string, init: { message: string; error: unknown }) {
    super(type);
    this.message = init.message;
    this.error = init.error;
  }
}

/** Puts the stand-ins where a page finds the real ones. */
export function installBrowser(): void {
  FakePeerConnection.made = [];
  FakePeerConnection.refuseNext = undefined;
  Object.assign(globalThis, {
    WebSocket,
    RTCPeerConnection: FakePeerConnection,
    MediaStream: FakeMediaStream,
    ErrorEvent: FakeErrorEvent,
  });
}
