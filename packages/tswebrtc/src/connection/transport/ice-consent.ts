/**
 * Watch over the pair in use: whether the peer still answers on it (RFC 7675), and which pair takes its place. werift keeps to
 * the first pair for ever. The controlling side tries the others when the pair falls silent, and nominates one that answers
 * (RFC 8445 §8.1.1 does not forbid a second nomination, and libwebrtc makes and follows them); the controlled side follows.
 */
import type { CandidatePair, Connection } from 'werift';
import type { Logger } from '../../common/logger.ts';
import type { DatagramPort } from './datagram-port.ts';
import { type IceInternals, internalsOf, PAIR_STATE, type Protocol, portOf, stateOf } from './werift-ice.ts';

/** ms without a nomination of the pair in use after which that of another one counts: with aggressive nomination all have it. */
const RENOMINATION = 3000;
/** ms without an answer to one of the consent checks that werift sends every 4 to 6 s, after which we ask more often. */
const ANSWER_LATE = 6500;
/** ms without an answer to any of those: what comes in says nothing of what goes out. */
const CONSENT_OVERDUE = 9000;
/** Other pairs tried at a time, in turn. */
const PROBES_PER_ROUND = 6;
/** ms from one such round to the next, doubling: when all peers vanish at once, this must not keep the machine busy. */
const FIRST_ROUNDS = 500;
const LAST_ROUNDS = 4000;

export interface IceConsentHandler {
  /** The peer has proved to be there. */
  alive(): void;
  /** Another pair is in use from now on. */
  switched(pair: CandidatePair): void;
}

export class IceConsent {
  readonly #connection: Connection;
  readonly #internals: IceInternals;
  readonly #handler: IceConsentHandler;
  readonly #signal: AbortSignal;
  readonly #log: Logger;
  readonly #probing = new Set<CandidatePair>();
  /** Ports that are lost or soon will be. */
  readonly #retired = new WeakSet<DatagramPort>();
  /** Next pair to try, its time, and what to wait after that. */
  #turn = 0;
  #nextRound = 0;
  #roundInterval = FIRST_ROUNDS;
  #asking = false;
  #nominating = false;
  #nominatedAt = 0;
  /** Of `performance.now()`. */
  #heardAt = 0;
  #answeredAt = 0;
  #responses = 0;

  constructor(connection: Connection, handler: IceConsentHandler, signal: AbortSignal, logger: Logger) {
    this.#connection = connection;
    this.#internals = internalsOf(connection);
    this.#handler = handler;
    this.#signal = signal;
    this.#log = logger;
  }

  /** A pair is in use for the first time, or another one. */
  begin(pair: CandidatePair, now: number): void {
    this.#nominatedAt = this.#heardAt = this.#answeredAt = now;
    this.#responses = pair.responsesReceived;
  }

  /** Something came over the pair in use. */
  heard(now: number): void {
    this.#heardAt = now;
  }

  /** Pairs of this port are as good as dead. */
  retire(port: DatagramPort): void {
    this.#retired.add(port);
  }

