/**
 * The other servers of a cluster in the eyes of a hub: who is connected to them, and the sessions that their peers have with
 * peers of this one. Like the hub it takes events and returns the messages that follow for peers that are connected here.
 *
 * A session across two servers begins in two steps: the starter's server notes it as wanted and asks; the target's server, which
 * alone knows the target's present status and limits, starts it or refuses. So nobody is told of a session that there is not.
 */
import type { ClusterEvent, ClusterEventOf, PeerStatus } from './cluster-events.ts';
import type { HubState, Outgoing } from './hub-state.ts';
import { otherParty } from './sessions.ts';

/** How long what is told of peers in one event is, in characters of JSON, unless it is one peer alone. */
const STATUSES_LENGTH = 64 * 1024;

export class RemoteServers {
  readonly #state: HubState;

  constructor(state: HubState) {
    this.#state = state;
  }

  /** What a server that joins has to know first. */
  introduction(): ClusterEvent[] {
    const events: ClusterEvent[] = [];
    let peers: PeerStatus[] = [];
    let room = 0;
    for (const {
      id: peerId,
      room: { namespace },
      roles,
      meta,
      statusId,
    } of this.#state.peers.locals()) {
      // Of who has never had a status nobody was told.
      if (statusId === undefined) continue;
      const status: PeerStatus = { peerId, namespace, roles: [...roles], meta };
      const length = JSON.stringify(status).length;
      if (length > room) {
        events.push({ kind: 'statuses', peers: (peers = []) });
        room = STATUSES_LENGTH;
      }
      peers.push(status);
      room -= length;
    }
    return events;
  }

  /** A server is gone, and all its peers with it. */
  left(server: string): Outgoing[] {
    const { peers, sessions } = this.#state;
    const outgoing: Outgoing[] = [];
    for (const session of sessions.sharedWith(server)) {
      sessions.remove(session);
      if (session.pending) {
        const { starter } = session.pending;
        outgoing.push(...this.#state.refuse(starter, 'unknown-target', `No peer has the id ${otherParty(session, starter)}.`));
      } else {
        for (const party of [session.producer, session.consumer]) outgoing.push(...this.#state.ended(session, party, null));
      }
    }
    for (const peer of [...peers.remotesOf(server)]) {
      peers.remove(peer);
      this.#state.tellListeners(peer.room, peer.id, [], peer.meta, outgoing);
    }
    return outgoing;
  }

  /** Another server has told something. */
  handle(server: string, event: ClusterEvent): Outgoing[] {
    switch (event.kind) {
      case 'statuses':
        return event.peers.flatMap((status) => this.#setStatus(server, status));
      case 'gone':
        return this.#remove(server, event);
      case 'session-wanted':
        return this.#start(server, event);
      case 'session-started':
        return this.#started(server, event.sessionId);
      case 'session-refused':
        return this.#refused(server, event);
      case 'session-ended': {
        const session = this.#session(server, event.sessionId);
        if (!session) return [];
        this.#state.sessions.remove(session);
        return [session.producer, session.consumer].flatMap((party) => this.#state.ended(session, party, event.error));
      }
      case 'relay': {
        const session = this.#session(server, event.message.sessionId);
        const to = session && (this.#state.peers.local(session.producer) ?? this.#state.peers.local(session.consumer));
        return to ? [{ to: to.id, message: event.message }] : [];
      }
    }
  }

  #setStatus(server: string, { peerId, namespace, roles, meta }: PeerStatus): Outgoing[] {
    const { peers } = this.#state;
    const known = peers.remote(peerId, server);
    if (!known && peers.get(peerId)) return []; // somebody else's: ids are random, so this is no accident
    const peer = known ?? peers.addRemote(peerId, namespace, server);
    peer.room.setStatus(peer, roles, meta);
    const outgoing: Outgoing[] = [];
    this.#state.tellListeners(peer.room, peerId, roles, meta, outgoing);
    return outgoing;
  }

  #remove(server: string, { peerId, namespace, meta }: ClusterEventOf<'gone'>): Outgoing[] {
    const { peers } = this.#state;
    const peer = peers.remote(peerId, server);
    if (!peer && peers.get(peerId)) return [];
    const room = peer?.room ?? peers.room(namespace);
    if (peer) peers.remove(peer);
    const outgoing: Outgoing[] = [];
    if (room) this.#state.tellListeners(room, peerId, [], meta, outgoing);
    return outgoing;
  }

  #start(
    server: string,
    { sessionId, namespace, starter, target: targetId, producer, offer }: ClusterEventOf<'session-wanted'>,
  ): Outgoing[] {
    const { peers, sessions, cluster } = this.#state;
    const target = peers.local(targetId);
    const targetProduces = producer === 'target';
    const details =
      target?.room.namespace !== namespace
        ? `No peer has the id ${targetId}.`
        : !target.room[targetProduces ? 'producers' : 'consumers'].has(target)
          ? `The peer ${targetId} is no ${targetProduces ? 'producer' : 'consumer'} any more.`
          : this.#state.tooManySessions(targetId);
    if (!target || details !== undefined || sessions.get(sessionId)) {
      cluster?.send(server, { kind: 'session-refused', sessionId, details: details ?? 'There is such a session.' });
      return [];
    }
    cluster?.send(server, { kind: 'session-started', sessionId });
    if (targetProduces) {
      sessions.add({ id: sessionId, producer: targetId, consumer: starter, server });
      return [{ to: targetId, message: { type: 'startSession', peerId: starter, sessionId, offer } }];
    }
    sessions.add({ id: sessionId, producer: starter, consumer: targetId, server });
    return [{ to: targetId, message: { type: 'sessionStarted', peerId: starter, sessionId } }];
  }

  #started(server: string, sessionId: string): Outgoing[] {
    const session = this.#session(server, sessionId);
    if (!session?.pending) return [];
    const { starter, offer } = session.pending;
    session.pending = undefined;
    const peerId = otherParty(session, starter);
    if (session.consumer === starter) return [{ to: starter, message: { type: 'sessionStarted', peerId, sessionId } }];
    return [{ to: starter, message: { type: 'startSession', peerId, sessionId, offer } }];
  }

  #refused(server: string, { sessionId, details }: ClusterEventOf<'session-refused'>): Outgoing[] {
    const session = this.#session(server, sessionId);
    if (!session?.pending) return [];
    this.#state.sessions.remove(session);
    return this.#state.refuse(session.pending.starter, 'unknown-target', details);
  }

  /** The session where it is one with a peer of `server`. */
  #session(server: string, sessionId: string) {
    const session = this.#state.sessions.get(sessionId);
    return session?.server === server ? session : undefined;
  }
}
