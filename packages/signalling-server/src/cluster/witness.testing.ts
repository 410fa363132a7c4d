/**
 * Plays the hub above a cluster and watches over what the cluster promises: every body names the life of the link that it was
 * sent in and its place there, so that each that is lost, doubled, out of order or from another life is found at once.
 */
import { expect } from 'vitest';
import type { ClusterHandler } from './cluster.ts';

interface Body {
  readonly life: number;
  readonly place: number;
  readonly filling?: string;
}

interface Acquaintance {
  /** How often the other server has joined. */
  lives: number;
  isMember: boolean;
  sent: number;
  received: number;
  /** The other's count of its own lives with us. */
  itsLife: number | undefined;
}

export class Witness implements ClusterHandler {
  readonly connectionChanges: boolean[] = [];
  readonly #send: (serverId: string, body: unknown) => void;
  readonly #known = new Map<string, Acquaintance>();

  constructor(send: (serverId: string, body: unknown) => void) {
    this.#send = send;
  }

  memberJoined(serverId: string): void {
    const other = this.of(serverId);
    expect(other.isMember).toBe(false);
    this.#known.set(serverId, { lives: other.lives + 1, isMember: true, sent: 0, received: 0, itsLife: undefined });
    this.say(serverId);
  }

  memberLeft(serverId: string): void {
    const other = this.of(serverId);
    expect(other.isMember).toBe(true);
    other.isMember = false;
  }

  message(serverId: string, body: unknown): void {
    const { life, place } = body as Body;
    const other = this.of(serverId);
    expect(other.isMember).toBe(true);
    other.itsLife ??= life;
    expect({ life, place }).toEqual({ life: other.itsLife, place: other.received++ });
  }

  connectionChanged(isConnected: boolean): void {
    this.connectionChanges.push(isConnected);
  }

  /** Sends the next body to each server that is there. */
  sayToAll(filling?: string): void {
    for (const serverId of this.members) this.say(serverId, filling);
  }

  say(serverId: string, filling?: string): void {
    const other = this.of(serverId);
    const body: Body = { life: other.lives, place: other.sent++, ...(filling !== undefined && { filling }) };
    this.#send(serverId, body);
  }

  get members(): string[] {
    return [...this.#known].filter(([, { isMember }]) => isMember).map(([serverId]) => serverId);
  }

  of(serverId: string): Acquaintance {
    const known = this.#known.get(serverId);
    if (known) return known;
    const fresh = { lives: 0, isMember: false, sent: 0, received: 0, itsLife: undefined };
    this.#known.set(serverId, fresh);
    return fresh;
  }
}

/** Whether of what either has sent to the other in the present life of their link everything has arrived. */
export function areEven(one: Witness, oneId: string, other: Witness, otherId: string): boolean {
  const there = one.of(otherId);
  const back = other.of(oneId);
  return there.isMember && back.isMember && there.sent === back.received && back.sent === there.received;
}
