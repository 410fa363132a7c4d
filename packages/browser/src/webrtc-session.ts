/**
 * What all sessions have in common (reference §6.5): identity, state, the peer connection, and an orderly end. Descriptions
 * and candidates are applied one after the other, whatever order their promises settle in.
 */
import type { ClientMessage, PeerMessage } from '@tswebrtc/protocol';
import { GstWebRTCError, messageOf } from './errors.ts';
import { type SessionEnd, SessionState } from './session-state.ts';
import { TypedEventTarget } from './typed-event-target.ts';

/** Events of every session. */
export interface WebRTCSessionEvents {
  /** Something failed; `closed` follows. */
  error: ErrorEvent;
  /** `state` has changed. */
  stateChanged: Event;
  /** `rtcPeerConnection` was created or is gone. */
  rtcPeerConnectionChanged: Event;
  /** The session is over; the detail says why. */
  closed: CustomEvent<SessionEnd>;
}

/** @internal The session's way to the signalling server. */
export interface SessionLink {
  readonly connected: boolean;
  readonly webrtcConfig: RTCConfiguration;
  /** False when not connected. */
  send(message: ClientMessage): boolean;
  /** Asks for a session with the producer; the answer arrives as `sessionStarted`. False when not connected. */
  requestSession(session: object, producerId: string, offer: string | null): boolean;
  /** The session is over: forget it. */
  release(session: object): void;
}

/** A remote candidate that comes before the description it belongs to waits here; a peer that sends more is at fault. */
const MAX_EARLY_CANDIDATES = 256;

export abstract class WebRTCSession<
  Events extends WebRTCSessionEvents & { [K in keyof Events]: Event } = WebRTCSessionEvents,
