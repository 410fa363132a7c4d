/**
 * Which credentials of ICE are in force, and what is due: a restart that was asked for, one in an offer that waits for its answer,
 * candidates to gather. The rules of RFC 8839 §4.4 and RFC 8829 §5.2, without a transport.
 */
import { isUsable } from '../sdp/answer.ts';
import type { MediaDescription } from '../sdp/description.ts';
import type { IceParameters } from './transport/types.ts';

export interface IceCredentials {
  /** Our username fragment. */
  readonly local: string | undefined;
  readonly remote: IceParameters;
}

export class IceRestarts {
  #inForce: IceCredentials | undefined;
  /** A restart was asked for, and no offer of ours has it yet. */
  #due = false;
  /** Our username fragment in an offer of a restart that waits for its answer. */
  #offered: string | undefined;
  /** Our username fragment that was gathered for. */
  #gathered: string | undefined;

  /** Whether one was asked for that is neither agreed on nor in an offer of ours that waits for its answer. */
  get due(): boolean {
    return this.#due;
  }

  /** Whether the next offer of ours has to restart. */
  get inNextOffer(): boolean {
    return this.#inForce !== undefined && (this.#due || this.#offered !== undefined);
  }

  /** Asks for one; before the first offer and answer there is nothing to restart. */
  request(): void {
    this.#due = this.#inForce !== undefined;
  }

  forget(): void {
    this.#due = false;
  }

  /** Whether an offer of the peer restarts (RFC 8839 §4.4.1.1.1). */
  areIn(offer: readonly MediaDescription[]): boolean {
    const offered = offer.find(isUsable);
    const known = this.#inForce?.remote;
    if (!offered || !known) return false;
    return offered.usernameFragment !== known.usernameFragment || offered.password !== known.password;
  }

  /** An offer of ours is on its way: what is asked for from now on goes into another. */
  offered(media: readonly MediaDescription[]): void {
    const own = media.find(isUsable)?.usernameFragment;
    if (!this.#inForce || own === this.#inForce.local || own === this.#offered) return;
    this.#offered = own;
    this.#due = false;
  }

  /** Our offer is taken back: its restart is still due. Returns whether candidates were gathered for it. */
  rollback(): boolean {
    if (this.#offered !== undefined) this.#due = true;
    this.#offered = undefined;
    const wasGathered = this.#gathered !== this.#inForce?.local;
    this.#gathered = this.#inForce?.local;
    return wasGathered;
  }

  /** These are in force from now on, by an answer of that side. Returns whether they restart what was before. */
  agreed(credentials: IceCredentials, answer: 'local' | 'remote'): boolean {
    const restarted = this.#inForce !== undefined && credentials.local !== this.#inForce.local;
    this.#inForce = credentials;
    if (!restarted) return false;
    // One that was asked for while ours waited for this answer is another; the peer's own offer brings what is asked for, too.
    if (answer === 'local') this.#due = false;
    this.#offered = undefined;
    return true;
  }

  /** Whether candidates have to be gathered for a description of ours: the first time, or for a restart. */
  gather(media: readonly MediaDescription[]): 'first' | 'restart' | undefined {
    const own = media.find(isUsable)?.usernameFragment;
    if (own === this.#gathered) return undefined;
    const first = this.#gathered === undefined;
    this.#gathered = own;
    return first ? 'first' : 'restart';
  }
}
