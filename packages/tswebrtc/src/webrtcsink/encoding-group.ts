/**
 * The encodings of one track in one codec, and which session is on which of them. The planner decides who shares with whom at
 * which bitrate; this carries it out: starts and stops encoders, brings those that run to their bitrate, and moves sessions
 * from one to another at a keyframe, so that what each session sends can always be decoded.
 */
import { asError, TsWebRTCError } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import type { PacketisedFrame } from '../rtp/packetised-frame.ts';
import type { KeyframeUrgency } from './keyframe-governor.ts';
import type { FrameSubscriber, SharedEncoding, SharedEncodingOptions } from './shared-encoding.ts';
import { matchEncodings } from './sharing/match-encodings.ts';
import type { Placement, PlacementReason, RungPlanner } from './sharing/rung-planner.ts';

/** How long an encoding outlives its last session, ms, so that a viewer who comes back does not wait for it to open. */
const LINGER = 5000;
/** Targets that come within this time are planned for together, ms; one that falls is not kept waiting. */
const PLAN_INTERVAL = 100;
/** An encoder that failed sooner than this after it opened is not opened again at once, ms. */
const REOPEN_AFTER = 2000;
/** Where an encoder could not be opened, sessions that have another one stay there for so long, ms. */
const RETRY_DELAY = 5000;

/** A session's track, to which frames go. */
export interface GroupSubscriber {
  /** Takes a frame; false when it could not use it. */
  onFrame(frame: PacketisedFrame): boolean;
  /** The frames to come are of another encoding, which begins with a keyframe. */
  onSwitch(): void;
  /** There is no encoding for it any more. */
  onFailure(error: Error): void;
}

export interface EncodingGroupOptions {
  readonly planner: RungPlanner<Membership>;
  readonly kind: 'audio' | 'video';
  readonly perConsumer: boolean;
  /** Opens an encoder. */
  readonly open: (
    bitrate: number,
    hooks: Pick<SharedEncodingOptions, 'onError' | 'onEnded'>,
    /** Label of the first member, who needs it. */
    label: string | undefined,
  ) => Promise<SharedEncoding>;
  readonly onError: (error: Error, encodingId: string) => void;
  readonly logger: Logger;
}

/** An encoding that runs, opens, or outlives its last session. */
interface Entry {
  readonly opening: Promise<SharedEncoding>;
  encoding: SharedEncoding | undefined;
  bitrate: number;
  /** Sessions that are on it, or on the way to it or away from it. */
  readonly members: Set<Membership>;
  linger: NodeJS.Timeout | undefined;
  openedAt: number;
  has(member: Membership): boolean;
}

export class EncodingGroup {
  readonly #options: EncodingGroupOptions;
  readonly #entries = new Set<Entry>();
  readonly #memberships = new Set<Membership>();
  #timer: NodeJS.Timeout | undefined;
  #urgent = false;
  #closed = false;
  #retryAt = Number.NEGATIVE_INFINITY;

  constructor(options: EncodingGroupOptions) {
    this.#options = options;
  }