> extends TypedEventTarget<Events> {
  readonly #peerId: string;
  /** @internal */
  protected readonly link: SessionLink;
  #sessionId = '';
  #state: SessionState = SessionState.idle;
  #connection: RTCPeerConnection | null = null;
  #end: SessionEnd | null = null;
  #operations: Promise<void> = Promise.resolve();
  #describedLocally = false;
  #localCandidates: RTCIceCandidate[] = [];
  #earlyCandidates: RTCIceCandidateInit[] = [];

  /** @internal Sessions are made by the API. */
  constructor(peerId: string, link: SessionLink) {
    super();
    this.#peerId = peerId;
    this.link = link;
  }

  /** Id of the other peer. */
  get peerId(): string {
    return this.#peerId;
  }

  /** Id of the session, `''` until the server has named it. */
  get sessionId(): string {
    return this.#sessionId;
  }

  get state(): SessionState {
    return this.#state;
  }

  /** The underlying connection while there is one. */
  get rtcPeerConnection(): RTCPeerConnection | null {
    return this.#connection;
  }

  /** Who ended the session and why; null before that. */
  get end(): SessionEnd | null {
    return this.#end;
  }

  /** Ends the session, here and at the other peer. Closing twice does nothing. */
  close(): void {
    this.#finish({ by: 'application', reason: undefined }, [{ type: 'endSession', sessionId: this.#sessionId }]);
  }

  /** @internal The server has named the session. */
  started(sessionId: string): void {
    if (this.#state === SessionState.closed) return;
    this.#sessionId = sessionId;
    this.#flushLocalCandidates();
  }

  /** @internal The session is over by the doing of others. */
  ended(end: SessionEnd): void {
    if (this.#state === SessionState.closed) return;
    if (end.reason !== undefined) this.#announce(new GstWebRTCError('SESSION_ENDED', end.reason));
    this.#finish(end, []);
  }

  /** @internal A description or candidate of the other peer. */
  receive(message: PeerMessage): void {
    if (this.#state === SessionState.closed) return;
    const { sdp, ice } = message as { sdp?: RTCSessionDescriptionInit; ice?: RTCIceCandidateInit };
    if (sdp) this.enqueue(() => this.#describedRemotely(sdp));
    else if (ice) this.enqueue(() => this.#addCandidate(ice));
  }

  /** @internal Reports a failure and ends the session because of it, at the other peer too. */
  fail(error: GstWebRTCError): void {
    if (this.#state === SessionState.closed) return;
    this.#announce(error);
    const { message } = error;
    // Servers before protocol 1.1 (release 0.15 of the reference) drop an end with a reason and need the plain one; to others the
    // session is unknown by then, and they drop that.
    this.#finish({ by: 'failure', reason: message }, [
      { type: 'endSessionV1_1', sessionId: this.#sessionId, error: message },
      { type: 'endSession', sessionId: this.#sessionId },
    ]);
  }

  /** What to do with a description of the other peer. */
  protected abstract onRemoteDescription(description: RTCSessionDescriptionInit): Promise<void>;

  /** Called once, before the connection is closed and the last events are fired. */
  protected onClosing(): void {}

  protected setState(state: SessionState): void {
    if (state <= this.#state) return;
    this.#state = state;
    this.dispatchEvent(new Event('stateChanged'));
  }

  protected get closed(): boolean {
    return this.#state === SessionState.closed;
  }

  /** Runs `operation` after all earlier ones; its failure ends the session, and nothing runs once the session is over. */
  protected enqueue(operation: () => Promise<void>): void {
    this.#operations = this.#operations.then(async () => {
      if (this.closed) return;
      try {
        await operation();
      } catch (cause) {
        const text = `The session with ${this.#peerId} could not be negotiated: ${messageOf(cause)}`;
        this.fail(cause instanceof GstWebRTCError ? cause : new GstWebRTCError('NEGOTIATION_FAILED', text, { cause }));
      }
    });
  }

  /** Creates the peer connection. */
  protected createConnection(): RTCPeerConnection {
    const connection = new RTCPeerConnection(this.link.webrtcConfig);
    this.#connection = connection;
    connection.addEventListener('icecandidate', ({ candidate }) => {
      if (!candidate || this.closed) return;
      this.#localCandidates.push(candidate);
      this.#flushLocalCandidates();
    });
    connection.addEventListener('connectionstatechange', () => {
      if (connection.connectionState !== 'failed') return;
      const text = `No network path to ${this.#peerId} works any longer; check firewalls and the ICE servers.`;
      this.fail(new GstWebRTCError('CONNECTION_FAILED', text));
    });
    this.dispatchEvent(new Event('rtcPeerConnectionChanged'));
    return connection;
  }

  /** The other peer has been sent the local description: candidates may follow it. */
  protected describedLocally(): void {
    this.#describedLocally = true;
    this.#flushLocalCandidates();
  }

  async #describedRemotely(description: RTCSessionDescriptionInit): Promise<void> {
    await this.onRemoteDescription(description);
    for (const candidate of this.#earlyCandidates.splice(0)) await this.#connection?.addIceCandidate(candidate);
  }

  /** An empty candidate text says that no more will come, which is what it says to the browser, too. */
  async #addCandidate(candidate: RTCIceCandidateInit): Promise<void> {
    if (this.#connection?.remoteDescription) await this.#connection.addIceCandidate(candidate);
    else if (this.#earlyCandidates.length < MAX_EARLY_CANDIDATES) this.#earlyCandidates.push(candidate);
  }

  #flushLocalCandidates(): void {
    if (!this.#sessionId || !this.#describedLocally) return;
    for (const candidate of this.#localCandidates.splice(0)) {
      const sdpMLineIndex = candidate.sdpMLineIndex ?? 0;
      this.link.send({ type: 'peer', sessionId: this.#sessionId, ice: { candidate: candidate.candidate, sdpMLineIndex } });
    }
  }

  #announce(error: GstWebRTCError): void {
    this.dispatchEvent(new ErrorEvent('error', { message: error.message, error }));
  }

  #finish(end: SessionEnd, farewell: readonly ClientMessage[]): void {
    if (this.closed) return;
    const begun = this.#state > SessionState.idle;
    this.#end = end;
    if (begun && this.#sessionId) for (const message of farewell) this.link.send(message);
    this.#localCandidates = [];
    this.#earlyCandidates = [];
    this.link.release(this);
    this.setState(SessionState.closed);
    this.onClosing();
    if (this.#connection) {
      this.#connection.close();
      this.#connection = null;
      this.dispatchEvent(new Event('rtcPeerConnectionChanged'));
    }
    this.dispatchEvent(new CustomEvent('closed', { detail: end }));
  }
}
