/**
 * Gives codecs their payload types for the offers of one connection, as the GStreamer family does (reference A.2): media first,
 * from 96 up, video before audio; then, walking the m-lines, each codec's repair formats, each the lowest free number of
 * 96–127. A codec keeps its number for good, so that a second m-line shares it and re-offers are stable.
 */
import { type CodecPreference, canonicalName, defaultFmtp, rtpmapChannels } from './codecs.ts';

const FIRST = 96;
const LAST = 127;

export type RepairFormat = 'red' | 'ulpfec' | 'rtx';

export class PayloadTypes {
  /** What each number in use stands for. */
  readonly #used = new Map<number, string>();
  readonly #byKey = new Map<string, number>();

  /** Number of a media codec; undefined when all are taken. */
  media(codec: CodecPreference): number | undefined {
    return this.#allocate(mediaKey(codec));
  }

  /** Number of the format that repairs the format `of` (of `ulpfec`: that belongs to it); undefined when all are taken. */
  repair(format: RepairFormat, of: number): number | undefined {
    return this.#allocate(`${format} ${of}`);
  }

  /** Takes `payloadType` out of the game because the peer gave it a meaning of its own. */
  reserve(payloadType: number): void {
    if (!this.#used.has(payloadType)) this.#used.set(payloadType, 'remote');
  }

  #allocate(key: string): number | undefined {
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    for (let payloadType = FIRST; payloadType <= LAST; payloadType++) {
      if (this.#used.has(payloadType)) continue;
      this.#used.set(payloadType, key);
      this.#byKey.set(key, payloadType);
      return payloadType;
    }
    return undefined;
  }
}

function mediaKey(codec: CodecPreference): string {
  const fmtp = Object.entries(defaultFmtp(codec))
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join(';');
  return `${canonicalName(codec.name)}/${codec.clockRate}/${rtpmapChannels(codec) ?? 1} ${fmtp}`;
}
