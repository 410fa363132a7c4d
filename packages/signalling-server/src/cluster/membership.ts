/**
 * Which other servers are there, and the links to them, on a clock that is given (ms, any origin, never backwards).
 *
 * Servers find each other by announcements to all, every heartbeat. From then on only the link says who lives: on each a
 * frame goes out every heartbeat, and an end that has heard none for a while gives up.
 */
import { AudibleClock } from './audible-clock.ts';
import { DEFAULT_MAX_KEPT_SIZE, Link, type LinkOptions } from './link.ts';
import { type Announcement, encodeBody, type IncomingFrame, type OutgoingFrame } from './wire.ts';

/** Told of the members, each at its moment (see `LinkOwner`), and given what is to be published. */
export interface MembershipOwner {
  announce(announcement: Announcement): void;
  publish(serverId: string, frame: OutgoingFrame): void;
  memberJoined(serverId: string): void;
  message(serverId: string, body: unknown): void;
  memberLeft(serverId: string): void;
}

export interface MembershipOptions {
  readonly serverId: string;
  /** ms between two announcements, and between two frames that show that we live. */
  readonly heartbeatInterval: number;
  /** ms of silence after which a server counts as dead. */
  readonly deadAfter: number;
  /** The number of the first incarnation of a link: above those of an earlier life under the same id, as the time of day is. */
  readonly firstIncarnation: number;
  /** Bytes of bodies, about, that may wait for one server's acknowledgement; 16 MiB by default. */
  readonly maxKeptSize?: number;
}

interface Neighbour {
  readonly link: Link;
  /** When it last showed that it lives, on the audible clock. */
  heardAt: number;
}

export class Membership {
  readonly #serverId: string;
  readonly #deadAfter: number;
  readonly #heartbeatInterval: number;
  readonly #linkOptions: LinkOptions;
  readonly #owner: MembershipOwner;
  readonly #clock: AudibleClock;
  /** When the next heartbeat is due. */
  #heartbeatAt: number;
  readonly #neighbours = new Map<string, Neighbour>();

  constructor(options: MembershipOptions, owner: MembershipOwner, now: number) {
    this.#serverId = options.serverId;
    this.#deadAfter = options.deadAfter;
    let incarnation = options.firstIncarnation;
    this.#linkOptions = {
      createIncarnation: () => incarnation++,
      maxKeptSize: options.maxKeptSize ?? DEFAULT_MAX_KEPT_SIZE,
    };
    this.#owner = owner;
    this.#heartbeatInterval = options.heartbeatInterval;
    this.#heartbeatAt = now;
    // Twice the interval: a heartbeat that is late or lost makes no difference yet.
    this.#clock = new AudibleClock(2 * options.heartbeatInterval, now);
  }

  /** Ids of the servers that a body can be sent to. */
  get members(): string[] {
    return [...this.#neighbours].filter(([, { link }]) => link.isEstablished).map(([serverId]) => serverId);
  }

  /** When (ms) one of our own announcements last came back. */
  get heardOurselvesAt(): number {
    return this.#clock.heardAt;
  }

  /** To be called at the start and then several times an interval: gives up the dead, and shows that we live when that is due. */
  tick(now: number): void {
    for (const [serverId, { heardAt }] of this.#neighbours)
      if (this.#clock.read(now) - heardAt >= this.#deadAfter) this.#drop(serverId);
    if (now >= this.#heartbeatAt) {
      // Kept to a grid, so that ticks that come a little early or late do not stretch the interval.
      this.#heartbeatAt = Math.max(this.#heartbeatAt, now - this.#heartbeatInterval) + this.#heartbeatInterval;
      this.#greetAll();
    }
  }

  /** The broker is there again: asks for what was missed meanwhile, and lets others notice what they have. */
  resume(): void {
    this.#greetAll(true);
  }

  receiveAnnouncement({ from, goodbye }: Announcement, now: number): void {
    if (from === this.#serverId) this.#clock.hear(now);
    else if (goodbye) this.#drop(from);
    else if (!this.#neighbours.has(from)) this.#meet(from, now).link.heartbeat();
  }

  receiveFrame(frame: IncomingFrame, now: number): void {
    if (frame.from === this.#serverId) return;
    const neighbour = this.#neighbours.get(frame.from) ?? this.#meet(frame.from, now);
    if (neighbour.link.receive(frame)) neighbour.heardAt = this.#clock.read(now);
  }

  /** Queues a body for one server; dropped where that is no member. Throws as `encodeBody`. */
  send(serverId: string, body: unknown): void {
    this.#neighbours.get(serverId)?.link.send(encodeBody(body));
  }

  /** Queues a body for all members. Throws as `encodeBody`. */
  broadcast(body: unknown): void {
    const text = encodeBody(body);
    for (const { link } of this.#neighbours.values()) link.send(text);
  }

  /** Sends what is queued. */
  flush(): void {
    for (const { link } of this.#neighbours.values()) link.flush();
  }

  /** Says goodbye, behind everything that is queued. */
  leave(): void {
    this.flush();
    this.#owner.announce({ from: this.#serverId, goodbye: true });
  }

  #meet(serverId: string, now: number): Neighbour {
    const owner = this.#owner;
    const link = new Link(this.#linkOptions, {
      publish: (frame) => owner.publish(serverId, frame),
      joined: () => owner.memberJoined(serverId),
      message: (body) => owner.message(serverId, body),
      left: () => owner.memberLeft(serverId),
    });
    const neighbour = { link, heardAt: this.#clock.read(now) };
    this.#neighbours.set(serverId, neighbour);
    return neighbour;
  }

  #greetAll(again = false): void {
    this.#owner.announce({ from: this.#serverId });
    for (const { link } of this.#neighbours.values()) link.heartbeat(again);
  }

  /** Where it comes back it gets a new link, and so a new incarnation: its own end has to give up what was too. */
  #drop(serverId: string): void {
    const link = this.#neighbours.get(serverId)?.link;
    this.#neighbours.delete(serverId);
    link?.giveUp();
  }
}
