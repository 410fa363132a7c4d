/**
 * Where sessions live: the packet templates they send, the batch they fill together and the timer that paces them. A session
 * belongs to one shard for its whole life and nothing outside touches its state. The main thread has one, others may run in
 * threads of their own (shards/), which is why everything a session tells the outside is asynchronous.
 */
import { asError, type TsWebRTCError } from '../common/errors.ts';
import type { SrtpSender } from '../connection/types.ts';
import { PacketArena } from '../rtp/packet-arena.ts';
import { SendOps } from '../rtp/send-ops.ts';

/** What a shard needs of a session. */
export interface ShardMember {
  /** Appends the packets that may leave now to `ops`; returns ms until more may, or undefined when nothing waits. */
  drain(ops: SendOps, now: number): number | undefined;
  /** Something in it is broken: it must go, alone. */
  fail(reason: 'error', error: TsWebRTCError): void;
}

/** Timers below this are no more exact, ms. */
const MIN_DELAY = 1;
/** Sessions are looked after at least this often, ms: congestion control lets time pass though nothing is sent. */
const MAX_DELAY = 200;

export class Shard {
  readonly arena = new PacketArena();
  readonly srtpSender: SrtpSender;
  readonly #ops = new SendOps(1024);
  readonly #members = new Set<ShardMember>();
  /** For what waits. */
  #timer: NodeJS.Timeout | undefined;
  /** For when nothing does: put off by every flush, so that it hardly ever wakes anybody while frames come. */
  #idleTimer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(srtpSender: SrtpSender) {
    this.srtpSender = srtpSender;
  }

  add(member: ShardMember): void {
    this.#members.add(member);
  }

  remove(member: ShardMember): void {
    this.#members.delete(member);
    if (this.#members.size === 0) this.#rest();
  }

  /** Sends, as one batch, what every session may send now, and comes back for the rest. */
  flush(): void {
    if (this.#closed) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const now = performance.now();
    let delay = Number.POSITIVE_INFINITY;
    this.#ops.clear();
    for (const member of this.#members) {
      try {
        const wait = member.drain(this.#ops, now);
        if (wait !== undefined && wait < delay) delay = wait;
      } catch (error) {
        member.fail('error', asError(error));
      }
    }
    if (this.#ops.count > 0) this.srtpSender.send(this.arena, this.#ops);
    if (delay < Number.POSITIVE_INFINITY) this.#timer = setTimeout(() => this.flush(), Math.max(MIN_DELAY, delay));
    if (this.#idleTimer) this.#idleTimer.refresh();
    else if (this.#members.size > 0) this.#idleTimer = setTimeout(() => this.flush(), MAX_DELAY);
  }

  close(): void {
    this.#closed = true;
    this.#rest();
    this.#members.clear();
    this.srtpSender.close();
  }

  #rest(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#idleTimer);
    this.#timer = this.#idleTimer = undefined;
  }
}
