/**
 * The signalling server without its sockets: a state machine that takes a peer's arrival, message or departure and returns
 * the messages that follow, in the order in which they have to be sent (reference §1.3 to §1.6). It reads no clock and no
 * socket and never throws at anything a peer sends.
 *
 * Where the reference lets one peer harm another, this one does not: a refused end leaves its session alone, and only the
 * server itself can announce a new peer.
 */
import type { ClientMessage, ClientMessageOf } from '@tswebrtc/protocol';
import { forbiddenRole, type Grants, pinnedMeta, unrestricted } from './grants.ts';
import { type HubOptions, HubState, type Outgoing } from './hub-state.ts';
import { jsonEqual } from './json-equal.ts';
import { type LocalPeer, type Peer, Room } from './peers.ts';
import { RemoteServers } from './remote-servers.ts';
import { otherParty, type Session } from './sessions.ts';

export type { ClusterPort, HubOptions, Outgoing, Refusal } from './hub-state.ts';

export class SignallingHub {
  /** Takes what the other servers of a cluster tell. */
  readonly servers: RemoteServers;
  readonly #state: HubState;

  constructor(options: HubOptions = {}) {
    this.#state = new HubState(options);
    this.servers = new RemoteServers(this.#state);
  }

  /** Number of peers that are connected here. */
  get peerCount(): number {
    return this.#state.peers.localCount;
  }

  /** Number of sessions that have started and not ended, with a party that is connected here. */
  get sessionCount(): number {
    return this.#state.sessions.size;
  }

  /** With how many others a peer is in session. */
  partnerCountOf(peerId: string): number {
    return this.#state.sessions.partnersOf(peerId);
  }

  /** A peer has connected under a fresh `peerId`. */
  connect(peerId: string, grants: Grants = unrestricted): Outgoing[] {
    this.#state.peers.addLocal(peerId, grants);
    return [{ to: peerId, message: { type: 'welcome', peerId } }];
  }

  /** A peer has said something. */
  handle(peerId: string, message: ClientMessage): Outgoing[] {
    const state = this.#state;
    // Only the server announces peers: taken from the network this would reset a peer under its sessions.
    if (message.type === 'newPeer') return state.drop(peerId, 'Peers cannot announce themselves with "newPeer".');
    const peer = state.peers.local(peerId);
    if (!peer) return this.#answerStranger(peerId, message);
    const isFirst = !peer.hasSpoken;
    peer.hasSpoken = true;
    switch (message.type) {
      case 'setProtocolVersion':
        if (!isFirst)
          return state.refuse(
            peerId,
            'version-too-late',
            `The peer ${peerId} has to choose its protocol version in its first message.`,
          );
        peer.version = message.version;
        return [];
      case 'setPeerStatus':
        return this.#setStatus(peer, message);
      case 'startSession':
        return this.#startSession(peer, message);
      case 'endSession':
        return this.#endSession(peer, message.sessionId, null);
      case 'endSessionV1_1':
        return this.#endSession(peer, message.sessionId, message.error);
      case 'peer':
        return this.#forward(peer, message);
      case 'list':
        if (!peer.grants.consume && !peer.grants.listen) return this.#forbid(peer, 'list the producers');
        return [{ to: peerId, message: peer.room.producerList }];
      case 'listConsumers':
        if (!peer.grants.produce && !peer.grants.listen) return this.#forbid(peer, 'list the consumers');
        return [{ to: peerId, message: peer.room.consumerList }];
      case 'iceServers':
        return [{ to: peerId, message: { type: 'iceServers', ...state.iceServers(peerId) } }];
    }
  }

  /** A peer is gone: ends its sessions and tells the listeners. Does nothing for a peer that is gone already. */
  disconnect(peerId: string): Outgoing[] {
    const { peers, sessions, cluster } = this.#state;
    const peer = peers.local(peerId);
    if (!peer) return [];
    const { room, meta } = peer;
    peers.remove(peer);
    const outgoing: Outgoing[] = [];
    this.#state.endAll(sessions.producedBy(peerId), peerId, outgoing);
    this.#state.endAll(sessions.consumedBy(peerId), peerId, outgoing);
    this.#state.tellListeners(room, peerId, [], meta, outgoing);
    cluster?.broadcast({ kind: 'gone', peerId, namespace: room.namespace, meta });
    return outgoing;
  }

  /** Reference §1.10 2, 19 and §1.6 E1: who is not connected may list what all can see, and nothing else. */
  #answerStranger(peerId: string, { type }: ClientMessage): Outgoing[] {
    const { peers } = this.#state;
    const common = peers.room(unrestricted.namespace) ?? new Room(unrestricted.namespace);
    if (type === 'list') return [{ to: peerId, message: common.producerList }];
    if (type === 'listConsumers') return [{ to: peerId, message: common.consumerList }];
    const details = type === 'startSession' ? `No peer has the id ${peerId}.` : `The peer ${peerId} is not connected.`;
    return this.#state.refuse(peerId, 'unknown-peer', details);
  }

