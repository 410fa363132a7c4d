/**
 * From the packets of one stream, in whatever order they come, to its frames, whole, in order and decodable. It waits for
 * what is missing as long as it may, then goes on with what can be decoded without; it gives frames out evenly where it is
 * told to. Sans-IO: times in ms of any steady clock; sequence numbers are unwrapped ones.
 */
import type { Depacketiser, PayloadInfo } from '../depacketiser.ts';
import { TimestampUnwrapper } from '../timestamp.ts';
import { type PlayoutBounds, PlayoutDelay } from './playout-delay.ts';

/** More packets than this are not kept: half a second of 50 Mbit/s. */
const MOST_PACKETS = 2560;
/** Where nothing is sent again, a gap is only given so long to turn out to be a reordering, ms. */
const REORDERING_TIME = 30;
/** The sender's clock has leapt where a frame is further than this from the last one, ms. */
const LEAP = 10_000;

export interface JitterBufferOptions {
  readonly depacketiser: Depacketiser;
  /** Hz. */
  readonly clockRate: number;
  /**
   * Of the delay that makes uneven frames even: `floor` is waited in any case; beyond `ceiling` nothing is waited for, nothing
   * missing either. ms.
   */
  readonly bounds: PlayoutBounds;
  /** Whether what is missing may yet come, because it was asked for. */
  readonly mayCome: (sequence: number) => boolean;
  /** Whether anything is ever sent again. */
  readonly repairable: boolean;
}

export interface ReceivedFrame {
  readonly data: Uint8Array;
  /** RTP timestamp, unwrapped: it does not jump where 32 bits are full. */
  readonly timestamp: number;
  readonly keyframe: boolean;
  readonly temporalLayer: number;
  /** When its first packet came and when it was whole, ms. */
  readonly firstArrival: number;
  readonly completed: number;
  /** Frames before it, since the last one, were lost. */
  readonly afterLoss: boolean;
}

interface Entry {
  readonly timestamp: number;
  /** Of its frame. */
  readonly last: boolean;
  /** Undefined for what only fills a number: padding, FEC. */
  readonly payload: Uint8Array | undefined;
  readonly info: PayloadInfo | undefined;
  readonly arrival: number;
}

/** A whole frame in the buffer. */
interface Span {
  readonly first: number;
  readonly last: number;
  readonly timestamp: number;
  readonly keyframe: boolean;
  readonly temporalLayer: number;
  readonly tl0PictureIndex: number | undefined;
  readonly firstArrival: number;
  readonly completed: number;
}

export class JitterBuffer {
  readonly #options: JitterBufferOptions;
  readonly #delay: PlayoutDelay;
  readonly #timestamps = new TimestampUnwrapper();
  readonly #packets = new Map<number, Entry>();
  #lowest = Number.POSITIVE_INFINITY;
  #highest = Number.NEGATIVE_INFINITY;
  /** The first packet ever: what begins there is a frame. */
  #origin: number | undefined;
  /** First packet of the frame whose turn it is; undefined before there was any. */
  #next: number | undefined;
  #waitsForKeyframe = true;
  /** Something was lost, and no frame since was seen to do without. */
  #unsure = false;
  #afterLoss = false;
  #tl0PictureIndex: number | undefined;
  #lastMediaTime: number | undefined;
  /** Last packet of the newest frame whose lateness was measured. */
  #measured = Number.NEGATIVE_INFINITY;
  #nextTime = Number.POSITIVE_INFINITY;
  #lost = 0;

  constructor(options: JitterBufferOptions) {
    this.#options = options;
    this.#delay = new PlayoutDelay(options.bounds);
  }

  /** Decoding cannot go on, or begin, without a keyframe. */
  get needsKeyframe(): boolean {
    return this.#waitsForKeyframe;
  }

  /** ms that frames wait beyond the fastest, so that they come evenly. */
  get delay(): number {
    return this.#delay.target;
  }

  /** When `take` may have something that it has not yet, ms, if no packet comes; infinite when never. */
  get nextTime(): number {
    return this.#nextTime;
  }

  /** Gaps that were given up. */
  get gaps(): number {
    return this.#lost;
  }

  /** First packet that is still of use. */
  get oldest(): number {
    return this.#next ?? Number.NEGATIVE_INFINITY;
  }

