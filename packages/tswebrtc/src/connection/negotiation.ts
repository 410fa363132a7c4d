/**
 * Offer and answer of one connection (JSEP, RFC 8829 §4.1, §5): the signalling state, the descriptions that are pending and in
 * force, and what each m-line is for. It makes and takes descriptions and says what was agreed on; who connects is the connection.
 */
import { randomBytes } from 'node:crypto';
import { TsWebRTCError } from '../common/errors.ts';
import { createAnswer } from '../sdp/answer.ts';
import { assertConnectable, assertSameShape } from '../sdp/checks.ts';
import type { MediaDescription, SessionDescription } from '../sdp/description.ts';
import type { LocalTransport } from '../sdp/local-media.ts';
import { type MediaAgreement, negotiate } from '../sdp/negotiate.ts';
import { createOffer } from '../sdp/offer.ts';
import { PayloadTypes } from '../sdp/payload-types.ts';
import { parseDescription } from '../sdp/read.ts';
import { writeDescription } from '../sdp/write.ts';
import { Sections } from './sections.ts';
import type { Transceiver } from './transceiver.ts';

export interface SessionDescriptionInit {
  readonly type: 'offer' | 'answer';
  readonly sdp: string;
}

export type SignalingState = 'stable' | 'have-local-offer' | 'have-remote-offer' | 'closed';

/** What an offer and its answer came to. */
export interface Agreement {
  readonly local: SessionDescription;
  readonly remote: SessionDescription;
  /** Which of the two is the answer. */
  readonly answer: 'local' | 'remote';
  /** By m-line. */
  readonly media: readonly MediaAgreement[];
}

interface LocalDescription {
  readonly type: 'offer' | 'answer';
  readonly description: SessionDescription;
}

export interface NegotiationOptions {
  readonly cname: string;
  /** Whether an offer of data channels is answered with some. */
  readonly dataChannels: boolean;
  readonly onStateChange: (state: SignalingState) => void;
}

export class Negotiation {
  readonly #options: NegotiationOptions;
  readonly #sections = new Sections();
  readonly #payloadTypes = new PayloadTypes();
  /** A positive 63-bit number (RFC 8829 §5.2.1). */
  readonly #sessionId = (randomBytes(8).readBigUInt64BE() >> 1n).toString();
  #sessionVersion = 0;
  #state: SignalingState = 'stable';
  #local: LocalDescription | undefined;
  #remote: { readonly init: SessionDescriptionInit; readonly description: SessionDescription } | undefined;
  /** Our description of what was last agreed on, which a pending offer does not change. */
  #agreed: LocalDescription | undefined;

  constructor(options: NegotiationOptions) {
    this.#options = options;
  }

  get state(): SignalingState {
    return this.#state;
  }

  /** Our last description, without candidates. */
  get local(): LocalDescription | undefined {
    return this.#local;
  }

  get remote(): SessionDescriptionInit | undefined {
    return this.#remote?.init;
  }

  /** The media sections of the peer's last description. */
  get remoteMedia(): readonly MediaDescription[] {
    return this.#remote?.description.media ?? [];
  }

