/**
 * The seats of one other shard, in the main thread, where the encodings are looked after. Each is a member of its group like
 * any session of our own; but instead of queueing frames it puts its name down for them, and one message takes the frame and
 * the names to the shard.
 */
import type { Transferable } from 'node:worker_threads';
import { asError, TsWebRTCError } from '../../common/errors.ts';
import type { PacketArena } from '../../rtp/packet-arena.ts';
import type { PacketisedFrame } from '../../rtp/packetised-frame.ts';
import type { EncodingPool } from '../encoding-pool.ts';
import type { EncodingView } from '../encoding-source.ts';
import type { KeyframeUrgency } from '../keyframe-governor.ts';
import type { GroupSubscriber, Membership } from '../membership.ts';
import type { SinkTrack } from '../tracks.ts';
import { errorMessage, type FromSeat, seatState, type ToSeat } from './messages.ts';
import { packFrame } from './packed-frame.ts';

export interface RemoteSeatsOptions {
  readonly encodings: Pick<EncodingPool, 'join'>;
  /** Where frames lie. */
  readonly arena: PacketArena;
  readonly tracks: () => readonly SinkTrack[];
  readonly post: (message: ToSeat, transfer?: readonly Transferable[]) => void;
}

export class RemoteSeats {
  readonly #options: RemoteSeatsOptions;
  readonly #seats = new Map<number, RemoteSeat>();
  /** What the next message is made of: a frame, its encoding, and who is to have it. */
  #frame: PacketisedFrame | undefined;
  #encoding: EncodingView | undefined;
  #ids: number[] = [];
  #states: number[] = [];

  constructor(options: RemoteSeatsOptions) {
    this.#options = options;
  }

  handle(message: FromSeat): void {
    switch (message.type) {
      case 'join':
        void this.#join(message);
        return;
      case 'targets':
        for (const [index, id] of message.seats.entries()) {
          this.#seats.get(id)?.membership?.setTarget(message.bitrates[index]!);
        }
        return;
      case 'keyframe':
        this.#seats.get(message.seat)?.requestKeyframe(message.urgency);
        return;
      case 'leave':
        this.#leave(message.seat);
    }
  }

  /** Gives up all of them: the shard is gone. */
  clear(): void {
    this.#frame = undefined;
    for (const id of [...this.#seats.keys()]) this.#leave(id);
  }

  /** @internal Puts the seat down for a frame. */
  add(frame: PacketisedFrame, encoding: EncodingView, id: number, state: number): void {
    if (this.#frame !== frame) {
      this.#send();
      this.#frame = frame;
      this.#encoding = encoding;
      // When everybody who is on the encoding has been asked.
      queueMicrotask(() => this.#send());
    }
    this.#ids.push(id);
    this.#states.push(state);
  }

  #send(): void {
    const frame = this.#frame && packFrame(this.#frame, this.#options.arena);
    if (frame) {
      const encoding = viewOf(this.#encoding!);
      const [seats, states] = [Uint32Array.from(this.#ids), Uint8Array.from(this.#states)];
      this.#options.post({ type: 'frame', frame, encoding, seats, states }, [frame.bytes.buffer]);
    }
    this.#frame = undefined;
    this.#ids.length = this.#states.length = 0;
  }

  async #join({ seat: id, sessionId, track: name, wanted, bitrate }: Extract<FromSeat, { type: 'join' }>): Promise<void> {
    const { encodings, tracks, post } = this.#options;
    const seat = new RemoteSeat(id, this, (error) =>
      post({ type: 'seat-failed', seat: id, error: errorMessage(asError(error)) }),
    );
    this.#seats.set(id, seat);
    try {
      const track = tracks().find((other) => other.name === name);
      // The thread does not know yet.
      if (!track) throw new TsWebRTCError('INVALID_STATE', `track ${name} was removed.`);
      const membership = await encodings.join(track, wanted, seat, bitrate, sessionId);
      if (this.#seats.get(id) !== seat) return membership.leave();
      seat.membership = membership;
      post({ type: 'joined', seat: id, encoding: membership.encoding && viewOf(membership.encoding), reason: membership.reason });
    } catch (error) {
      if (!this.#seats.delete(id)) return;
      post({ type: 'not-joined', seat: id, error: errorMessage(asError(error, 'ENCODER_FAILED')) });
    }
  }

  #leave(id: number): void {
    const seat = this.#seats.get(id);
    this.#seats.delete(id);
    seat?.membership?.leave();
  }
}

class RemoteSeat implements GroupSubscriber {
  membership: Membership | undefined;
  readonly onFailure: (error: Error) => void;
  readonly #id: number;
  readonly #seats: RemoteSeats;
  #switched = true;
  /** Its session sends: before that it asks for no keyframe, and makes no use of one. */
  #sends = false;

  constructor(id: number, seats: RemoteSeats, onFailure: (error: Error) => void) {
    this.#id = id;
    this.#seats = seats;
    this.onFailure = onFailure;
  }

  requestKeyframe(urgency: KeyframeUrgency): void {
    this.#sends = true;
    this.membership?.requestKeyframe(urgency);
  }

  onFrame(frame: PacketisedFrame): boolean {
    const { membership } = this;
    if (!membership?.encoding) return false;
    const { encoding, reason, switching } = membership;
    this.#seats.add(frame, encoding, this.#id, seatState(reason, switching, this.#switched));
    this.#switched = false;
    return this.#sends;
  }

  onSwitch(): void {
    this.#switched = true;
  }
}

/** What of an encoding crosses threads. */
function viewOf({ id, bitrate, format, mitigation }: EncodingView): EncodingView {
  return { id, bitrate, format, mitigation };
}