  /** A packet of media. Keeps a copy. Returns false for one that is late, known, or makes no sense. */
  insert(sequence: number, timestamp: number, marker: boolean, payload: Uint8Array, arrival: number): boolean {
    if (!this.#isWanted(sequence)) return false;
    const info = this.#options.depacketiser.inspect(payload);
    if (!info) return false;
    const unwrapped = this.#timestamps.unwrap(timestamp);
    const last = marker || info.ends === true;
    this.#add(sequence, { timestamp: unwrapped, last, payload: Uint8Array.from(payload), info, arrival });
    return true;
  }

  /** A packet that has a number of the stream and no media in it: padding, FEC. */
  fill(sequence: number, timestamp: number, arrival: number): void {
    if (!this.#isWanted(sequence)) return;
    this.#add(sequence, {
      timestamp: this.#timestamps.unwrap(timestamp),
      last: false,
      payload: undefined,
      info: undefined,
      arrival,
    });
  }

  /** Forgets all: what comes has nothing to do with it. */
  reset(): void {
    this.#packets.clear();
    this.#lowest = Number.POSITIVE_INFINITY;
    this.#highest = Number.NEGATIVE_INFINITY;
    this.#origin = this.#next = undefined;
    this.#breakOff();
    this.#measured = Number.NEGATIVE_INFINITY;
    this.#delay.reset();
    this.#lastMediaTime = undefined;
  }

  /** The next frame that is due; undefined where there is none, see `nextTime`. */
  take(now: number): ReceivedFrame | undefined {
    this.#nextTime = Number.POSITIVE_INFINITY;
    for (;;) {
      const span = this.#waitsForKeyframe ? this.#begin() : this.#whole(this.#next!);
      if (!span) {
        if (this.#waitsForKeyframe || !this.#giveUp(now)) return undefined;
        continue;
      }
      if (this.#unsure && !this.#passes(span)) continue;
      const mediaTime = this.#mediaTime(span.timestamp);
      this.#measure(span, mediaTime);
      const due = this.#delay.playTime(mediaTime);
      if (now < due) {
        this.#nextTime = due;
        return undefined;
      }
      const frame = this.#emit(span);
      if (frame) return frame;
    }
  }

  #isWanted(sequence: number): boolean {
    return sequence >= (this.#next ?? Number.NEGATIVE_INFINITY) && !this.#packets.has(sequence);
  }

  #add(sequence: number, entry: Entry): void {
    if (this.#packets.size >= MOST_PACKETS) {
      this.#breakOff();
      this.#dropBefore(Number.POSITIVE_INFINITY);
    }
    this.#origin ??= sequence;
    this.#packets.set(sequence, entry);
    this.#lowest = Math.min(this.#lowest, sequence);
    this.#highest = Math.max(this.#highest, sequence);
  }

  /** The frame that begins at `first`, behind any packets that only fill; undefined while it is not whole. */
  #whole(first: number): Span | undefined {
    let at = first;
    while (this.#isFiller(at)) at++;
    const head = this.#packets.get(at);
    if (!head?.info) return undefined;
    let { keyframe } = head.info;
    let completed = head.arrival;
    let firstArrival = head.arrival;
    let last = at;
    for (let entry: Entry | undefined = head; !entry.last; ) {
      let after = last + 1;
      while (this.#isFiller(after)) after++;
      const next = this.#packets.get(after);
      if (!next?.info) return undefined;
      // The next frame began.
      if (next.timestamp !== head.timestamp) break;
      last = after;
      keyframe ||= next.info.keyframe;
      completed = Math.max(completed, next.arrival);
      firstArrival = Math.min(firstArrival, next.arrival);
      entry = next;
    }
    const { temporalLayer, tl0PictureIndex } = head.info;
    return { first: at, last, timestamp: head.timestamp, keyframe, temporalLayer, tl0PictureIndex, firstArrival, completed };
  }

  #isFiller(sequence: number): boolean {
    const entry = this.#packets.get(sequence);
    return entry !== undefined && entry.payload === undefined;
  }

  /** Whether a frame begins with this packet, as far as can be known. */
  #begins(sequence: number): boolean {
    const entry = this.#packets.get(sequence);
    if (!entry?.info) return false;
    if (entry.info.begins !== undefined) return entry.info.begins;
    if (sequence === this.#origin) return true;
    const previous = this.#packets.get(sequence - 1);
    return previous !== undefined && (previous.last || previous.timestamp !== entry.timestamp);
  }

  /** The first whole frame at or after `from`. */
  #find(from: number): Span | undefined {
    for (let sequence = Math.max(from, this.#lowest); sequence <= this.#highest; sequence++) {
      if (!this.#begins(sequence)) continue;
      const span = this.#whole(sequence);
      if (span) return span;
    }
    return undefined;
  }

  /** Where nothing can be decoded: the first whole keyframe, from which it can. Drops what is of no use before it. */
  #begin(): Span | undefined {
    for (let from = this.#lowest; ; ) {
      const span = this.#find(from);
      if (!span) return undefined;
      if (span.keyframe) {
        this.#goTo(span.first);
        this.#waitsForKeyframe = false;
        this.#unsure = false;
        return span;
      }
      // It may be the one that tells where the next begins.
      this.#dropBefore(span.last);
      from = span.last + 1;
    }
  }

  /** The frame whose turn it is has something missing: goes on behind it where there is no hope. Returns whether it did. */
  #giveUp(now: number): boolean {
    const { repairable, mayCome } = this.#options;
    const next = this.#next!;
    const later = this.#find(next + 1);
    if (!later) return false;
    const mediaTime = this.#mediaTime(later.timestamp);
    this.#measure(later, mediaTime);
    const limit = this.#delay.deadline(mediaTime);
    const deadline = repairable ? limit : Math.min(limit, later.completed + REORDERING_TIME);
    if (now < deadline) {
      let hope = !repairable;
      for (let sequence = next; repairable && !hope && sequence < later.first; sequence++) {
        hope = !this.#packets.has(sequence) && mayCome(sequence);
      }
      if (hope) {
        this.#nextTime = deadline;
        return false;
      }
    }
    this.#lost++;
    this.#afterLoss = true;
    this.#unsure = true;
    this.#goTo(later.first);
    return true;
  }

