/**
 * What is known of the other peers of the signalling server (reference §6.4), and the difference each message makes.
 * Unlike the reference, a list of one role leaves the other role of a peer alone, and peers that stay are not reported
 * removed and added again.
 */

/** Another client of the signalling server. */
export interface Peer {
  /** Id the signalling server gave it; another one after each connection. */
  readonly id: string;
  /** What it says of itself, `{}` where it says nothing. Written by a stranger: show it as text, never as HTML. */
  readonly meta: Readonly<Record<string, unknown>>;
}

/** The roles under which peers are listed. */
export type ListedRole = 'producer' | 'consumer';

/** A change of what is known. */
export interface PeerChange {
  readonly kind: 'added' | 'removed' | 'updated';
  readonly role: ListedRole;
  readonly peer: Peer;
}

const ROLES: readonly ListedRole[] = ['producer', 'consumer'];

export class PeerRegistry {
  readonly #peers: Readonly<Record<ListedRole, Map<string, Peer>>> = { producer: new Map(), consumer: new Map() };

  /** The peers of a role, in the order in which they appeared. */
  list(role: ListedRole): Peer[] {
    return [...this.#peers[role].values()];
  }

  get(role: ListedRole, id: string): Peer | undefined {
    return this.#peers[role].get(id);
  }

  /** A peer has announced its roles and meta; no roles: it is gone. */
  status(id: string, roles: readonly string[], meta: unknown): PeerChange[] {
    const peer = makePeer(id, meta);
    return ROLES.flatMap((role) => (roles.includes(role) ? this.#put(role, peer) : this.#remove(role, id)));
  }

  /** The server has listed all peers of `role`. */
  listed(role: ListedRole, entries: readonly { readonly id: string; readonly meta?: unknown }[]): PeerChange[] {
    const present = new Set(entries.map((entry) => entry.id));
    const gone = [...this.#peers[role].keys()].filter((id) => !present.has(id));
    return [
      ...gone.flatMap((id) => this.#remove(role, id)),
      ...entries.flatMap((entry) => this.#put(role, makePeer(entry.id, entry.meta))),
    ];
  }

  /** Forgets everybody. */
  clear(): PeerChange[] {
    return ROLES.flatMap((role) => [...this.#peers[role].keys()].flatMap((id) => this.#remove(role, id)));
  }

  #put(role: ListedRole, peer: Peer): PeerChange[] {
    const known = this.#peers[role].get(peer.id);
    if (known && JSON.stringify(known.meta) === JSON.stringify(peer.meta)) return [];
    this.#peers[role].set(peer.id, peer);
    return [{ kind: known ? 'updated' : 'added', role, peer }];
  }

  #remove(role: ListedRole, id: string): PeerChange[] {
    const peer = this.#peers[role].get(id);
    if (!peer) return [];
    this.#peers[role].delete(id);
    return [{ kind: 'removed', role, peer }];
  }
}

function makePeer(id: string, meta: unknown): Peer {
  const fields = typeof meta === 'object' && meta !== null && !Array.isArray(meta) ? (meta as Record<string, unknown>) : {};
  return Object.freeze({ id, meta: Object.freeze({ ...fields }) });
}
