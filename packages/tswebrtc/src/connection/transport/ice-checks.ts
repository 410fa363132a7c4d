/**
 * The schedule of connectivity checks (RFC 8445 §6.1.4) up to the first nominated pair. werift looks for the next check every
 * 20 ms and learns of a nomination no sooner; here a check begins as soon as there is a pair for it, and a nomination counts
 * at once. Nothing is left running after `stop`.
 */
import type { CandidatePair, Connection } from 'werift';
import { type IceInternals, internalsOf, PAIR_STATE, stateOf } from './werift-ice.ts';

/** ms between the beginnings of two checks: RFC 8445 §14.2 allows no less than 5. */
const FAST_PACE = 5;
/** For so many checks; a peer with more candidates than any host has must not make us flood somebody with them. */
const FAST_CHECKS = 20;
const PACE = 20;
/** ms between second chances for pairs whose check timed out, perhaps because the peer was not ready yet. */
const RETRY_FAILED_PAIRS = 1000;

export class IceChecks {
  readonly #connection: Connection;
  readonly #internals: IceInternals;
  #nominated: (() => void) | undefined;
  #running = false;
  #count = 0;
  #startedAt = Number.NEGATIVE_INFINITY;
  #next: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#internals = internalsOf(connection);
    const complete = this.#internals.checkComplete.bind(connection);
    this.#internals.checkComplete = (pair) => {
      complete(pair);
      if (connection.remoteIsLite && stateOf(pair) === PAIR_STATE.failed && pair.responsesReceived > 0) this.#nominateAnother();
      this.wake();
    };
  }

  /** Checks until a pair is nominated. Does not resolve when it is stopped before that. */
  run(): Promise<void> {
    const nominated = new Promise<void>((resolve) => {
      this.#nominated = resolve;
    });
    const internals = this.#internals;
    for (const candidate of this.#connection.remoteCandidates) internals.pairRemoteCandidate(candidate);
    internals.sortCheckList();
    this.#running = true;
    // Ours are kept by the agent.
    internals.earlyChecksDone = true;
    this.#retry = setInterval(() => this.#retryFailed(), RETRY_FAILED_PAIRS);
    this.wake();
    return nominated;
  }

  /** There may be a pair to check, or a nominated one. */
  wake(): void {
    if (!this.#running) return;
    if (this.#connection.nominated) {
      this.stop();
      this.#internals.queryConsent();
      this.#internals.setState('connected');
      this.#nominated?.();
      return;
    }
    if (this.#next !== undefined || !this.#waiting()) return;
    const due = this.#startedAt + (this.#count < FAST_CHECKS ? FAST_PACE : PACE) - performance.now();
    if (due <= 0) this.#check();
    else this.#next = setTimeout(() => this.#check(), due);
  }

  stop(): void {
    this.#running = false;
    clearTimeout(this.#next);
    clearInterval(this.#retry);
  }

  #check(): void {
    this.#next = undefined;
    const pair = this.#waiting();
    if (!this.#running || !pair) return;
    this.#count++;
    this.#startedAt = performance.now();
    pair.handle = this.#internals.checkStart(pair);
    this.wake();
  }

  /** The best pair that has not been checked; the list is in order of priority. */
  #waiting(): CandidatePair | undefined {
    return this.#connection.checkList.find((pair) => stateOf(pair) <= PAIR_STATE.waiting);
  }

  /** Towards an ICE-lite peer one pair is nominated that has answered before: where that gets no answer, others have their turn. */
  #nominateAnother(): void {
    this.#internals.nominating = false;
    for (const pair of this.#connection.checkList)
      if (stateOf(pair) === PAIR_STATE.succeeded) pair.updateState(PAIR_STATE.waiting);
  }

  #retryFailed(): void {
    for (const pair of this.#connection.checkList) if (stateOf(pair) === PAIR_STATE.failed) pair.updateState(PAIR_STATE.waiting);
    this.wake();
  }
}