  #setStatus(peer: LocalPeer, { roles: given, meta: ownMeta, peerId }: ClientMessageOf<'setPeerStatus'>): Outgoing[] {
    const state = this.#state;
    // A role that is named twice is one: what is told to all is not to be of any length.
    const roles = given.length > 2 ? [...new Set(given)] : given;
    const pinned = pinnedMeta(peer.grants, ownMeta);
    if (!pinned)
      return state.refuse(peer.id, 'name', `The peer ${peer.id} goes by the name "${peer.grants.name}" and by no other.`);
    const { meta } = pinned;
    if (peerId === peer.statusId && jsonEqual(roles, peer.roles) && jsonEqual(meta, peer.meta)) return [];
    const produces = roles.includes('producer');
    const consumes = roles.includes('consumer');
    if (produces && consumes)
      return state.refuse(
        peer.id,
        'producer-and-consumer',
        `The peer ${peer.id} cannot be producer and consumer at the same time.`,
      );
    const forbidden = forbiddenRole(peer.grants, roles);
    if (forbidden) return this.#forbid(peer, `be a ${forbidden}`);
    if (Number.isFinite(state.maxMetaSize) && Buffer.byteLength(JSON.stringify(meta)) > state.maxMetaSize)
      return state.refuse(
        peer.id,
        'meta-size',
        `The meta of the peer ${peer.id} is larger than the ${state.maxMetaSize} bytes that it may have.`,
      );
    const outgoing: Outgoing[] = [];
    const { room } = peer;
    if (room.producers.has(peer) && !produces) state.endAll(state.sessions.producedBy(peer.id), peer.id, outgoing);
    else if (room.consumers.has(peer) && !consumes) state.endAll(state.sessions.consumedBy(peer.id), peer.id, outgoing);
    room.setStatus(peer, roles, meta);
    peer.statusId = peer.id;
    state.tellListeners(room, peer.id, roles, meta, outgoing);
    state.cluster?.broadcast({ kind: 'statuses', peers: [{ peerId: peer.id, namespace: room.namespace, roles, meta }] });
    return outgoing;
  }

  #startSession(starter: LocalPeer, { peerId: targetId, offer }: ClientMessageOf<'startSession'>): Outgoing[] {
    const state = this.#state;
    const target = state.peers.get(targetId);
    if (target?.room !== starter.room) return state.refuse(starter.id, 'unknown-target', `No peer has the id ${targetId}.`);
    const targetProduces = target.room.producers.has(target);
    if (!targetProduces && !target.room.consumers.has(target))
      return state.refuse(
        starter.id,
        'target-without-role',
        `The peer ${starter.id} (${rolesOf(starter)}) cannot start a session with ${targetId} (${rolesOf(target)}): ` +
          'it is neither producer nor consumer.',
      );
    if (targetProduces && !starter.grants.consume) return this.#forbid(starter, 'consume');
    if (!targetProduces && !starter.grants.produce) return this.#forbid(starter, 'produce');
    const tooMany = state.tooManySessions(starter.id) ?? (target.server ? undefined : state.tooManySessions(targetId));
    if (tooMany) return state.refuse(starter.id, 'sessions-per-peer', tooMany);
    const sessionId = state.createId();
    const [producer, consumer] = targetProduces ? [targetId, starter.id] : [starter.id, targetId];
    if (target.server === undefined) {
      state.sessions.add({ id: sessionId, producer, consumer });
      return [
        { to: consumer, message: { type: 'sessionStarted', peerId: producer, sessionId } },
        { to: producer, message: { type: 'startSession', peerId: consumer, sessionId, offer } },
      ];
    }
    const { server } = target;
    state.sessions.add({ id: sessionId, producer, consumer, server, pending: { starter: starter.id, offer } });
    state.cluster?.send(server, {
      kind: 'session-wanted',
      sessionId,
      namespace: starter.room.namespace,
      starter: starter.id,
      target: targetId,
      producer: targetProduces ? 'target' : 'starter',
      offer,
    });
    return [];
  }

  #endSession(peer: LocalPeer, sessionId: string, error: string | null): Outgoing[] {
    const state = this.#state;
    const session = state.sessions.get(sessionId);
    if (!session) return state.drop(peer.id, `The session ${sessionId} that was to end is unknown.`);
    // Refuse before touching anything: whoever may not end a session must not be able to make it vanish.
    if (!isMember(session, peer)) return this.#refuseStranger(peer, sessionId);
    if (error !== null && peer.version !== 'v1_1')
      return state.refuse(
        peer.id,
        'version-too-low',
        `The peer ${peer.id} has to choose protocol version 1.1 at least to end a session with an error.`,
      );
    return state.end(session, peer.id, error);
  }

  #forward(peer: LocalPeer, message: ClientMessageOf<'peer'>): Outgoing[] {
    const state = this.#state;
    const session = state.sessions.get(message.sessionId);
    if (!session) return state.drop(peer.id, `The session ${message.sessionId} of a message is unknown.`);
    if (!isMember(session, peer)) return this.#refuseStranger(peer, session.id);
    if (session.producer !== peer.id && 'sdp' in message && message.sdp.type === 'offer')
      return state.refuse(
        peer.id,
        'offer-of-consumer',
        `The peer ${peer.id} cannot make an offer in the session ${session.id}: it is not the producer, ${session.producer} is.`,
      );
    if (session.server === undefined) return [{ to: otherParty(session, peer.id), message }];
    state.cluster?.send(session.server, { kind: 'relay', message });
    return [];
  }

  #refuseStranger(peer: LocalPeer, sessionId: string): Outgoing[] {
    return this.#state.refuse(peer.id, 'not-in-session', `The peer ${peer.id} does not belong to the session ${sessionId}.`);
  }

  #forbid(peer: LocalPeer, what: string): Outgoing[] {
    return this.#state.refuse(peer.id, 'forbidden', `The token of the peer ${peer.id} does not allow it to ${what}.`);
  }
}

function isMember(session: Session, { id }: Peer): boolean {
  // Of a session that is only wanted yet its starter does not know; whoever names it has guessed.
  return session.pending === undefined && (session.producer === id || session.consumer === id);
}

function rolesOf(peer: Peer): string {
  return peer.roles.length === 0 ? 'no role' : peer.roles.join(', ');
}