  /** An offer of `transceivers` and, where `application` says so, data channels. Throws `INVALID_STATE`. */
  createOffer(transceivers: readonly Transceiver[], application: boolean, transport: LocalTransport): SessionDescriptionInit {
    if (this.#state === 'have-remote-offer') throw this.#wrongState('create an offer', 'answer the offer of the peer first');
    this.#sections.extend(transceivers, application);
    const description = createOffer({
      sessionId: this.#sessionId,
      sessionVersion: String(this.#sessionVersion++),
      transport,
      sections: this.#sections.describe(this.#options.cname),
      payloadTypes: this.#payloadTypes,
      ...(this.#agreed ? { previous: this.#agreed.description } : {}),
    });
    return { type: 'offer', sdp: writeDescription(description) };
  }

  /** An answer to the pending offer of the peer, in the DTLS role `setup` where there is one already. Throws `INVALID_STATE`. */
  createAnswer(
    transceivers: readonly Transceiver[],
    transport: LocalTransport,
    setup: 'active' | 'passive' | undefined,
  ): SessionDescriptionInit {
    if (this.#state !== 'have-remote-offer') throw this.#wrongState('create an answer', 'set a remote offer first');
    const { cname, dataChannels } = this.#options;
    const offer = this.#remote!.description;
    this.#sections.adopt(offer, transceivers, transport, cname, dataChannels);
    const sections = this.#sections.answerSections(cname);
    const description = createAnswer({ offer, transport, sections, ...(setup ? { setup } : {}) });
    return { type: 'answer', sdp: writeDescription(description) };
  }

  /** Takes a description of ours; returns what is agreed on by it. Throws `INVALID_STATE` or `INVALID_SDP`; nothing has changed then. */
  setLocal(init: SessionDescriptionInit): Agreement | undefined {
    const description = parseDescription(init.sdp);
    if (init.type === 'offer') {
      if (this.#state === 'have-remote-offer') throw this.#wrongState('set a local offer', 'answer the offer of the peer first');
      this.#local = { type: 'offer', description };
      this.#setState('have-local-offer');
      return undefined;
    }
    if (this.#state !== 'have-remote-offer') throw this.#wrongState('set a local answer', 'set a remote offer first');
    const remote = this.#remote!.description;
    assertSameShape(remote, description);
    this.#local = { type: 'answer', description };
    return this.#agree(description, remote, 'local');
  }

  /** Takes a description of the peer; returns what is agreed on by it. Throws `INVALID_STATE` or `INVALID_SDP`; nothing has changed then. */
  setRemote(init: SessionDescriptionInit): Agreement | undefined {
    if (init.type === 'offer') {
      if (this.#state === 'have-local-offer')
        throw this.#wrongState('take an offer', 'wait for the answer to ours, or take it back');
      const description = parseDescription(init.sdp);
      assertConnectable(description, 'offer');
      const known = this.#agreed?.description.media.length ?? 0;
      if (description.media.length < known) {
        throw new TsWebRTCError(
          'INVALID_SDP',
          `The offer has ${description.media.length} m-lines where the session has ${known}.`,
        );
      }
      for (const { formats } of description.media) for (const { payloadType } of formats) this.#payloadTypes.reserve(payloadType);
      this.#remote = { init, description };
      this.#setState('have-remote-offer');
      return undefined;
    }
    if (this.#state !== 'have-local-offer') throw this.#wrongState('take an answer', 'set a local offer first');
    const description = parseDescription(init.sdp);
    const local = this.#local!.description;
    assertSameShape(local, description);
    assertConnectable(description, 'answer');
    this.#remote = { init, description };
    return this.#agree(local, description, 'remote');
  }

  /**
   * Takes our pending offer back (RFC 8829 §4.1.10.2): what was agreed on before it is in force, its new m-lines never were. Throws
   * `INVALID_STATE` where there is none, or nothing before it.
   */
  rollback(): void {
    if (this.#state !== 'have-local-offer') throw this.#wrongState('take an offer back', 'there is none of ours');
    if (!this.#agreed) throw this.#wrongState('take the first offer back', 'wait for its answer');
    this.#sections.rollback();
    this.#local = this.#agreed;
    this.#setState('stable');
  }

  close(): void {
    this.#setState('closed');
  }

  #agree(local: SessionDescription, remote: SessionDescription, answer: 'local' | 'remote'): Agreement {
    const current = local.media.map((_, index) => this.#sections.transceiverAt(index)?.codec);
    const media = negotiate(local, remote, answer, current);
    this.#agreed = this.#local;
    this.#sections.apply(media, local);
    this.#setState('stable');
    return { local, remote, answer, media };
  }

  #setState(state: SignalingState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#options.onStateChange(state);
  }

  #wrongState(what: string, remedy: string): TsWebRTCError {
    return new TsWebRTCError('INVALID_STATE', `Cannot ${what} in signalling state ${this.#state}: ${remedy}.`);
  }
}
