/**
 * When packets are due that come faster than they are played, and where they lie on the input's timeline: as their timestamps say,
 * and as much later as the source itself was late. Sans-IO: µs.
 */
import type { FeedPacket, FeedStream } from './feed.ts';

/** What comes later than this was late already when it came: what follows is as much later. */
const LATE = 20_000;

export class PacedClock {
  /** From the feed's clock to the timeline. */
  #shift: number | undefined;
  /** Where the latest that was played ends, on the timeline. */
  #end = 0;
  /** The stream whose pictures do not come in the order in which they are shown. */
  #reordered: number | undefined;
  /** Of it, the one that is shown last, on the feed's clock. */
  #newest = Number.NEGATIVE_INFINITY;

  /** When a packet is due that was asked for at `asked` and came at `now`. */
  due(packet: FeedPacket, asked: number, now: number): number {
    const { time = 0, due: decoded = time } = packet;
    this.#shift ??= Math.max(now - decoded, this.#end - time);
    // Late because it came late, not because we are.
    if (decoded + this.#shift < now - LATE && now - asked > LATE && this.#mayShift(packet)) this.#shift = now - decoded;
    return decoded + this.#shift;
  }

  /** Where it lies on the timeline, once it is due. */
  place({ stream, time = 0, duration }: FeedPacket): number {
    const placed = time + (this.#shift ?? 0);
    this.#end = Math.max(this.#end, placed + duration);
    if (stream === this.#reordered) this.#newest = Math.max(this.#newest, time);
    return placed;
  }

  /** What comes is of another beginning, behind all that was. */
  restart(streams: readonly FeedStream[]): void {
    this.#shift = undefined;
    this.#newest = Number.NEGATIVE_INFINITY;
    const reordered = streams.findIndex(({ parameters }) => parameters.videoDelay > 0);
    this.#reordered = reordered < 0 ? undefined : reordered;
  }

  /** A shift between pictures that change places would change their order: it begins with one that is shown after all before. */
  #mayShift({ stream, time = 0 }: FeedPacket): boolean {
    return this.#reordered === undefined || (stream === this.#reordered && time >= this.#newest);
  }
}
