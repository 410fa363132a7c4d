/**
 * Our candidates on their way to the peer: as events, and in the description as far as they are gathered (RFC 8829 §4.1.8,
 * RFC 8840). They belong to the m-line that carries the bundle.
 */
import { isUsable } from '../sdp/answer.ts';
import type { SessionDescription } from '../sdp/description.ts';

/** A local candidate as it travels in signalling. */
export interface IceCandidate {
  /** Without `a=`; empty = end of candidates. */
  readonly candidate: string;
  readonly sdpMLineIndex: number;
  readonly sdpMid: string | undefined;
}

export class LocalCandidates {
  #candidates: string[] = [];
  #complete = false;
  /** Those of before the restart that is offered. */
  #before: { readonly candidates: string[]; readonly complete: boolean } | undefined;

  /** Takes what the transport has gathered; empty = no more. Returns it as it is sent. */
  add(candidate: string, description: SessionDescription): IceCandidate {
    if (candidate === '') this.#complete = true;
    else this.#candidates.push(candidate);
    const index = carrierOf(description);
    return { candidate, sdpMLineIndex: index, sdpMid: description.media[index]?.mid };
  }

  /** ICE restarts: those so far are of no use any more, unless the offer of it is taken back. */
  restart(): void {
    this.#before = { candidates: this.#candidates, complete: this.#complete };
    this.#candidates = [];
    this.#complete = false;
  }

  /** The restart was taken back. */
  rollback(): void {
    if (!this.#before) return;
    this.#candidates = this.#before.candidates;
    this.#complete = this.#before.complete;
    this.#before = undefined;
  }

  /** `description` with what has been gathered so far. */
  fill(description: SessionDescription): SessionDescription {
    const carrier = carrierOf(description);
    const media = description.media.map((section, index) =>
      index === carrier ? { ...section, candidates: [...this.#candidates], endOfCandidates: this.#complete } : section,
    );
    return { ...description, media };
  }
}

/** The m-line that carries the bundle: the first that is not rejected. */
function carrierOf(description: SessionDescription): number {
  return Math.max(0, description.media.findIndex(isUsable));
}
