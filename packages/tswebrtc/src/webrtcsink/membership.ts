/** A session's place among the encodings of one track and codec, and how it changes from one to another: at a keyframe. */
import type { PacketisedFrame } from '../rtp/packetised-frame.ts';
import type { EncodingGroup } from './encoding-group.ts';
import type { KeyframeUrgency } from './keyframe-governor.ts';
import type { FrameSubscriber, SharedEncoding } from './shared-encoding.ts';
import type { PlacementReason } from './sharing/rung-planner.ts';

/** A session's track, to which frames go. */
export interface GroupSubscriber {
  /** Takes a frame; false when it could not use it. */
  onFrame(frame: PacketisedFrame): boolean;
  /** The frames to come are of another encoding, which begins with a keyframe. */
  onSwitch(): void;
  /** There is no encoding for it any more. */
  onFailure(error: Error): void;
}

/** An encoding that runs, opens, or outlives its last session. */
export interface Entry {
  readonly opening: Promise<SharedEncoding>;
  encoding: SharedEncoding | undefined;
  bitrate: number;
  /** The input's own packets. */
  readonly passthrough: boolean;
  /** Sessions that are on it, or on the way to it or away from it. */
  readonly members: Set<Membership>;
  linger: NodeJS.Timeout | undefined;
  openedAt: number;
  has(member: Membership): boolean;
}

/** A session's place in the group. */
export class Membership implements FrameSubscriber {
  readonly subscriber: GroupSubscriber;
  /** Names the session in statistics. */
  readonly label: string;
  /** Where it is to be. */
  assigned: Entry | undefined;
  /** The input's own packets, to which it goes over at their next keyframe. */
  wish: Entry | undefined;
  /** What it may have, bit/s. */
  target: number;
  /** The encoding whose frames it gets. */
  encoding: SharedEncoding | undefined;
  reason: PlacementReason = 'alone';
  left = false;
  /** Until it is looked after whether it has had a keyframe of the input's. */
  patience: NodeJS.Timeout | undefined;
  readonly #group: EncodingGroup;
  readonly #kind: 'audio' | 'video';
  #current: Entry | undefined;

  constructor(group: EncodingGroup, subscriber: GroupSubscriber, kind: 'audio' | 'video', label: string, target: number) {
    this.#group = group;
    this.subscriber = subscriber;
    this.#kind = kind;
    this.label = label;
    this.target = target;
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
    if (from !== this.encoding) {
      const next = this.#next(from);
      if (!next || !(frame.keyframe || this.#kind === 'audio')) return false;
      this.#moveTo(next, from);
    }
    const taken = this.subscriber.onFrame(frame);
    if (taken && from.passthrough && frame.keyframe) this.#group.started(this);
    return taken;
  }

  /** Where frames of `from` would take it. */
  #next(from: SharedEncoding): Entry | undefined {
    const { assigned, wish } = this;
    if (assigned?.encoding === from) return assigned;
    if (wish?.encoding !== from) return undefined;
    this.wish = undefined;
    this.reason = 'passthrough';
    if (assigned && assigned !== this.#current) this.#release(assigned);
    this.assigned = wish;
    return wish;
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

  /** @internal The input's own packets, to go over to when they can be decoded; undefined to stay where it is. */
  want(entry: Entry | undefined): void {
    const previous = this.wish;
    if (previous === entry) return;
    this.wish = entry;
    if (previous && previous !== this.#current) this.#release(previous);
    if (!entry || entry === this.#current) return;
    entry.members.add(this);
    if (entry.encoding) this.opened(entry, entry.encoding);
  }

  /** @internal The encoding it is to have runs. */
  opened(entry: Entry, encoding: SharedEncoding): void {
    if (entry === this.wish) {
      encoding.subscribe(this);
      encoding.requestKeyframe('climb');
    }
    if (this.assigned !== entry) return;
    encoding.subscribe(this);
    if (!this.#current) this.#moveTo(entry, encoding);
    else encoding.requestKeyframe(encoding.bitrate < (this.encoding?.bitrate ?? 0) ? 'switch' : 'climb');
  }

  /** @internal `entry` is gone. Returns whether it has another encoding to go on with. */
  lost(entry: Entry): boolean {
    entry.encoding?.unsubscribe(this);
    entry.members.delete(this);
    if (this.wish === entry) this.wish = undefined;
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
    if (this.wish) this.#release(this.wish);
    this.wish = this.assigned = this.#current = this.encoding = undefined;
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
