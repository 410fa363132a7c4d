/**
 * One timeline for the tracks of a session, so that what was captured together lies together (RFC 3550 §6.4.1): sender
 * reports say which media time of a track was which time of the sender's clock. Before the first of them, and without any,
 * frames lie where they came. Sans-IO: all times in ms.
 */

/**
 * By how much a track may be moved against its own clock while it plays, of the time that passes: less than is heard as another
 * pitch, and more than clocks are wrong (Firefox's fake microphone counts 0.8 % too slowly).
 */
const SLEW = 0.02;
/** What is further away than this is moved at once: nobody sees a picture so late as belonging to its sound. */
const LEAP = 300;
/** Reports that put a frame this far from its arrival tell of another clock than those before: some senders find theirs late. */
const NONSENSE = 2000;
/** Media time that leaves the time of arrival by this much is another stream's. */
const MEDIA_LEAP = 5000;

export class SharedTimeline {
  /** From the sender's clock to the timeline, which is the receiver's own: of the first report that makes sense. */
  #senderOffset: number | undefined;

  addTrack(): TrackClock {
    return new TrackClock((captureTime, arrival) => {
      const offset = this.#senderOffset ?? Number.NaN;
      if (!(Math.abs(captureTime + offset - arrival) <= NONSENSE)) this.#senderOffset = arrival - captureTime;
      return captureTime + this.#senderOffset!;
    });
  }
}

export class TrackClock {
  readonly #toTimeline: (captureTime: number, arrival: number) => number;
  /** From media time to the timeline; undefined before the first frame. */
  #offset: number | undefined;
  /** Where it ought to be, by the sender's reports. */
  #target: number | undefined;
  #placed = false;
  #lastMedia = 0;
  #lastArrival = 0;

  constructor(toTimeline: (captureTime: number, arrival: number) => number) {
    this.#toTimeline = toTimeline;
  }

  /** The sender's reports tell where its frames belong. */
  get synchronised(): boolean {
    return this.#target !== undefined;
  }

  /** A frame came. `mediaTime`: by its RTP timestamp; `captureTime`: by the sender's clock, where known. */
  observe(mediaTime: number, captureTime: number | undefined, arrival: number): void {
    const passed = mediaTime - this.#lastMedia;
    if (this.#offset === undefined || Math.abs(passed - (arrival - this.#lastArrival)) > MEDIA_LEAP) {
      this.#offset = arrival - mediaTime;
      this.#target = undefined;
    }
    if (captureTime !== undefined) this.#target = this.#toTimeline(captureTime, arrival) - mediaTime;
    if (this.#target !== undefined) {
      const away = this.#target - this.#offset;
      const most = SLEW * Math.max(0, passed);
      // Nothing has been placed yet, or the clock leapt: no reason to go slowly.
      if (!this.#placed || Math.abs(away) > LEAP) this.#offset = this.#target;
      else this.#offset += Math.max(-most, Math.min(most, away));
    }
    this.#lastMedia = mediaTime;
    this.#lastArrival = arrival;
  }

  /** Where on the timeline a frame lies that was observed. From the first on, frames of a track keep their distances. */
  place(mediaTime: number): number {
    this.#placed = true;
    return mediaTime + (this.#offset ?? 0);
  }
}
