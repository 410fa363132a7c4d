/**
 * What one session says in the room that packet templates leave for header extensions (template.ts): its transport-wide numbers, its
 * send times or what takes their place, and under which id a capture time stands.
 */
import { encodePlayoutDelay, isOneByteExtensionId, ONE_BYTE_STOP } from './header-extensions.ts';
import { toAbsSendTime } from './ntp.ts';
import type { OutboundStreamOptions } from './outbound-options.ts';
import type { SendOps } from './send-ops.ts';
import { StreamNames } from './stream-names.ts';
import { TEMPLATE_LAYOUT } from './template.ts';

export class HeaderElements {
  /** 0 where packets carry no transport-wide numbers. */
  readonly transportCcId: number;
  /** What stands before a capture time: id and length - 1; the end of the block where the peer knows no such thing. */
  readonly captureTimeByte: number;
  readonly #absSendTimeId: number;
  /** What stands in the place of the send time where it says something else, the same in each packet. */
  readonly #constant: number | undefined;
  readonly #names: StreamNames | undefined;
  readonly #rtxNames: StreamNames | undefined;
  #named = false;

  constructor({ extensions, playoutDelay, names }: Pick<OutboundStreamOptions, 'extensions' | 'playoutDelay' | 'names'>) {
    this.transportCcId = usableId(extensions.transportCc);
    const delayed = extensions.absSendTime === undefined && playoutDelay !== undefined;
    this.#absSendTimeId = usableId(delayed ? extensions.playoutDelay : extensions.absSendTime);
    this.#constant = delayed ? encodePlayoutDelay(...playoutDelay) : undefined;
    const captureTimeId = usableId(extensions.absCaptureTime) || usableId(extensions.ntp64) || ONE_BYTE_STOP;
    this.captureTimeByte = captureTimeId === ONE_BYTE_STOP ? ONE_BYTE_STOP << 4 : (captureTimeId << 4) | 7;
    this.#names = names && new StreamNames(names.media);
    this.#rtxNames = names && new StreamNames(names.retransmissions);
  }

  /** The peer knows the stream by now: its packets need not say its name any more. */
  named(): void {
    this.#named = true;
  }

  /** What the next packet of the stream says in the place of abs-send-time: its name, while that is to be said; 0 for nothing. */
  next(now: number): number {
    return this.#element(this.#named ? undefined : this.#names, now);
  }

  /** The same of the next retransmission, which always says its name. */
  nextRetransmission(now: number): number {
    return this.#element(this.#rtxNames, now);
  }

  /**
   * One-byte elements (RFC 8285 §4.2): id and length - 1, then the value. -1 and 0 leave them out. They lie across two whole words,
   * which are two patches whatever is in them.
   */
  patch(ops: SendOps, transportSequenceNumber: number, element: number, captureTime: boolean): void {
    const hasNumber = transportSequenceNumber >= 0;
    const first = (hasNumber ? (this.transportCcId << 28) | (1 << 24) | (transportSequenceNumber << 8) : 0) | (element >>> 24);
    const second = (element << 8) | (captureTime ? this.captureTimeByte : 0);
    if (first !== 0) ops.patch(TEMPLATE_LAYOUT.transportCcOffset, 4, first >>> 0);
    if (second !== 0) ops.patch(TEMPLATE_LAYOUT.transportCcOffset + 4, 4, second >>> 0);
  }

  #element(names: StreamNames | undefined, now: number): number {
    const name = names?.next() ?? 0;
    if (name !== 0) return name;
    if (this.#absSendTimeId === 0) return 0;
    return (((this.#absSendTimeId << 4) | 2) * 0x100_0000 + (this.#constant ?? toAbsSendTime(now))) >>> 0;
  }
}

/** 0 where the extension was not negotiated, or under an id the templates' one-byte form cannot carry. */
function usableId(id: number | undefined): number {
  return id !== undefined && isOneByteExtensionId(id) ? id : 0;
}
