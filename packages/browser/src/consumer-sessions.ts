/**
 * Routes messages to consumer sessions. The server answers requests in order but names only the producer, so requests are
 * remembered first in, first out; a session closed while its request was under way is ended as soon as the server names it,
 * or the producer would go on sending to nobody.
 */
import type { ClientMessage, ServerMessage } from '@tswebrtc/protocol';
import type { ConsumerSession } from './consumer-session.ts';
import { GstWebRTCError } from './errors.ts';
import type { SessionEnd } from './session-state.ts';

interface Request {
  readonly producerId: string;
  readonly session: ConsumerSession;
}

export class ConsumerSessions {
  readonly #send: (message: ClientMessage) => boolean;
  readonly #open = new Set<ConsumerSession>();
  readonly #started = new Map<string, ConsumerSession>();
  #requests: Request[] = [];

  constructor(send: (message: ClientMessage) => boolean) {
    this.#send = send;
  }

  /** The session with `producerId` that is not over, if there is one. */
  find(producerId: string): ConsumerSession | undefined {
    return [...this.#open].find((session) => session.peerId === producerId);
  }

  add(session: ConsumerSession): void {
    this.#open.add(session);
  }

  request(session: ConsumerSession, producerId: string, offer: string | null): boolean {
    if (!this.#send({ type: 'startSession', peerId: producerId, offer })) return false;
    this.#requests.push({ producerId, session });
    return true;
  }

  release(session: ConsumerSession): void {
    this.#open.delete(session);
    if (this.#started.get(session.sessionId) === session) this.#started.delete(session.sessionId);
  }

  /** Takes a message if it is for a consumer session; returns whether it was. */
  handle(message: ServerMessage): boolean {
    switch (message.type) {
      case 'sessionStarted':
        this.#sessionStarted(message.peerId, message.sessionId);
        return true;
      case 'peer': {
        const session = this.#started.get(message.sessionId);
        session?.receive(message);
        return session !== undefined;
      }
      case 'endSession':
        return this.#sessionEnded(message.sessionId, undefined);
      case 'endSessionV1_1':
        return this.#sessionEnded(message.sessionId, message.error ?? undefined);
      case 'error':
        return this.#refused(message.details);
      default:
        return false;
    }
  }

  /** Closes all sessions, at the producers too. */
  closeAll(): void {
    for (const session of [...this.#open]) session.close();
  }

  /** The server is gone, and all sessions with it. */
  endAll(end: SessionEnd): void {
    this.#requests = [];
    for (const session of [...this.#open]) session.ended(end);
  }

  #sessionStarted(producerId: string, sessionId: string): void {
    const request = this.#take((candidate) => candidate.producerId === producerId);
    if (!request || !this.#open.has(request.session)) {
      this.#send({ type: 'endSession', sessionId });
      return;
    }
    this.#started.set(sessionId, request.session);
    request.session.started(sessionId);
  }

  #sessionEnded(sessionId: string, error: string | undefined): boolean {
    const session = this.#started.get(sessionId);
    session?.ended({ by: 'peer', reason: error });
    return session !== undefined;
  }

  /** An error names the ids it is about, and nothing else links it to what caused it. */
  #refused(details: string): boolean {
    const request = this.#take(({ producerId }) => details.includes(producerId));
    const session = request?.session ?? [...this.#started].find(([sessionId]) => details.includes(sessionId))?.[1];
    session?.fail(new GstWebRTCError('SIGNALLING_REFUSED', `The signalling server refused: ${details}`));
    return session !== undefined;
  }

  #take(matches: (request: Request) => boolean): Request | undefined {
    const index = this.#requests.findIndex(matches);
    return index < 0 ? undefined : this.#requests.splice(index, 1)[0];
  }
}
