/**
 * Gives codecs their payload types for the offers of one connection, as the GStreamer family does (reference A.2): media first,
 * from 96 up, video before audio; then, walking the m-lines, each codec's repair formats, each the lowest free number of
 * 96–127. G.711 has numbers of its own (RFC 3551 §6), which every peer knows. A codec keeps its number for good, so that a second m-line shares it and re-offers are stable.
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
    const key = mediaKey(codec);
    const fixed = fixedPayloadType(codec);
    if (fixed === undefined || this.#byKey.has(key) || this.#used.has(fixed)) return this.#allocate(key);
    this.#used.set(fixed, key);
    this.#byKey.set(key, fixed);
    return fixed;
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

/** Numbers that mean a codec everywhere, by its rtpmap. */
const FIXED: Readonly<Record<string, number>> = { 'PCMU/8000/1': 0, 'PCMA/8000/1': 8, 'L16/44100/2': 10, 'L16/44100/1': 11 };

function fixedPayloadType(codec: CodecPreference): number | undefined {
  return FIXED[`${canonicalName(codec.name)}/${codec.clockRate}/${rtpmapChannels(codec) ?? 1}`];
}

function mediaKey(codec: CodecPreference): string {
  const fmtp = Object.entries(defaultFmtp(codec))
    .map(([key, value]) => `${key}=${value}`)
    .sort()
    .join(';');
  return `${canonicalName(codec.name)}/${codec.clockRate}/${rtpmapChannels(codec) ?? 1} ${fmtp}`;
}
