/**
 * The encodings of one track in one codec, and which session is on which of them. The planner decides who shares with whom at
 * which bitrate; this carries it out: starts and stops encoders, brings those that run to their bitrate, and moves sessions
 * from one to another at a keyframe, so that what each session sends can always be decoded.
 */
import { asError, TsWebRTCError } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import { type Entry, type GroupSubscriber, Membership } from './membership.ts';
import type { SharedEncoding, SharedEncodingOptions } from './shared-encoding.ts';
import { matchEncodings } from './sharing/match-encodings.ts';
import { PATIENCE, type PassthroughPlanner } from './sharing/passthrough-planner.ts';
import type { Placement, PlacementReason, RungPlanner } from './sharing/rung-planner.ts';

/** How long an encoding outlives its last session, ms, so that a viewer who comes back does not wait for it to open. */
const LINGER = 5000;
/** Targets that come within this time are planned for together, ms; one that falls is not kept waiting. */
const PLAN_INTERVAL = 100;
/** An encoder that failed sooner than this after it opened is not opened again at once, ms. */
const REOPEN_AFTER = 2000;
/** Where an encoder could not be opened, sessions that have another one stay there for so long, ms. */
const RETRY_DELAY = 5000;

/** Opens an encoding. */
export type OpenEncoding = (
  bitrate: number,
  hooks: Pick<SharedEncodingOptions, 'onError' | 'onEnded'>,
  /** Label of the first member, who needs it. */
  label: string | undefined,
) => Promise<SharedEncoding>;

export interface EncodingGroupOptions {
  readonly planner: RungPlanner<Membership>;
  readonly kind: 'audio' | 'video';
  readonly perConsumer: boolean;
  /** Opens an encoder. */
  readonly open: OpenEncoding;
  /** Where the input comes in this codec: its own packets, and who gets them. */
  readonly passthrough?: { readonly planner: PassthroughPlanner<Membership>; readonly open: OpenEncoding };
  readonly onError: (error: Error, encodingId: string) => void;
  readonly logger: Logger;
}

export class EncodingGroup {
  readonly #options: EncodingGroupOptions;
  readonly #entries = new Set<Entry>();
  readonly #memberships = new Set<Membership>();
  #timer: NodeJS.Timeout | undefined;
  #urgent = false;
  #closed = false;
  #retryAt = Number.NEGATIVE_INFINITY;
  /** The input's own packets can be passed on. */
  #passable: boolean;

  constructor(options: EncodingGroupOptions) {
    this.#options = options;
    this.#passable = options.passthrough !== undefined;
  }

