/**
 * What a case has at hand: peers of its own on a server that others may use at the same time. What concerns other peers is
 * kept from the case, so that the cases need no server to themselves.
 */
import { RawClient } from '../packages/signalling-server/src/test-client.testing.ts';
import { Difference, same } from './difference.ts';
import { type Json, Peer } from './peer.ts';

export interface PeerOptions {
  readonly version?: 'v1_0' | 'v1_1';
  readonly roles?: readonly string[];
  readonly meta?: unknown;
  /** Path and query to connect to. */
  readonly path?: string;
}

export class World {
  readonly url: string;
  readonly #ids = new Set<string>();
  readonly #peers: Peer[] = [];
  readonly #raw: RawClient[] = [];

  constructor(url: string) {
    this.url = url;
  }

  /** A peer that is connected, welcomed and registered; `name` is what a difference calls it. */
  async open(name: string, { version, roles, meta = null, path = '' }: PeerOptions = {}): Promise<Peer> {
    const atOnce = version ? [{ type: 'setProtocolVersion', version }] : [];
    const peer = new Peer(name, new URL(path, this.url).href, atOnce, (message) => this.#own(message));
    this.#peers.push(peer);
    await peer.untilHeard(1);
    if (!peer.isOpen) throw new Difference(`${name} could not connect: ${peer.errors[0]?.message ?? 'it was closed at once'}`);
    const welcome = peer.take();
    peer.id = String(welcome[0]?.peerId);
    same(welcome, [{ type: 'welcome', peerId: peer.id }], `${name} was welcomed by`);
    this.#ids.add(peer.id);
    if (!roles) return peer;
    peer.send({ type: 'setPeerStatus', roles, meta });
    await peer.settle();
    const own = { type: 'peerStatusChanged', roles, meta, peerId: peer.id };
    same(peer.take(), roles.includes('listener') ? [own] : [], `${name} was registered by`);
    return peer;
  }

  /** A peer below the WebSocket, already welcomed. */
  async openRaw(): Promise<RawClient> {
    const { hostname, port } = new URL(this.url);
    const raw = await RawClient.open(Number(port || 80), hostname.replace(/^\[|\]$/g, ''));
    this.#raw.push(raw);
    this.#ids.add(raw.id);
    return raw;
  }

  /**
   * Checks that since the last look each peer named here has heard just these messages, in this order, and no other peer
   * anything. A peer may be named more than once.
   */
  async heard(...expected: readonly (readonly [Peer, ...Json[]])[]): Promise<void> {
    const messages = new Map<Peer, Json[]>();
    for (const [peer, ...more] of expected) messages.set(peer, [...(messages.get(peer) ?? []), ...more]);
    await this.#settle(new Map([...messages].map(([peer, { length }]) => [peer, length])));
    for (const peer of this.#peers) same(peer.take(), messages.get(peer) ?? [], `${peer.name} heard`);
  }

  /** Takes the `count` messages that `peer` has to have heard, and checks that no other peer has heard anything. */
  async take(peer: Peer, count: number): Promise<Json[]> {
    await this.#settle(new Map([[peer, count]]));
    const taken = peer.take();
    await this.heard();
    return taken;
  }

  /** Checks that `peer` alone was told of an error, and that its text names all of `named`. */
  async refused(peer: Peer, ...named: readonly string[]): Promise<void> {
    const [error] = await this.take(peer, 1);
    const details = error?.details;
    same(error, { type: 'error', details: typeof details === 'string' ? details : '(a text)' }, `${peer.name} heard`);
    for (const name of named)
      if (!String(details).includes(name))
        throw new Difference(`${peer.name} was refused with "${String(details)}", which does not name ${name}`);
  }

  /** Ends all connections of the case; resolves when they are gone. */
  async close(): Promise<void> {
    for (const raw of this.#raw) raw.tcp.destroy();
    for (const { socket } of this.#peers) socket.terminate();
    await Promise.all([...this.#raw, ...this.#peers].map(({ closed }) => closed));
  }

  async #settle(counts: ReadonlyMap<Peer, number>): Promise<void> {
    const all = (peers: readonly Peer[]): Promise<unknown> =>
      Promise.all(peers.filter(({ isOpen }) => isOpen).map((peer) => peer.settle()));
    // What was sent has been handled, what follows from a departure has come (in its own time), what was sent on has arrived.
    await all(this.#peers.filter(({ hasSpoken }) => hasSpoken));
    await Promise.all([...counts].map(([peer, count]) => peer.untilHeard(count)));
    await all(this.#peers);
  }

  /** The message without what concerns peers of others. */
  #own(message: Json): Json | undefined {
    const isOwn = ({ id }: { id?: unknown }): boolean => this.#ids.has(String(id));
    const { type, peerId, producers, consumers } = message;
    if (type === 'peerStatusChanged' && typeof peerId === 'string' && !this.#ids.has(peerId)) return undefined;
    if (type === 'list' && Array.isArray(producers)) return { ...message, producers: producers.filter(isOwn) };
    if (type === 'listConsumers' && Array.isArray(consumers)) return { ...message, consumers: consumers.filter(isOwn) };
    return message;
  }
}
