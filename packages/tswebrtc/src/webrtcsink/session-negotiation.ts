/**
 * What a session and its peer agree on (RFC 8829 §3.2): one offer at a time, and whatever comes up before its answer goes into
 * the next one. A consumer may make the first offer, and others only where the signaller permits them (reference §2.17); of two
 * that cross ours counts.
 */
import { asError, TsWebRTCError } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import type { Connection } from '../connection/connection.ts';
import type { SessionDescription } from '../signalling/signaller.ts';

export interface NegotiationOptions {
  readonly peerId: string;
  readonly connection: Connection;
  /** ms that the peer has for its answer. */
  readonly answerTimeout: number;
  /** Brings the connection's transceivers to what is to be offered; false: there is nothing to offer. */
  readonly prepare: () => boolean;
  readonly onDescription: (description: SessionDescription) => void;
  /** Offer and answer are complete. What it throws is the end. */
  readonly onAgreed: () => Promise<void>;
  readonly onFailed: (error: TsWebRTCError) => void;
  readonly logger: Logger;
}

export class SessionNegotiation {
  readonly #options: NegotiationOptions;
  /** Tracks or data channels have to be offered. */
  #due = false;
  /** An offer is being made, or waits for its answer. */
  #inFlight = false;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: NegotiationOptions) {
    this.#options = options;
  }

  /** Offers what there is: now, or after the answer that is awaited. */
  offer(): void {
    this.#due = true;
    void this.#next();
  }

  /** Offers the ICE restart that the connection was asked for: now, or after the answer that is awaited. */
  restart(): void {
    void this.#next();
  }

  /** Answers the consumer's offer, which is the first description of its session. */
  async answer(offer: SessionDescription): Promise<void> {
    this.#options.prepare();
    await this.#answer(offer);
  }

  /**
   * Takes an offer of the consumer in a running session. One that crosses ours is ignored: the consumer takes it back when it
   * sees ours. Tracks that it does not know of come with our next offer.
   */
  async handleOffer(offer: SessionDescription): Promise<void> {
    if (this.#inFlight) {
      this.#options.logger.debug({}, 'an offer of the consumer crossed ours, which counts');
      return;
    }
    try {
      await this.#answer(offer);
    } catch (error) {
      this.#fail(asError(error, 'INVALID_SDP'));
    }
  }

  async #answer(offer: SessionDescription): Promise<void> {
    const { connection, onDescription } = this.#options;
    this.#inFlight = true;
    await connection.setRemoteDescription(offer);
    const answer = await connection.createAnswer();
    if (this.#closed) return;
    await connection.setLocalDescription(answer);
    if (this.#closed) return;
    onDescription(answer);
    await this.#agreed();
  }

  /** Takes the consumer's answer. One that comes when its offer has been given up changes nothing. */
  async handleAnswer(answer: SessionDescription): Promise<void> {
    const { connection, logger } = this.#options;
    if (connection.signalingState === 'stable') {
      logger.warn({}, 'an answer of the consumer was ignored: no offer waits for one');
      return;
    }
    try {
      await connection.setRemoteDescription(answer);
      clearTimeout(this.#timer);
      if (this.#closed) return;
      await this.#agreed();
    } catch (error) {
      this.#fail(asError(error, 'INVALID_SDP'));
    }
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /** What is due goes out without waiting for encoders to open. */
  async #agreed(): Promise<void> {
    this.#inFlight = false;
    const opened = this.#options.onAgreed();
    void this.#next();
    await opened;
  }

  async #next(): Promise<void> {
    const { connection, onDescription, prepare } = this.#options;
    if (this.#inFlight || this.#closed || !(this.#due || connection.restartDue)) return;
    try {
      if (!prepare()) return;
      const restartOnly = !this.#due;
      this.#due = false;
      this.#inFlight = true;
      const offer = await connection.createOffer();
      if (this.#closed) return;
      await connection.setLocalDescription(offer);
      if (this.#closed) return;
      const onSilence = restartOnly ? () => this.#giveUpRestart() : () => this.#onSilence();
      this.#timer = setTimeout(onSilence, this.#options.answerTimeout);
      onDescription(offer);
    } catch (error) {
      this.#fail(asError(error));
    }
  }

  #onSilence(): void {
    const { peerId, answerTimeout } = this.#options;
    this.#fail(
      new TsWebRTCError('CONNECTION_FAILED', `peer ${peerId} did not answer the offer within ${answerTimeout / 1000} s.`),
    );
  }

  /**
   * Nobody answered the offer of a restart, as consumers that take one offer only do not: what runs goes on without it. Whether the
   * path still works is the connection's to say.
   */
  #giveUpRestart(): void {
    const { connection, logger } = this.#options;
    logger.warn({}, 'the consumer did not answer the offer of an ICE restart');
    connection.rollback();
    connection.forgetRestart();
    this.#inFlight = false;
    void this.#next();
  }

  #fail(error: TsWebRTCError): void {
    if (!this.#closed) this.#options.onFailed(error);
  }
}