  /**
   * To be called several times in `patience` ms.
   * @param patience ms of silence that are too many
   * @param silent whether the transport has heard nothing for a third of that
   */
  watch(now: number, patience: number, silent: boolean): void {
    const pair = this.#connection.nominated;
    if (!pair) return;
    if (pair.responsesReceived > this.#responses) {
      this.#responses = pair.responsesReceived;
      this.#heardAt = this.#answeredAt = now;
      this.#handler.alive();
    }
    // werift remembers every transaction for ever.
    for (const { requestTransactionIds } of this.#connection.checkList as unknown as { requestTransactionIds: Set<string> }[])
      requestTransactionIds.clear();
    const quiet = this.#quietFor(pair, now, patience);
    if (silent || quiet > patience / 3 || now - this.#answeredAt > ANSWER_LATE) this.#ask(pair, patience / 6);
    if (quiet <= patience / 2) this.#roundInterval = FIRST_ROUNDS;
    else if (now >= this.#nextRound) {
      this.#nextRound = now + this.#roundInterval;
      this.#roundInterval = Math.min(2 * this.#roundInterval, LAST_ROUNDS);
      this.#tryOthers(pair, patience);
    }
  }

  /** Whether the peer answers nothing on the pair in use, though it may well be heard. */
  isOverdue(now: number, patience: number): boolean {
    return this.#connection.nominated !== undefined && now - this.#answeredAt > Math.max(CONSENT_OVERDUE, patience);
  }

  /** ms since the pair in use last worked. */
  #quietFor(pair: CandidatePair, now: number, patience: number): number {
    if (this.#isRetired(pair)) return Number.POSITIVE_INFINITY;
    const unanswered = now - this.#answeredAt;
    return Math.max(now - this.#heardAt, unanswered > Math.max(CONSENT_OVERDUE, patience) ? unanswered : 0);
  }

  /** RFC 8445 §8.1.1: the controlling peer nominates, and may change its mind when a better pair comes up or the first one dies. */
  follow(protocol: Protocol, address: string, port: number): void {
    const current = this.#connection.nominated;
    if (!current || this.#connection.iceControlling) return;
    const now = performance.now();
    const pair = this.#connection.checkList.find(
      ({ protocol: own, remoteCandidate }) =>
        own === protocol && remoteCandidate.host === address && remoteCandidate.port === port,
    );
    if (pair === current) this.#nominatedAt = now;
    else if (pair && stateOf(pair) === PAIR_STATE.succeeded && now - this.#nominatedAt > RENOMINATION) {
      this.#switch(pair, 'the peer has nominated another pair');
    }
  }

  /**
   * Sends a check beyond those of RFC 7675, whose pace of one in five seconds is too slow to notice a silent peer by; not
   * while an earlier one is without an answer for less than `timeout` ms.
   */
  #ask(pair: CandidatePair, timeout: number): void {
    if (this.#asking) return;
    this.#asking = true;
    // Again nominated: a peer that missed the nomination, or did not follow it yet, learns of it.
    this.#check(pair, this.#connection.iceControlling, timeout)
      .catch(ignore)
      .finally(() => {
        this.#asking = false;
      });
  }

  #isRetired(pair: CandidatePair): boolean {
    return this.#retired.has(portOf(pair.protocol));
  }

  #tryOthers(dead: CandidatePair, patience: number): void {
    if (!this.#connection.iceControlling) return;
    const others = this.#connection.checkList.filter((pair) => pair !== dead && !this.#isRetired(pair));
    for (let i = Math.min(PROBES_PER_ROUND, others.length); i > 0; i--) {
      const pair = others[this.#turn++ % others.length]!;
      if (this.#probing.has(pair)) continue;
      this.#probing.add(pair);
      this.#replace(dead, pair, patience)
        .catch(ignore)
        .finally(() => this.#probing.delete(pair));
    }
  }

  /** Puts `pair` in the place of `dead` if it answers. Rejects when it does not. */
  async #replace(dead: CandidatePair, pair: CandidatePair, patience: number): Promise<void> {
    const timeout = Math.max(200, patience / 6);
    await this.#check(pair, false, timeout);
    const isDead = (): boolean =>
      this.#connection.nominated === dead &&
      this.#quietFor(dead, performance.now(), patience) > patience / 2 &&
      !this.#signal.aborted;
    if (this.#nominating || !isDead()) return;
    this.#nominating = true;
    try {
      await this.#check(pair, true, timeout);
    } finally {
      this.#nominating = false;
    }
    if (!isDead()) return;
    pair.updateState(PAIR_STATE.succeeded);
    this.#switch(pair, 'the pair in use is silent; another takes its place');
    this.#handler.alive();
  }

  #switch(pair: CandidatePair, reason: string): void {
    this.#log.info({ remote: pair.remoteAddr.join(':') }, reason);
    this.#connection.nominated = pair;
    pair.nominated = true;
    this.begin(pair, performance.now());
    this.#internals.queryConsent();
    this.#handler.switched(pair);
  }

  async #check(pair: CandidatePair, nominate: boolean, timeout: number): Promise<void> {
    const { localUsername, remoteUsername, remotePassword, iceControlling } = this.#connection;
    const request = this.#internals.buildRequest({
      nominate,
      localUsername,
      remoteUsername,
      iceControlling,
      localCandidate: pair.localCandidate,
    });
    const started = performance.now();
    const options = { retransmissions: 0, responseTimeout: timeout, signal: this.#signal };
    pair.requestsSent++;
    await pair.protocol.request(request, pair.remoteAddr, Buffer.from(remotePassword), options);
    const rtt = (performance.now() - started) / 1000;
    pair.rtt = rtt;
    pair.totalRoundTripTime += rtt;
    pair.roundTripTimeMeasurements++;
    pair.responsesReceived++;
  }
}

const ignore = (): void => {};
