/**
 * Who is there, and in which roles. Peers of one namespace share a room; a room knows its producers, consumers and listeners,
 * so that a list or a change of status costs as much as those it concerns. All orders are orders of arrival.
 */
import type { PeerRole, ProtocolVersion, ServerMessageOf } from '@tswebrtc/protocol';
import type { Grants } from './grants.ts';

export interface Peer {
  readonly id: string;
  readonly room: Room;
  readonly roles: readonly PeerRole[];
  readonly meta: unknown;
  /** The server of the cluster it is connected to; undefined for this one. */
  readonly server: string | undefined;
}

/** A peer that is connected to this server. */
export class LocalPeer implements Peer {
  readonly id: string;
  readonly room: Room;
  readonly grants: Grants;
  readonly server = undefined;
  roles: readonly PeerRole[] = [];
  meta: unknown = null;
  /** The `peerId` of the stored status: none before the first accepted status, then always the peer's own. */
  statusId: string | undefined = undefined;
  version: ProtocolVersion = 'v1_0';
  hasSpoken = false;

  constructor(id: string, room: Room, grants: Grants) {
    this.id = id;
    this.room = room;
    this.grants = grants;
  }
}

/** A peer of another server, of which only its status is known here. */
export class RemotePeer implements Peer {
  readonly id: string;
  readonly room: Room;
  readonly server: string;
  roles: readonly PeerRole[] = [];
  meta: unknown = null;

  constructor(id: string, room: Room, server: string) {
    this.id = id;
    this.room = room;
    this.server = server;
  }
}

export class Room {
  readonly namespace: string;
  /** Number of peers in it. */
  size = 0;
  readonly producers = new Set<Peer>();
  readonly consumers = new Set<Peer>();
  /** Those of this server: others are told by theirs. */
  readonly listeners = new Set<LocalPeer>();
  #producerList: ServerMessageOf<'list'> | undefined;
  #consumerList: ServerMessageOf<'listConsumers'> | undefined;

  constructor(namespace: string) {
    this.namespace = namespace;
  }

  /** The answer to `list`; the same object until it changes. */
  get producerList(): ServerMessageOf<'list'> {
    return (this.#producerList ??= { type: 'list', producers: listed(this.producers) });
  }

  /** The answer to `listConsumers`; the same object until it changes. */
  get consumerList(): ServerMessageOf<'listConsumers'> {
    return (this.#consumerList ??= { type: 'listConsumers', consumers: listed(this.consumers) });
  }

  setStatus(peer: LocalPeer | RemotePeer, roles: readonly PeerRole[], meta: unknown): void {
    peer.roles = roles;
    peer.meta = meta;
    if (setMember(this.producers, peer, roles.includes('producer'))) this.#producerList = undefined;
    if (setMember(this.consumers, peer, roles.includes('consumer'))) this.#consumerList = undefined;
    if (peer instanceof LocalPeer) setMember(this.listeners, peer, roles.includes('listener'));
  }
}

export class PeerTable {
  readonly #peers = new Map<string, LocalPeer | RemotePeer>();
  readonly #rooms = new Map<string, Room>();
  #localCount = 0;

  /** Number of peers that are connected to this server. */
  get localCount(): number {
    return this.#localCount;
  }

  get(id: string): LocalPeer | RemotePeer | undefined {
    return this.#peers.get(id);
  }

  /** The peer where it is connected to this server. */
  local(id: string): LocalPeer | undefined {
    const peer = this.#peers.get(id);
    return peer instanceof LocalPeer ? peer : undefined;
  }

  /** The peer where it is connected to `server`. */
  remote(id: string, server: string): RemotePeer | undefined {
    const peer = this.#peers.get(id);
    return peer instanceof RemotePeer && peer.server === server ? peer : undefined;
  }

  *locals(): Generator<LocalPeer> {
    for (const peer of this.#peers.values()) if (peer instanceof LocalPeer) yield peer;
  }

  *remotesOf(server: string): Generator<RemotePeer> {
    for (const peer of this.#peers.values()) if (peer instanceof RemotePeer && peer.server === server) yield peer;
  }

  room(namespace: string): Room | undefined {
    return this.#rooms.get(namespace);
  }

  addLocal(id: string, grants: Grants): LocalPeer {
    const peer = new LocalPeer(id, this.#enter(grants.namespace), grants);
    this.#peers.set(id, peer);
    this.#localCount++;
    return peer;
  }

  addRemote(id: string, namespace: string, server: string): RemotePeer {
    const peer = new RemotePeer(id, this.#enter(namespace), server);
    this.#peers.set(id, peer);
    return peer;
  }

  /** Takes the peer out of its roles, and its room away when it was the last. */
  remove(peer: LocalPeer | RemotePeer): void {
    const { room, meta } = peer;
    room.setStatus(peer, [], meta);
    this.#peers.delete(peer.id);
    if (peer instanceof LocalPeer) this.#localCount--;
    if (--room.size === 0) this.#rooms.delete(room.namespace);
  }

  #enter(namespace: string): Room {
    let room = this.#rooms.get(namespace);
    if (!room) this.#rooms.set(namespace, (room = new Room(namespace)));
    room.size++;
    return room;
  }
}

/** Says whether the set, or what is shown of it, may have changed: also where a member stays, with another meta. */
function setMember<Member>(set: Set<Member>, member: Member, isMember: boolean): boolean {
  if (!isMember) return set.delete(member);
  set.add(member);
  return true;
}

function listed(peers: Iterable<Peer>): { id: string; meta: unknown }[] {
  return Array.from(peers, ({ id, meta }) => ({ id, meta }));
}
