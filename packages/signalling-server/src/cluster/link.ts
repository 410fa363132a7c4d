/**
 * One server's end of the reliable, ordered link to one other server. It never reads a clock; whatever goes out goes through
 * its owner.
 *
 * Each end numbers its incarnations of the link, ever upwards, and every frame names both ends' as far as its sender knows
 * them. Both have to be current for a frame to count, so that nothing of a former life gets into the present one:
 *
 * - a frame with an incarnation of the other end below the known one is a latecomer and ignored;
 * - one above says that the other end has started anew: what was is void here too;
 * - a frame that names our present incarnation shows that the other end knows it: the link is established.
 *
 * An end that gives up takes a new number, and the first frame with it makes the other end give up too. So neither can start
 * anew alone.
 */
import { IncomingStream } from './incoming-stream.ts';
import { OutgoingStream } from './outgoing-stream.ts';
import type { IncomingFrame, OutgoingFrame } from './wire.ts';

/** Bytes of bodies, about, that a link keeps until they are acknowledged. */
export const DEFAULT_MAX_KEPT_SIZE = 16 * 1024 * 1024;

/**
 * Called from within the link's methods, each at its moment: what is sent in `joined` is the first on the link, and
 * nothing is sent to a server between `left` and `joined`.
 */
export interface LinkOwner {
  publish(frame: OutgoingFrame): void;
  joined(): void;
  message(body: unknown): void;
  left(): void;
}

interface Streams {
  readonly incoming: IncomingStream;
  readonly outgoing: OutgoingStream;
}

export interface LinkOptions {
  /** Makes the number of an incarnation, each greater than those before. */
  readonly createIncarnation: () => number;
  readonly maxKeptSize: number;
}

export class Link {
  readonly #options: LinkOptions;
  readonly #owner: LinkOwner;
  #own: number;
  #other = 0;
  /** There while the link is established. */
  #streams: Streams | undefined;
  /** What was told from within `joined`, bytes: it may be kept besides everything else. */
  #introductionSize = 0;

  constructor(options: LinkOptions, owner: LinkOwner) {
    this.#options = options;
    this.#owner = owner;
    this.#own = options.createIncarnation();
  }

  get isEstablished(): boolean {
    return this.#streams !== undefined;
  }

  /** Queues a JSON text, to be sent with the next `flush`. Dropped while the link is not established. */
  send(body: string): void {
    this.#streams?.outgoing.push(body);
  }

  /** Sends what is queued; starts anew where more is kept than may be. */
  flush(): void {
    const { maxKeptSize } = this.#options;
    if (this.#streams && this.#streams.outgoing.keptSize > maxKeptSize + this.#introductionSize) this.#startAnew();
    else this.#sendQueued();
  }

  /** Tells the other end how far we are, so that it notices what it has missed. With `again`, since we may have missed something. */
  heartbeat(again = false): void {
    this.#streams?.incoming.askAgain();
    this.#sendState(again);
  }

  /** Returns whether the frame belongs to the present life of the link, and so shows that the other end is alive. */
  receive(frame: IncomingFrame): boolean {
    if (frame.own < this.#other) return false;
    const isNew = frame.own > this.#other;
    if (isNew) {
      this.giveUp();
      this.#other = frame.own;
    }
    if (frame.other !== this.#own) {
      if (isNew) this.#sendState();
      return isNew;
    }
    if (this.#streams) this.#process(this.#streams, frame);
    else this.#establish(frame);
    return true;
  }

  /** Ends what was, at this end. */
  giveUp(): void {
    if (!this.#streams) return;
    this.#streams = undefined;
    this.#owner.left();
  }

  #startAnew(): void {
    this.#own = this.#options.createIncarnation();
    this.giveUp();
    this.#sendState();
  }

  /** The other end may not know yet that we know it: it is told, by bodies or without. */
  #establish(frame: IncomingFrame): void {
    const streams = (this.#streams = { incoming: new IncomingStream(), outgoing: new OutgoingStream() });
    // However long what is told now is, it has to get through, or the link would begin with it again and again.
    this.#introductionSize = Number.POSITIVE_INFINITY;
    this.#owner.joined();
    this.#introductionSize = streams.outgoing.keptSize;
    this.#sendState();
    this.#process(streams, frame);
  }

  #process(streams: Streams, frame: IncomingFrame): void {
    const { incoming, outgoing } = streams;
    if (!outgoing.acknowledge(frame.acknowledged)) {
      this.#startAnew();
      return;
    }
    if (frame.again) outgoing.goBack();
    const known = incoming.receive(frame.sequence, frame.bodies.length, frame.length);
    for (const body of frame.bodies.slice(known)) {
      // Whoever takes a message may close the link.
      if (this.#streams !== streams) return;
      this.#owner.message(body);
    }
    if (this.#streams !== streams) return;
    this.#sendQueued();
    const isMissing = incoming.shouldAsk(frame.sequence);
    if (isMissing || incoming.acknowledgementIsDue) this.#sendState(isMissing);
  }

  #sendQueued(): void {
    for (let taken = this.#streams?.outgoing.take(); taken; taken = this.#streams?.outgoing.take())
      this.#publish(taken.sequence, taken.bodies);
  }

  #sendState(again = false): void {
    this.#publish(this.#streams?.outgoing.next ?? 0, [], again);
  }

  #publish(sequence: number, bodies: readonly string[], again = false): void {
    const incoming = this.#streams?.incoming;
    incoming?.acknowledged();
    this.#owner.publish({
      own: this.#own,
      other: this.#other,
      sequence,
      acknowledged: incoming?.expected ?? 0,
      ...(again && { again }),
      bodies,
    });
  }
}
