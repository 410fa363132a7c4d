/** What a session description says of sound that comes. */
import type { SentSound } from '../media/output-types.ts';
import { readOpusMapping } from '../rtp/opus-mapping.ts';

export interface DescribedSound {
  /** Encoding name, any case. */
  readonly codec: string;
  /** Hz. */
  readonly clockRate: number;
  readonly channels?: number;
  readonly fmtp?: Readonly<Record<string, string>>;
}

/** The form of the sound: an rtpmap without channels means one (RFC 8866 §6.6). */
export function sentSound({ codec, clockRate, channels = 1, fmtp = {} }: DescribedSound): SentSound {
  const mapping = codec.toLowerCase() === 'multiopus' ? readOpusMapping(channels, fmtp) : undefined;
  return { sampleRate: clockRate, channels, ...(mapping ? { mapping } : {}) };
}
