/**
 * Who is in a session with whom (reference §1.5). Each session is indexed under both of its parties, and under the server of
 * the one that is not connected here, so that a departure costs as much as the sessions it ends and not as much as the server
 * holds. All orders are orders of insertion.
 */
export interface Session {
  readonly id: string;
  readonly producer: string;
  readonly consumer: string;
  /** The server of the party that is connected to another one; undefined when both are connected here. */
  readonly server?: string;
  /**
   * What the starter has to be told once the server of the other party has agreed: until then the session is a wish, of which
   * nobody knows. Undefined for sessions that have started.
   */
  pending?: { readonly starter: string; readonly offer: string | null } | undefined;
}

export class SessionTable {
  readonly #sessions = new Map<string, Session>();
  readonly #byProducer = new Index();
  readonly #byConsumer = new Index();
  readonly #byServer = new Index();
  /** For each peer the others, and how many sessions it has with each. */
  readonly #partners = new Map<string, Map<string, number>>();

  get size(): number {
    return this.#sessions.size;
  }

  get(id: string): Session | undefined {
    return this.#sessions.get(id);
  }

  add(session: Session): void {
    this.#sessions.set(session.id, session);
    this.#byProducer.add(session.producer, session);
    this.#byConsumer.add(session.consumer, session);
    if (session.server !== undefined) this.#byServer.add(session.server, session);
    this.#count(session, 1);
  }

  remove(session: Session): void {
    this.#sessions.delete(session.id);
    this.#byProducer.remove(session.producer, session);
    this.#byConsumer.remove(session.consumer, session);
    if (session.server !== undefined) this.#byServer.remove(session.server, session);
    this.#count(session, -1);
  }

  /** With how many others `peerId` is in session. */
  partnersOf(peerId: string): number {
    return this.#partners.get(peerId)?.size ?? 0;
  }

  /** In how many sessions `peerId` is; one with itself counts twice. */
  countOf(peerId: string): number {
    return this.#byProducer.count(peerId) + this.#byConsumer.count(peerId);
  }

  /** The sessions in which `peerId` produces; a copy, so that they can be removed on the way. */
  producedBy(peerId: string): Session[] {
    return this.#byProducer.all(peerId);
  }

  /** The sessions in which `peerId` consumes; a copy, so that they can be removed on the way. */
  consumedBy(peerId: string): Session[] {
    return this.#byConsumer.all(peerId);
  }

  /** The sessions with peers of another server; a copy, so that they can be removed on the way. */
  sharedWith(server: string): Session[] {
    return this.#byServer.all(server);
  }

  #count({ producer, consumer }: Session, change: 1 | -1): void {
    if (producer === consumer) return;
    for (const [peer, other] of [
      [producer, consumer],
      [consumer, producer],
    ] as const) {
      const others = this.#partners.get(peer) ?? new Map<string, number>();
      const count = (others.get(other) ?? 0) + change;
      if (count > 0) others.set(other, count);
      else others.delete(other);
      if (others.size > 0) this.#partners.set(peer, others);
      else this.#partners.delete(peer);
    }
  }
}

/** Sessions by something they have in common; nothing is kept of a key without sessions. */
class Index {
  readonly #sets = new Map<string, Set<Session>>();

  add(key: string, session: Session): void {
    const set = this.#sets.get(key);
    if (set) set.add(session);
    else this.#sets.set(key, new Set([session]));
  }

  remove(key: string, session: Session): void {
    const set = this.#sets.get(key);
    if (set?.delete(session) && set.size === 0) this.#sets.delete(key);
  }

  count(key: string): number {
    return this.#sets.get(key)?.size ?? 0;
  }

  all(key: string): Session[] {
    return [...(this.#sets.get(key) ?? [])];
  }
}

/** The party of `session` that is not `peerId`; `peerId` itself where it is in session with itself. */
export function otherParty(session: Session, peerId: string): string {
  return session.producer === peerId ? session.consumer : session.producer;
}