  /** Encodings that are open, and who is on each. */
  get encodings(): { readonly encoding: SharedEncoding; readonly members: readonly Membership[] }[] {
    return [...this.#entries].flatMap(({ encoding }) =>
      encoding ? [{ encoding, members: [...this.#memberships].filter((member) => member.encoding === encoding) }] : [],
    );
  }

  /** Nobody is in it, and nothing runs. */
  get empty(): boolean {
    return this.#entries.size === 0 && this.#memberships.size === 0;
  }

  /** Gets `subscriber` frames at about `target` bit/s; rejects with `ENCODER_FAILED`. `label` names it in statistics. */
  async join(subscriber: GroupSubscriber, target: number, label: string): Promise<Membership> {
    const membership = new Membership(this, subscriber, this.#options.kind, label, target);
    this.#memberships.add(membership);
    if (!this.#passable) this.#options.planner.setTarget(membership, target, performance.now());
    else {
      this.#options.passthrough!.planner.setTarget(membership, target, performance.now());
      membership.patience = setTimeout(() => this.#schedule(true), PATIENCE + 1);
    }
    this.#plan();
    await this.#opened(membership);
    if (membership.left) return membership;
    if (!membership.encoding) {
      this.leave(membership);
      throw new TsWebRTCError('ENCODER_FAILED', 'the encoder failed as soon as it was open.');
    }
    return membership;
  }

  /** @internal */
  setTarget(membership: Membership, target: number): void {
    if (this.#closed || membership.left) return;
    const { planner, perConsumer, passthrough } = this.#options;
    const now = performance.now();
    membership.target = target;
    passthrough?.planner.setTarget(membership, target, now);
    if (membership.assigned?.passthrough) {
      // Mostly it stays, and nobody else is concerned.
      if (passthrough?.planner.place(membership, membership.assigned.encoding?.bitrate, now) !== 'passed') this.#schedule(false);
      return;
    }
    const down = planner.setTarget(membership, target, now);
    const alone = perConsumer || membership.reason === 'alone';
    const falls = alone && membership.encoding !== undefined && target < membership.encoding.bitrate;
    this.#schedule(down || falls);
  }

  /** @internal */
  leave(membership: Membership): void {
    if (!this.#memberships.delete(membership)) return;
    membership.left = true;
    clearTimeout(membership.patience);
    this.#options.planner.remove(membership);
    this.#options.passthrough?.planner.remove(membership);
    membership.detach();
    if (!this.#closed) this.#schedule(false);
  }

  /** @internal It was sent a keyframe of the input's own. */
  started(membership: Membership): void {
    clearTimeout(membership.patience);
    this.#options.planner.remove(membership);
    this.#options.passthrough?.planner.started(membership);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { patience } of this.#memberships) clearTimeout(patience);
    clearTimeout(this.#timer);
    await Promise.all([...this.#entries].map((entry) => this.#stop(entry)));
  }

  #schedule(urgent: boolean): void {
    if (this.#timer && (this.#urgent || !urgent)) return;
    clearTimeout(this.#timer);
    this.#urgent = urgent;
    this.#timer = setTimeout(() => this.#plan(), urgent ? 0 : PLAN_INTERVAL);
  }

  #plan(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#urgent = false;
    if (this.#closed) return;
    const now = performance.now();
    this.#placePassed(now);
    this.#options.planner.setContentBitrate(this.#contentBitrate(now));
    const placements = this.#options.planner.plan(now);
    const entries = matchEncodings(
      placements,
      [...this.#entries].filter(({ passthrough }) => !passthrough),
    );
    for (const [index, placement] of placements.entries()) {
      const mayWait = now < this.#retryAt && placement.members.every(({ encoding }) => encoding !== undefined);
      if (!entries[index] && mayWait) continue;
      const entry = entries[index] ?? this.#start(placement.bitrate, this.#options.open, false, placement.members[0]?.label);
      entry.bitrate = placement.bitrate;
      entry.encoding?.setBitrate(placement.bitrate, now);
      for (const membership of placement.members) membership.assign(entry, this.#reasonOf(membership, placement));
    }
    for (const entry of this.#entries) this.#rest(entry);
  }

  /** Gives the input's own packets to those who are to have them; the others are the planner's. */
  #placePassed(now: number): void {
    const { passthrough, planner } = this.#options;
    if (!passthrough || !this.#passable) return;
    let entry = [...this.#entries].find((other) => other.passthrough);
    for (const membership of this.#memberships) {
      const place = passthrough.planner.place(membership, entry?.encoding?.bitrate, now);
      if (place !== 'encoded') entry ??= this.#start(membership.target, passthrough.open, true, membership.label);
      if (place === 'passed') {
        planner.remove(membership);
        membership.assign(entry!, 'passthrough');
      } else {
        if (membership.assigned?.passthrough || !membership.assigned) planner.setTarget(membership, membership.target, now);
        membership.want(place === 'changing' ? entry : undefined);
      }
    }
  }

  /** Resolves when a newcomer has an encoding; one that fails may be replaced by another meanwhile. */
  async #opened(membership: Membership): Promise<void> {
    for (let entry = membership.assigned; entry && !membership.left; ) {
      try {
        await entry.opening;
        return;
      } catch (error) {
        if (membership.assigned && membership.assigned !== entry) entry = membership.assigned;
        else {
          this.leave(membership);
          throw error;
        }
      }
    }
  }

  /** What the content needs, as the encoding with the highest bitrate shows. */
  #contentBitrate(now: number): number | undefined {
    let highest: Entry | undefined;
    for (const entry of this.#entries) {
      if (!entry.passthrough && entry.members.size > 0 && entry.bitrate > (highest?.bitrate ?? 0)) highest = entry;
    }
    return this.#options.kind === 'video' ? highest?.encoding?.contentBitrate(now) : undefined;
  }

  #reasonOf(membership: Membership, { members, merged }: Placement<Membership>): PlacementReason {
    if (this.#options.perConsumer) return 'per-consumer';
    if (merged.has(membership)) return 'merged';
    return members.length === 1 ? 'alone' : 'shared';
  }

  #start(bitrate: number, open: OpenEncoding, passthrough: boolean, label: string | undefined): Entry {
    let failure: Error | undefined;
    const hooks: Pick<SharedEncodingOptions, 'onError' | 'onEnded'> = {
      onError: (error) => {
        failure = error;
        if (entry.encoding) this.#onError(entry, error);
      },
      onEnded: () => this.#options.logger.debug({ encoding: entry.encoding?.id }, 'encoding ended with its input'),
    };
    const opening = open(bitrate, hooks, label).then(async (encoding) => {
      if (failure) {
        await encoding.close();
        throw asError(failure, 'ENCODER_FAILED');
      }
      entry.encoding = encoding;
      entry.openedAt = performance.now();
      encoding.setBitrate(entry.bitrate, entry.openedAt);
      for (const member of entry.members) member.opened(entry, encoding);
      return encoding;
    });
    const members = new Set<Membership>();
    const entry: Entry = {
      opening,
      encoding: undefined,
      bitrate,
      passthrough,
      members,
      linger: undefined,
      openedAt: Number.POSITIVE_INFINITY,
      has: (member) => member.assigned === entry,
    };
    this.#entries.add(entry);
    opening.catch((error: Error) => this.#onOpenFailure(entry, error));
    return entry;
  }

  /** Whoever waits for it hears of it from `join`, or stays where it is. */
  #onOpenFailure(entry: Entry, error: Error): void {
    this.#entries.delete(entry);
    clearTimeout(entry.linger);
    if (entry.passthrough) {
      this.#giveUpPassing(entry, error);
      return;
    }
    this.#retryAt = performance.now() + RETRY_DELAY;
    for (const member of [...entry.members]) {
      const stays = member.lost(entry);
      if (!stays && member.joined && !this.#closed) member.subscriber.onFailure(error);
    }
  }

  /** An encoder broke while it ran: its sessions get another, unless this one was new itself: then that would go on for ever. */
  #onError(entry: Entry, error: Error): void {
    const lived = performance.now() - entry.openedAt;
    const id = entry.encoding?.id ?? '';
    const members = [...entry.members];
    if (entry.passthrough) {
      void this.#stop(entry);
      this.#giveUpPassing(entry, error);
      return;
    }
    this.#entries.delete(entry);
    for (const member of members) member.lost(entry);
    void this.#stop(entry);
    this.#options.onError(error, id);
    if (lived < REOPEN_AFTER) {
      for (const member of members) if (!member.encoding && !member.left) member.subscriber.onFailure(error);
    } else this.#plan();
  }

  /** The input's packets turned out to be of no use: everybody gets an encoding of ours. */
  #giveUpPassing(entry: Entry, error: Error): void {
    this.#passable = false;
    this.#entries.delete(entry);
    this.#options.logger.warn({ reason: error.message }, 'the packets of the input cannot be passed on');
    const now = performance.now();
    const members = [...entry.members];
    for (const member of members) member.lost(entry);
    if (this.#options.passthrough?.planner.always) {
      for (const member of members) member.subscriber.onFailure(error);
      return;
    }
    for (const member of this.#memberships) if (!member.assigned) this.#options.planner.setTarget(member, member.target, now);
    this.#plan();
  }

  /** Stops an encoding some time after its last session. */
  #rest(entry: Entry): void {
    if (entry.members.size > 0) {
      clearTimeout(entry.linger);
      entry.linger = undefined;
    } else entry.linger ??= setTimeout(() => void this.#stop(entry), LINGER);
  }

  async #stop(entry: Entry): Promise<void> {
    this.#entries.delete(entry);
    clearTimeout(entry.linger);
    const encoding = await entry.opening.catch(() => undefined);
    if (!encoding) return;
    await encoding.close();
    this.#options.logger.info({ encoding: encoding.id }, 'encoding stopped');
  }
}
