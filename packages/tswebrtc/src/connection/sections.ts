/**
 * The m-lines of a connection in their order, which never changes (RFC 3264 §8): which transceiver, or the data channels, each
 * belongs to. Kept apart from `Connection` because it is the part of JSEP that is only bookkeeping.
 */
import { createAnswer } from '../sdp/answer.ts';
import type { MediaDescription, SessionDescription } from '../sdp/description.ts';
import type { LocalMedia, LocalTransport } from '../sdp/local-media.ts';
import type { MediaAgreement } from '../sdp/negotiate.ts';
import type { OfferSection } from '../sdp/offer.ts';
import type { Transceiver } from './transceiver.ts';

type Section =
  | { readonly type: 'media'; readonly transceiver: Transceiver }
  | { readonly type: 'application'; readonly mid: string }
  | { readonly type: 'dead'; readonly description: MediaDescription };

export class Sections {
  #sections: Section[] = [];
  /** How many both sides know of. */
  #agreed = 0;

  get hasApplication(): boolean {
    return this.#sections.some((section) => section.type === 'application');
  }

  transceiverAt(index: number): Transceiver | undefined {
    const section = this.#sections[index];
    return section?.type === 'media' ? section.transceiver : undefined;
  }

  /** For an offer of ours: gives every transceiver that has no m-line one, and the data channels the last. */
  extend(transceivers: readonly Transceiver[], application: boolean): void {
    for (const transceiver of transceivers) {
      if (transceiver.mid !== undefined) continue;
      // The name of an m-line with several encodings is said in packets, where there is little room.
      transceiver.assign(this.#newMid(transceiver.senders.length > 1 ? '' : transceiver.kind));
      this.#sections.push({ type: 'media', transceiver });
    }
    if (application && !this.hasApplication) this.#sections.push({ type: 'application', mid: this.#newMid('application') });
  }

  /** Media name and running number over the whole description (reference A.1), unless the peer took that name. */
  #newMid(kind: string): string {
    const taken = new Set(this.#sections.map(midOf));
    let number = this.#sections.length;
    while (taken.has(`${kind}${number}`)) number++;
    return `${kind}${number}`;
  }

  describe(cname: string): OfferSection[] {
    return this.#sections.map((section) =>
      section.type === 'media' ? { type: 'media', media: section.transceiver.describe(cname) } : section,
    );
  }

  /** For an offer of the peer: gives each m-line that has nothing yet the first free transceiver that can answer it. */
  adopt(
    offer: SessionDescription,
    transceivers: readonly Transceiver[],
    transport: LocalTransport,
    cname: string,
    application: boolean,
  ): void {
    for (const [index, offered] of offer.media.entries()) {
      const known = this.#sections[index];
      if (known && known.type !== 'dead') continue;
      this.#sections[index] = { type: 'dead', description: offered };
      if (offered.kind === 'application') {
        if (application && !this.hasApplication) this.#sections[index] = { type: 'application', mid: offered.mid ?? `${index}` };
        continue;
      }
      const free = transceivers.filter((t) => t.mid === undefined && t.kind === offered.kind);
      const taker = free.find((t) => accepts(offer, index, t.describe(cname), transport));
      if (!taker) continue;
      taker.assign(offered.mid ?? `${offered.kind}${index}`);
      this.#sections[index] = { type: 'media', transceiver: taker };
    }
  }

  answerSections(cname: string): (LocalMedia | 'application' | undefined)[] {
    return this.#sections.map((section) => {
      if (section.type === 'media') return section.transceiver.describe(cname);
      return section.type === 'application' ? 'application' : undefined;
    });
  }

  /** Takes back the m-lines of an offer that was not answered: their transceivers are free again (RFC 8829 §4.1.10.2). */
  rollback(): void {
    for (const section of this.#sections.splice(this.#agreed)) {
      if (section.type === 'media') section.transceiver.assign(undefined);
    }
  }

  /** Hands each transceiver what was agreed. An m-line rejected for good keeps its place and nothing else. */
  apply(agreements: readonly MediaAgreement[], local: SessionDescription): void {
    this.#agreed = agreements.length;
    for (const [index, agreement] of agreements.entries()) {
      const section = this.#sections[index];
      if (section?.type === 'media') section.transceiver.apply(agreement);
      const description = local.media[index];
      if (!agreement.accepted && description && section && section.type !== 'dead') {
        this.#sections[index] = { type: 'dead', description };
      }
    }
  }
}

function midOf(section: Section): string | undefined {
  if (section.type === 'media') return section.transceiver.mid;
  return section.type === 'application' ? section.mid : section.description.mid;
}

/** Whether answering m-line `index` with `local` would not reject it. */
function accepts(offer: SessionDescription, index: number, local: LocalMedia, transport: LocalTransport): boolean {
  const sections = offer.media.map((_, i) => (i === index ? local : undefined));
  return createAnswer({ offer, transport, sections }).media[index]!.port !== 0;
}