  /** Encodings that are open, and who is on each. */
  get encodings(): { readonly encoding: SharedEncoding; readonly members: readonly Membership[] }[] {
    return [...this.#entries].flatMap(({ encoding }) =>
      encoding ? [{ encoding, members: [...this.#memberships].filter((member) => member.encoding === encoding) }] : [],
    );
  }

  /** Gets `subscriber` frames at about `target` bit/s; rejects with `ENCODER_FAILED`. `label` names it in statistics. */
  async join(subscriber: GroupSubscriber, target: number, label: string): Promise<Membership> {
    const membership = new Membership(this, subscriber, this.#options.kind, label);
    this.#memberships.add(membership);
    this.#options.planner.setTarget(membership, target, performance.now());
    this.#plan();
    try {
      await membership.assigned!.opening;
    } catch (error) {
      this.leave(membership);
      throw error;
    }
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
    const { planner, perConsumer } = this.#options;
    const down = planner.setTarget(membership, target, performance.now());
    const alone = perConsumer || membership.reason === 'alone';
    const falls = alone && membership.encoding !== undefined && target < membership.encoding.bitrate;
    this.#schedule(down || falls);
  }

  /** @internal */
  leave(membership: Membership): void {
    if (!this.#memberships.delete(membership)) return;
    membership.left = true;
    this.#options.planner.remove(membership);
    membership.detach();
    if (!this.#closed) this.#schedule(false);
  }

  async close(): Promise<void> {
    this.#closed = true;
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
    this.#options.planner.setContentBitrate(this.#contentBitrate(now));
    const placements = this.#options.planner.plan(now);
    const entries = matchEncodings(placements, [...this.#entries]);
    for (const [index, placement] of placements.entries()) {
      const mayWait = now < this.#retryAt && placement.members.every(({ encoding }) => encoding !== undefined);
      if (!entries[index] && mayWait) continue;
      const entry = entries[index] ?? this.#start(placement.bitrate, placement.members[0]?.label);
      entry.bitrate = placement.bitrate;
      entry.encoding?.setBitrate(placement.bitrate, now);
      for (const membership of placement.members) membership.assign(entry, this.#reasonOf(membership, placement));
    }
    for (const entry of this.#entries) this.#rest(entry);
  }

  /** What the content needs, as the encoding with the highest bitrate shows. */
  #contentBitrate(now: number): number | undefined {
    let highest: Entry | undefined;
    for (const entry of this.#entries) {
      if (entry.members.size > 0 && entry.bitrate > (highest?.bitrate ?? 0)) highest = entry;
    }
    return this.#options.kind === 'video' ? highest?.encoding?.contentBitrate(now) : undefined;
  }

  #reasonOf(membership: Membership, { members, merged }: Placement<Membership>): PlacementReason {
    if (this.#options.perConsumer) return 'per-consumer';
    if (merged.has(membership)) return 'merged';
    return members.length === 1 ? 'alone' : 'shared';
  }

  #start(bitrate: number, label: string | undefined): Entry {
    let failure: Error | undefined;
    const hooks: Pick<SharedEncodingOptions, 'onError' | 'onEnded'> = {
      onError: (error) => {
        failure = error;
        if (entry.encoding) this.#onError(entry, error);
      },
      onEnded: () => this.#options.logger.debug({ encoding: entry.encoding?.id }, 'encoding ended with its input'),
    };
    const opening = this.#options.open(bitrate, hooks, label).then(async (encoding) => {
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
    this.#entries.delete(entry);
    for (const member of members) member.lost(entry);
    void this.#stop(entry);
    this.#options.onError(error, id);
    if (lived < REOPEN_AFTER) {
      for (const member of members) if (!member.encoding && !member.left) member.subscriber.onFailure(error);
    } else this.#plan();
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

/** A session's place in the group. */
export class Membership implements FrameSubscriber {
  readonly subscriber: GroupSubscriber;
  /** Names the session in statistics. */
  readonly label: string;
  /** Where it is to be. */
  assigned: Entry | undefined;
  /** The encoding whose frames it gets. */
  encoding: SharedEncoding | undefined;
  reason: PlacementReason = 'alone';
  left = false;
  readonly #group: EncodingGroup;
  readonly #kind: 'audio' | 'video';
  #current: Entry | undefined;

  constructor(group: EncodingGroup, subscriber: GroupSubscriber, kind: 'audio' | 'video', label: string) {
    this.#group = group;
    this.subscriber = subscriber;
    this.#kind = kind;
    this.label = label;
  }

  /** It got its first encoding. */
  get joined(): boolean {
    return this.#current !== undefined;
  }

  /** It waits for the first keyframe of another encoding. */
  get switching(): boolean {
    return this.assigned !== this.#current;
  }

  /** What the session may have, bit/s. */
  setTarget(bitrate: number): void {
    this.#group.setTarget(this, bitrate);
  }

  requestKeyframe(urgency: KeyframeUrgency = 'normal'): void {
    const wanted = this.assigned?.encoding ?? this.encoding;
    wanted?.requestKeyframe(urgency);
  }

  /** Gives up the place. Idempotent. */
  leave(): void {
    this.#group.leave(this);
  }

  onFrame(frame: PacketisedFrame, from: SharedEncoding): boolean {
    if (from === this.encoding) return this.subscriber.onFrame(frame);
    const next = this.assigned;
    if (!next || from !== next.encoding || !(frame.keyframe || this.#kind === 'audio')) return false;
    this.#moveTo(next, from);
    return this.subscriber.onFrame(frame);
  }

  /** @internal The place it ought to have. */
  assign(entry: Entry, reason: PlacementReason): void {
    this.reason = reason;
    if (this.assigned === entry) return;
    const previous = this.assigned;
    this.assigned = entry;
    if (previous && previous !== this.#current) this.#release(previous);
    if (entry === this.#current) return;
    entry.members.add(this);
    if (entry.encoding) this.opened(entry, entry.encoding);
  }

  /** @internal The encoding it is to have runs. */
  opened(entry: Entry, encoding: SharedEncoding): void {
    if (this.assigned !== entry) return;
    encoding.subscribe(this);
    if (!this.#current) this.#moveTo(entry, encoding);
    else encoding.requestKeyframe(encoding.bitrate < (this.encoding?.bitrate ?? 0) ? 'switch' : 'climb');
  }

  /** @internal `entry` is gone. Returns whether it has another encoding to go on with. */
  lost(entry: Entry): boolean {
    entry.encoding?.unsubscribe(this);
    entry.members.delete(this);
    if (this.#current === entry) {
      this.#current = undefined;
      this.encoding = undefined;
      this.subscriber.onSwitch();
    }
    if (this.assigned === entry) this.assigned = this.#current;
    return this.#current !== undefined;
  }

  /** @internal */
  detach(): void {
    if (this.#current) this.#release(this.#current);
    if (this.assigned) this.#release(this.assigned);
    this.assigned = this.#current = this.encoding = undefined;
  }

  #moveTo(entry: Entry, encoding: SharedEncoding): void {
    const previous = this.#current;
    this.#current = entry;
    this.encoding = encoding;
    if (previous) this.#release(previous);
    this.subscriber.onSwitch();
  }

  #release(entry: Entry): void {
    entry.encoding?.unsubscribe(this);
    entry.members.delete(this);
  }
}
