/**
 * Who is in a session with whom (reference §1.5). Each session is indexed under both of its parties, so that a departure
 * costs as much as the sessions it ends and not as much as the server holds. All orders are orders of insertion.
 */
export interface Session {
  readonly id: string;
  readonly producer: string;
  readonly consumer: string;
}

export class SessionTable {
  readonly #sessions = new Map<string, Session>();
  readonly #byProducer = new Map<string, Set<Session>>();
  readonly #byConsumer = new Map<string, Set<Session>>();

  get size(): number {
    return this.#sessions.size;
  }

  get(id: string): Session | undefined {
    return this.#sessions.get(id);
  }

  add(session: Session): void {
    this.#sessions.set(session.id, session);
    addTo(this.#byProducer, session.producer, session);
    addTo(this.#byConsumer, session.consumer, session);
  }

  remove(session: Session): void {
    this.#sessions.delete(session.id);
    removeFrom(this.#byProducer, session.producer, session);
    removeFrom(this.#byConsumer, session.consumer, session);
  }

  /** The sessions in which `peerId` produces; a copy, so that they can be removed on the way. */
  producedBy(peerId: string): Session[] {
    return [...(this.#byProducer.get(peerId) ?? [])];
  }

  /** The sessions in which `peerId` consumes; a copy, so that they can be removed on the way. */
  consumedBy(peerId: string): Session[] {
    return [...(this.#byConsumer.get(peerId) ?? [])];
  }
}

function addTo(index: Map<string, Set<Session>>, peerId: string, session: Session): void {
  const set = index.get(peerId);
  if (set) set.add(session);
  else index.set(peerId, new Set([session]));
}

function removeFrom(index: Map<string, Set<Session>>, peerId: string, session: Session): void {
  const set = index.get(peerId);
  if (set?.delete(session) && set.size === 0) index.delete(peerId);
}
