/**
 * The signalling server without its sockets: a state machine that takes a peer's arrival, message or departure and returns
 * the messages that follow, in the order in which they have to be sent (reference §1.3 to §1.6). It reads no clock and no
 * socket and never throws at anything a peer sends.
 *
 * Where the reference lets one peer harm another, this one does not: a refused end leaves its session alone, and only the
 * server itself can announce a new peer.
 */
import { randomUUID } from 'node:crypto';
import type { ClientMessage, ClientMessageOf, PeerRole, ProtocolVersion, ServerMessage } from '@tswebrtc/protocol';
import { jsonEqual } from './json-equal.ts';
import { type Session, SessionTable } from './sessions.ts';

/** A message and the id of the peer it is for. One message object may be for several peers. */
export interface Outgoing {
  readonly to: string;
  readonly message: ServerMessage;
}

export interface HubOptions {
  /** Makes the ids of sessions; random UUIDs (version 4) by default. */
  readonly createId?: () => string;
  /** Told what was dropped without a reply, in one sentence. */
  readonly onDropped?: (peerId: string, reason: string) => void;
}

interface PeerState {
  readonly id: string;
  roles: readonly PeerRole[];
  meta: unknown;
  /** The `peerId` of the stored status: none before the first accepted status, then always the peer's own. */
  statusId: string | undefined;
  version: ProtocolVersion;
  hasSpoken: boolean;
}

const nobody: readonly PeerRole[] = [];

export class SignallingHub {
  readonly #peers = new Map<string, PeerState>();
  readonly #producers = new Set<PeerState>();
  readonly #consumers = new Set<PeerState>();
  readonly #listeners = new Set<PeerState>();
  readonly #sessions = new SessionTable();
  readonly #createId: () => string;
  readonly #onDropped: (peerId: string, reason: string) => void;

  constructor(options: HubOptions = {}) {
    this.#createId = options.createId ?? randomUUID;
    this.#onDropped = options.onDropped ?? (() => {});
  }

  /** Number of peers that are connected. */
  get peerCount(): number {
    return this.#peers.size;
  }

  /** Number of sessions that have started and not ended. */
  get sessionCount(): number {
    return this.#sessions.size;
  }

