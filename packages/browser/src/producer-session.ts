/**
 * Produces a stream for whoever asks for it (reference §6.5): registers as a producer, and has a client session for each
 * consumer.
 */
import type { PeerMessage, ServerMessage } from '@tswebrtc/protocol';
import { ClientSession } from './client-session.ts';
import { GstWebRTCError } from './errors.ts';
import { type SessionEnd, SessionState } from './session-state.ts';
import { TypedEventTarget } from './typed-event-target.ts';
import type { SessionLink } from './webrtc-session.ts';

/** Events of a {@link ProducerSession}. */
export interface ProducerSessionEvents {
  /** Something failed, of the session or of one of its clients. */
  error: ErrorEvent;
  /** `state` has changed. */
  stateChanged: Event;
  /** It is over. */
  closed: Event;
  /** A consumer came; the detail is its session. */
  clientConsumerAdded: CustomEvent<ClientSession>;
  /** A consumer has gone. */
  clientConsumerRemoved: CustomEvent<ClientSession>;
}

/** @internal The session's way to the signalling server. */
export interface ProducerLink extends SessionLink {
  /** Says what this peer is from now on. False when not connected. */
  announce(roles: readonly ('listener' | 'producer')[]): boolean;
  /** The session is over: forget it. */
  releaseProducer(session: ProducerSession): void;
}

export class ProducerSession extends TypedEventTarget<ProducerSessionEvents> {
  readonly #stream: MediaStream;
  readonly #link: ProducerLink;
  /** A passive consumer to begin with. */
  readonly #consumerId: string | undefined;
  readonly #clients = new Map<string, ClientSession>();
  #state: SessionState = SessionState.idle;

  /** @internal Made by `GstWebRTCAPI.createProducerSession`. */
  constructor(stream: MediaStream, link: ProducerLink, consumerId?: string) {
    super();
    this.#stream = stream;
    this.#link = link;
    this.#consumerId = consumerId;
  }

  get stream(): MediaStream {
    return this.#stream;
  }

  get state(): SessionState {
    return this.#state;
  }

  /** Sessions of the consumers of now. Ours. */
  get clientSessions(): ClientSession[] {
    return [...this.#clients.values()];
  }

  /**
   * Registers as a producer: whoever asks gets the stream.
   * @returns whether it is on its way (or was already); false when it is closed or the server is not connected.
   */
  start(): boolean {
    if (this.#state === SessionState.closed || !this.#link.connected) return false;
    if (this.#state !== SessionState.idle) return true;
    this.#setState(SessionState.connecting);
    return this.#link.announce(['listener', 'producer']);
  }

  /** Ends all client sessions, stops the stream's tracks, and is no producer any longer. Closing twice does nothing. */
  close(): void {
    this.#finish(() => {
      for (const client of this.clientSessions) client.close();
      this.#link.announce(['listener']);
    });
  }

  /** @internal The server is gone, and all clients with it. */
  ended(end: SessionEnd): void {
    this.#finish(() => {
      for (const client of this.clientSessions) client.ended({ ...end, reason: undefined });
    });
  }

  /** @internal The server says what this peer is. */
  registered(roles: readonly string[]): void {
    if (this.#state !== SessionState.connecting || !roles.includes('producer')) return;
    this.#setState(SessionState.streaming);
    if (this.#consumerId !== undefined) this.#link.send({ type: 'startSession', peerId: this.#consumerId, offer: null });
  }

  /** @internal Takes a message if it is for this session or a client of it; returns whether it was. */
  handle(message: ServerMessage): boolean {
    switch (message.type) {
      case 'startSession':
        this.#begin(message.peerId, message.sessionId, message.offer);
        return true;
      case 'peer':
        return this.#with(message.sessionId, (client) => client.receive(message as PeerMessage));
      case 'endSession':
        return this.#with(message.sessionId, (client) => client.ended({ by: 'peer', reason: undefined }));
      case 'endSessionV1_1':
        return this.#with(message.sessionId, (client) => client.ended({ by: 'peer', reason: message.error ?? undefined }));
      case 'error': {
        const { details } = message;
        if (this.#consumerId === undefined || !details.includes(this.#consumerId)) return false;
        this.#report(new GstWebRTCError('SIGNALLING_REFUSED', `The signalling server refused: ${details}`));
        return true;
      }
      default:
        return false;
    }
  }

  #begin(peerId: string, sessionId: string, offer: string | null): void {
    if (this.#state === SessionState.closed || this.#clients.has(sessionId)) return;
    const link = linkOf(this.#link, () => this.#clients.delete(sessionId));
    const client = new ClientSession(peerId, sessionId, this.#stream, link, offer);
    this.#clients.set(sessionId, client);
    client.addEventListener('error', ({ error, message }) => {
      this.#report(error instanceof GstWebRTCError ? error : new GstWebRTCError('NEGOTIATION_FAILED', message));
    });
    client.addEventListener('closed', () => {
      this.dispatchEvent(new CustomEvent('clientConsumerRemoved', { detail: client }));
    });
    this.dispatchEvent(new CustomEvent('clientConsumerAdded', { detail: client }));
  }

  #with(sessionId: string, use: (client: ClientSession) => void): boolean {
    const client = this.#clients.get(sessionId);
    if (client) use(client);
    return client !== undefined;
  }

  #report(error: GstWebRTCError): void {
    this.dispatchEvent(new ErrorEvent('error', { message: error.message, error }));
  }

  #setState(state: SessionState): void {
    if (state <= this.#state) return;
    this.#state = state;
    this.dispatchEvent(new Event('stateChanged'));
  }

  #finish(farewell: () => void): void {
    if (this.#state === SessionState.closed) return;
    const begun = this.#state > SessionState.idle;
    for (const track of this.#stream.getTracks()) track.stop();
    if (begun) farewell();
    this.#link.releaseProducer(this);
    this.#setState(SessionState.closed);
    this.dispatchEvent(new Event('closed'));
  }
}

/** The parts of a link that a client needs. */
function linkOf(link: ProducerLink, release: () => void): SessionLink {
  return {
    get connected() {
      return link.connected;
    },
    webrtcConfig: link.webrtcConfig,
    send: (message) => link.send(message),
    requestSession: () => false,
    release,
  };
}
