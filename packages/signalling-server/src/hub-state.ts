/** What a hub knows, and what its own peers' messages and those of other servers have in common. */
import { randomUUID } from 'node:crypto';
import type { PeerRole, ServerMessage, ServerMessageOf } from '@tswebrtc/protocol';
import type { ClusterEvent } from './cluster-events.ts';
import { PeerTable, type Room } from './peers.ts';
import { otherParty, type Session, SessionTable } from './sessions.ts';

/** A message and the id of the peer it is for. One message object may be for several peers. */
export interface Outgoing {
  readonly to: string;
  readonly message: ServerMessage;
}

/** Why a request was answered by an `error` (reference §1.6, and the limits of this server). */
export const REFUSALS = [
  'unknown-peer',
  'version-too-late',
  'producer-and-consumer',
  'unknown-target',
  'target-without-role',
  'offer-of-consumer',
  'not-in-session',
  'version-too-low',
  'forbidden',
  'name',
  'meta-size',
  'sessions-per-peer',
] as const;
export type Refusal = (typeof REFUSALS)[number];

/** Where a hub puts what other servers have to know. Both keep the order of the calls, also among each other. */
export interface ClusterPort {
  send(server: string, event: ClusterEvent): void;
  broadcast(event: ClusterEvent): void;
}

export interface HubOptions {
  /** Makes the ids of sessions; random UUIDs (version 4) by default. */
  readonly createId?: () => string;
  /** Told what was dropped without a reply, in one sentence. */
  readonly onDropped?: (peerId: string, reason: string) => void;
  /** Told what was answered by an `error`. */
  readonly onRefused?: (peerId: string, refusal: Refusal) => void;
  /** In how many sessions a peer may be; no limit by default. */
  readonly maxSessionsPerPeer?: number;
  /** Greatest size of a peer's meta as JSON text, bytes; no limit by default. */
  readonly maxMetaSize?: number;
  /** Makes the answer to `iceServers`; without it there are none. */
  readonly iceServers?: (peerId: string) => Omit<ServerMessageOf<'iceServers'>, 'type'>;
  /** The other servers; none by default. */
  readonly cluster?: ClusterPort;
}

export class HubState {
  readonly peers = new PeerTable();
  readonly sessions = new SessionTable();
  readonly createId: () => string;
  readonly iceServers: NonNullable<HubOptions['iceServers']>;
  readonly maxMetaSize: number;
  readonly cluster: ClusterPort | undefined;
  readonly #options: HubOptions;

  constructor(options: HubOptions) {
    this.#options = options;
    this.createId = options.createId ?? randomUUID;
    this.iceServers = options.iceServers ?? (() => ({ iceServers: [], ttl: null }));
    this.maxMetaSize = options.maxMetaSize ?? Number.POSITIVE_INFINITY;
    this.cluster = options.cluster;
  }

  refuse(peerId: string, refusal: Refusal, details: string): Outgoing[] {
    this.#options.onRefused?.(peerId, refusal);
    return [{ to: peerId, message: { type: 'error', details } }];
  }

  drop(peerId: string, reason: string): Outgoing[] {
    this.#options.onDropped?.(peerId, reason);
    return [];
  }

  /** Why `peerId` may be in no further session; undefined where it may. */
  tooManySessions(peerId: string): string | undefined {
    const { maxSessionsPerPeer = Number.POSITIVE_INFINITY } = this.#options;
    if (this.sessions.countOf(peerId) < maxSessionsPerPeer) return undefined;
    return `The peer ${peerId} is in ${maxSessionsPerPeer} sessions, which is the most that a peer may be in.`;
  }

  /** Ends `sessions` because `peerId` has gone or has given up its role: whoever is in them with it is told. */
  endAll(sessions: readonly Session[], peerId: string, outgoing: Outgoing[]): void {
    for (const session of sessions) outgoing.push(...this.end(session, peerId, null));
  }

  /** Ends `session` on behalf of `peerId`: the other party is told, by its own server where that is another one. */
  end(session: Session, peerId: string, error: string | null): Outgoing[] {
    this.sessions.remove(session);
    if (session.server === undefined) return this.ended(session, otherParty(session, peerId), error);
    this.cluster?.send(session.server, { kind: 'session-ended', sessionId: session.id, error });
    return [];
  }

  /** The end of a session for a peer that is connected here, in the words of the protocol version that it has chosen. */
  ended({ id: sessionId }: Session, to: string, error: string | null): Outgoing[] {
    const peer = this.peers.local(to);
    if (!peer) return [];
    if (peer.version === 'v1_1') return [{ to, message: { type: 'endSessionV1_1', sessionId, error } }];
    return [{ to, message: { type: 'endSession', sessionId } }];
  }

  tellListeners(room: Room, peerId: string, roles: readonly PeerRole[], meta: unknown, outgoing: Outgoing[]): void {
    if (room.listeners.size === 0) return;
    const message: ServerMessage = { type: 'peerStatusChanged', roles: [...roles], meta, peerId };
    for (const listener of room.listeners) outgoing.push({ to: listener.id, message });
  }
}