  /** A peer has connected under a fresh `peerId`. */
  connect(peerId: string): Outgoing[] {
    this.#peers.set(peerId, {
      id: peerId,
      roles: nobody,
      meta: null,
      statusId: undefined,
      version: 'v1_0',
      hasSpoken: false,
    });
    return [{ to: peerId, message: { type: 'welcome', peerId } }];
  }

  /** A peer has said something. */
  handle(peerId: string, message: ClientMessage): Outgoing[] {
    // Only the server announces peers: taken from the network this would reset a peer under its sessions.
    if (message.type === 'newPeer') return this.#drop(peerId, 'Peers cannot announce themselves with "newPeer".');
    const peer = this.#peers.get(peerId);
    const isFirst = peer?.hasSpoken === false;
    if (peer) peer.hasSpoken = true;
    switch (message.type) {
      case 'setProtocolVersion':
        if (!peer) return refuse(peerId, `The peer ${peerId} is not connected.`);
        if (!isFirst) return refuse(peerId, `The peer ${peerId} has to choose its protocol version in its first message.`);
        peer.version = message.version;
        return [];
      case 'setPeerStatus':
        if (!peer) return refuse(peerId, `The peer ${peerId} is not connected.`);
        return this.#setStatus(peer, message);
      case 'startSession':
        return this.#startSession(peerId, message);
      case 'endSession':
        return this.#endSession(peerId, message.sessionId, null);
      case 'endSessionV1_1':
        return this.#endSession(peerId, message.sessionId, message.error);
      case 'peer':
        return this.#forward(peerId, message);
      case 'list':
        return [{ to: peerId, message: { type: 'list', producers: listed(this.#producers) } }];
      case 'listConsumers':
        return [{ to: peerId, message: { type: 'listConsumers', consumers: listed(this.#consumers) } }];
    }
  }

  /** A peer is gone: ends its sessions and tells the listeners. Does nothing for a peer that is gone already. */
  disconnect(peerId: string): Outgoing[] {
    const peer = this.#peers.get(peerId);
    if (!peer) return [];
    this.#peers.delete(peerId);
    this.#producers.delete(peer);
    this.#consumers.delete(peer);
    this.#listeners.delete(peer);
    const outgoing: Outgoing[] = [];
    this.#endAll(this.#sessions.producedBy(peerId), peerId, outgoing);
    this.#endAll(this.#sessions.consumedBy(peerId), peerId, outgoing);
    this.#tellListeners(peerId, nobody, peer.meta, outgoing);
    return outgoing;
  }

  #setStatus(peer: PeerState, { roles, meta, peerId }: ClientMessageOf<'setPeerStatus'>): Outgoing[] {
    if (peerId === peer.statusId && jsonEqual(roles, peer.roles) && jsonEqual(meta, peer.meta)) return [];
    const produces = roles.includes('producer');
    const consumes = roles.includes('consumer');
    if (produces && consumes) return refuse(peer.id, `The peer ${peer.id} cannot be producer and consumer at the same time.`);
    const outgoing: Outgoing[] = [];
    if (this.#producers.has(peer) && !produces) this.#endAll(this.#sessions.producedBy(peer.id), peer.id, outgoing);
    else if (this.#consumers.has(peer) && !consumes) this.#endAll(this.#sessions.consumedBy(peer.id), peer.id, outgoing);
    peer.roles = roles;
    peer.meta = meta;
    peer.statusId = peer.id;
    setMember(this.#producers, peer, produces);
    setMember(this.#consumers, peer, consumes);
    setMember(this.#listeners, peer, roles.includes('listener'));
    this.#tellListeners(peer.id, roles, meta, outgoing);
    return outgoing;
  }

  #startSession(peerId: string, { peerId: targetId, offer }: ClientMessageOf<'startSession'>): Outgoing[] {
    const requester = this.#peers.get(peerId);
    if (!requester) return refuse(peerId, `No peer has the id ${peerId}.`);
    const target = this.#peers.get(targetId);
    if (!target) return refuse(peerId, `No peer has the id ${targetId}.`);
    let session: Session;
    if (this.#producers.has(target)) session = { id: this.#createId(), producer: targetId, consumer: peerId };
    else if (this.#consumers.has(target)) session = { id: this.#createId(), producer: peerId, consumer: targetId };
    else
      return refuse(
        peerId,
        `The peer ${peerId} (${rolesOf(requester)}) cannot start a session with ${targetId} (${rolesOf(target)}): ` +
          'it is neither producer nor consumer.',
      );
    this.#sessions.add(session);
    const { id: sessionId, producer, consumer } = session;
    return [
      { to: consumer, message: { type: 'sessionStarted', peerId: producer, sessionId } },
      { to: producer, message: { type: 'startSession', peerId: consumer, sessionId, offer } },
    ];
  }

  #endSession(peerId: string, sessionId: string, error: string | null): Outgoing[] {
    const session = this.#sessions.get(sessionId);
    if (!session) return this.#drop(peerId, `The session ${sessionId} that was to end is unknown.`);
    // Refuse before touching anything: whoever may not end a session must not be able to make it vanish.
    if (session.producer !== peerId && session.consumer !== peerId) return refuseStranger(peerId, sessionId);
    if (error !== null && this.#peers.get(peerId)?.version !== 'v1_1')
      return refuse(peerId, `The peer ${peerId} has to choose protocol version 1.1 at least to end a session with an error.`);
    this.#sessions.remove(session);
    return [this.#ended(session, otherParty(session, peerId), error)];
  }

  #forward(peerId: string, message: ClientMessageOf<'peer'>): Outgoing[] {
    const session = this.#sessions.get(message.sessionId);
    if (!session) return this.#drop(peerId, `The session ${message.sessionId} of a message is unknown.`);
    if (session.producer !== peerId && session.consumer !== peerId) return refuseStranger(peerId, session.id);
    if (session.producer !== peerId && 'sdp' in message && message.sdp.type === 'offer')
      return refuse(
        peerId,
        `The peer ${peerId} cannot make an offer in the session ${session.id}: it is not the producer, ${session.producer} is.`,
      );
    return [{ to: otherParty(session, peerId), message }];
  }

  #endAll(sessions: Session[], peerId: string, outgoing: Outgoing[]): void {
    for (const session of sessions) {
      this.#sessions.remove(session);
      const other = otherParty(session, peerId);
      if (this.#peers.has(other)) outgoing.push(this.#ended(session, other, null));
    }
  }

  /** The end of a session in the words of the protocol version that its reader has chosen. */
  #ended({ id: sessionId }: Session, to: string, error: string | null): Outgoing {
    if (this.#peers.get(to)?.version === 'v1_1') return { to, message: { type: 'endSessionV1_1', sessionId, error } };
    return { to, message: { type: 'endSession', sessionId } };
  }

  #tellListeners(peerId: string, roles: readonly PeerRole[], meta: unknown, outgoing: Outgoing[]): void {
    if (this.#listeners.size === 0) return;
    const message: ServerMessage = { type: 'peerStatusChanged', roles: [...roles], meta, peerId };
    for (const listener of this.#listeners) outgoing.push({ to: listener.id, message });
  }

  #drop(peerId: string, reason: string): Outgoing[] {
    this.#onDropped(peerId, reason);
    return [];
  }
}

function refuse(peerId: string, details: string): Outgoing[] {
  return [{ to: peerId, message: { type: 'error', details } }];
}

function refuseStranger(peerId: string, sessionId: string): Outgoing[] {
  return refuse(peerId, `The peer ${peerId} does not belong to the session ${sessionId}.`);
}

function otherParty(session: Session, peerId: string): string {
  return session.producer === peerId ? session.consumer : session.producer;
}

function rolesOf(peer: PeerState): string {
  return peer.roles.length === 0 ? 'no role' : peer.roles.join(', ');
}

function listed(peers: Iterable<PeerState>): { id: string; meta: unknown }[] {
  return Array.from(peers, ({ id, meta }) => ({ id, meta }));
}

function setMember(set: Set<PeerState>, peer: PeerState, isMember: boolean): void {
  if (isMember) set.add(peer);
  else set.delete(peer);
}
