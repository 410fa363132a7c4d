/**
 * The encodings as the sessions of a shard's thread see them: a seat here stands for a membership in the main thread. What
 * there is to know of the encoding comes with its frames, so that it fits them.
 */
import type { PacketisedFrame } from '../../../rtp/packetised-frame.ts';
import type { WantedMedia } from '../../codecs.ts';
import type { EncodingSeat, EncodingSource, EncodingView } from '../../encoding-source.ts';
import type { KeyframeUrgency } from '../../keyframe-governor.ts';
import type { GroupSubscriber } from '../../membership.ts';
import type { Shard } from '../../shard.ts';
import type { PlacementReason } from '../../sharing/rung-planner.ts';
import type { SinkTrack } from '../../tracks.ts';
import { errorOf, type FrameMessage, type FromSeat, hasSwitched, isSwitching, reasonOf, type ToSeat } from '../messages.ts';
import { unpackFrame } from '../packed-frame.ts';

/** Targets are told together so often, ms: the planner lets none rise sooner. One that falls below this part of itself is told at once. */
const TARGET_INTERVAL = 50;
const FALL = 0.95;

export class WorkerSeats implements EncodingSource {
  readonly #shard: Shard;
  readonly #post: (message: FromSeat) => void;
  readonly #seats = new Map<number, WorkerSeat>();
  readonly #targets = new Map<number, number>();
  #nextId = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(shard: Shard, post: (message: FromSeat) => void) {
    this.#shard = shard;
    this.#post = post;
  }

  join(
    track: SinkTrack,
    wanted: WantedMedia,
    subscriber: GroupSubscriber,
    bitrate: number,
    sessionId: string,
  ): Promise<EncodingSeat> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const seat = new WorkerSeat(id, this, subscriber, bitrate, { resolve, reject });
      this.#seats.set(id, seat);
      this.#post({ type: 'join', seat: id, sessionId, track: track.name, wanted, bitrate });
    });
  }

  handle(message: ToSeat): void {
    switch (message.type) {
      case 'frame':
        this.#onFrame(message);
        return;
      case 'joined':
        this.#seats.get(message.seat)?.joined(message.encoding, message.reason);
        return;
      default:
        this.#seats.get(message.seat)?.failed(errorOf(message.error));
        if (message.type === 'not-joined') this.#seats.delete(message.seat);
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#seats.clear();
  }

  /** @internal */
  setTarget(id: number, bitrate: number, falls: boolean): void {
    if (!this.#seats.has(id)) return;
    this.#targets.set(id, bitrate);
    if (falls) this.#tellTargets();
    else this.#timer ??= setTimeout(() => this.#tellTargets(), TARGET_INTERVAL);
  }

  /** @internal */
  requestKeyframe(seat: number, urgency: KeyframeUrgency): void {
    // What the session can pay for has to be known before it is answered.
    if (this.#targets.has(seat)) this.#tellTargets();
    this.#post({ type: 'keyframe', seat, urgency });
  }

  /** @internal */
  leave(seat: number): void {
    if (!this.#seats.delete(seat)) return;
    this.#targets.delete(seat);
    this.#post({ type: 'leave', seat });
  }

  #tellTargets(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#targets.size === 0) return;
    const [seats, bitrates] = [Uint32Array.from(this.#targets.keys()), Float64Array.from(this.#targets.values())];
    for (const [id, bitrate] of this.#targets) this.#seats.get(id)!.told = bitrate;
    this.#targets.clear();
    this.#post({ type: 'targets', seats, bitrates });
  }

  #onFrame({ frame: packed, encoding, seats, states }: FrameMessage): void {
    const frame = unpackFrame(packed, this.#shard.arena);
    for (const [index, id] of seats.entries()) this.#seats.get(id)?.onFrame(frame, encoding, states[index]!);
    this.#shard.flush();
  }
}

class WorkerSeat implements EncodingSeat {
  encoding: EncodingView | undefined;
  reason: PlacementReason = 'alone';
  switching = false;
  /** The target that the main thread knows, bit/s. */
  told: number;
  readonly #id: number;
  readonly #seats: WorkerSeats;
  readonly #subscriber: GroupSubscriber;
  #joining: { resolve(seat: EncodingSeat): void; reject(error: Error): void } | undefined;

  constructor(
    id: number,
    seats: WorkerSeats,
    subscriber: GroupSubscriber,
    target: number,
    joining: { resolve(seat: EncodingSeat): void; reject(error: Error): void },
  ) {
    this.#id = id;
    this.#seats = seats;
    this.#subscriber = subscriber;
    this.told = target;
    this.#joining = joining;
  }

  setTarget(bitrate: number): void {
    this.#seats.setTarget(this.#id, bitrate, bitrate < FALL * this.told);
  }

  requestKeyframe(urgency: KeyframeUrgency = 'normal'): void {
    this.#seats.requestKeyframe(this.#id, urgency);
  }

  leave(): void {
    this.#seats.leave(this.#id);
  }

  joined(encoding: EncodingView | undefined, reason: PlacementReason): void {
    this.encoding = encoding;
    this.reason = reason;
    this.#joining?.resolve(this);
    this.#joining = undefined;
  }

  failed(error: Error): void {
    if (this.#joining) this.#joining.reject(error);
    else this.#subscriber.onFailure(error);
    this.#joining = undefined;
  }

  onFrame(frame: PacketisedFrame, encoding: EncodingView, state: number): void {
    this.encoding = encoding;
    this.reason = reasonOf(state);
    this.switching = isSwitching(state);
    if (hasSwitched(state)) this.#subscriber.onSwitch();
    this.#subscriber.onFrame(frame);
  }
}