  /** Whether a frame can be decoded though some before it are lost. Upper layers can be left out; what needs them cannot come. */
  #passes(span: Span): boolean {
    if (this.#needsNothingLost(span)) {
      this.#unsure = false;
      return true;
    }
    if (span.temporalLayer > 0) this.#goTo(span.last + 1);
    else this.#breakOff();
    return false;
  }

  #goTo(sequence: number): void {
    this.#next = sequence;
    this.#dropBefore(sequence);
  }

  /** Whether no frame that this one is built on can have been among those lost. */
  #needsNothingLost({ keyframe, temporalLayer, tl0PictureIndex }: Span): boolean {
    if (keyframe) return true;
    if (temporalLayer > 0 || tl0PictureIndex === undefined || this.#tl0PictureIndex === undefined) return false;
    return tl0PictureIndex === ((this.#tl0PictureIndex + 1) & 0xff);
  }

  #breakOff(): void {
    this.#waitsForKeyframe = true;
    this.#afterLoss = true;
  }

  #emit(span: Span): ReceivedFrame | undefined {
    const payloads: Uint8Array[] = [];
    for (let sequence = span.first; sequence <= span.last; sequence++) {
      const { payload } = this.#packets.get(sequence)!;
      if (payload) payloads.push(payload);
    }
    this.#goTo(span.last + 1);
    const data = this.#options.depacketiser.assemble(payloads);
    if (!data) {
      this.#breakOff();
      return undefined;
    }
    if (span.temporalLayer === 0) this.#tl0PictureIndex = span.tl0PictureIndex;
    const afterLoss = this.#afterLoss;
    this.#afterLoss = false;
    const { timestamp, keyframe, temporalLayer, firstArrival, completed } = span;
    return { data, timestamp, keyframe, temporalLayer, firstArrival, completed, afterLoss };
  }

  #measure(span: Span, mediaTime: number): void {
    if (span.last <= this.#measured) return;
    this.#measured = span.last;
    if (this.#lastMediaTime !== undefined && Math.abs(mediaTime - this.#lastMediaTime) > LEAP) this.#delay.reset();
    this.#lastMediaTime = mediaTime;
    this.#delay.frame(mediaTime, span.completed);
  }

  #mediaTime(timestamp: number): number {
    return (timestamp * 1000) / this.#options.clockRate;
  }

  #dropBefore(sequence: number): void {
    // By what is less work: a leap may be far.
    if (sequence - this.#lowest > this.#packets.size) {
      for (const key of this.#packets.keys()) if (key < sequence) this.#packets.delete(key);
    } else for (let i = this.#lowest; i < sequence; i++) this.#packets.delete(i);
    this.#lowest = Math.max(this.#lowest, sequence);
    if (this.#packets.size === 0) this.#lowest = Number.POSITIVE_INFINITY;
  }
}
