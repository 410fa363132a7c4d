/** What a session says of the clock of its timestamps (RFC 7273; reference §2.16). */
import type { TransceiverInit } from '../connection/types.ts';

/** Where NTP's clock began, ms since the Unix epoch: 1900. */
const NTP_EPOCH = -2_208_988_800_000;
/** PTP's began in 1970 and counts atomic time, which is 37 s ahead of UTC since 2017. */
const PTP_EPOCH = -37_000;

/** `reference`: as the property `reference-clock` has it; null says nothing. */
export function clockOf(reference: string | null): TransceiverInit['clock'] {
  if (reference === null) return undefined;
  if (reference === 'local') return { reference, media: 'sender' };
  return { reference, media: 'direct=0', epoch: reference.startsWith('ntp=') ? NTP_EPOCH : PTP_EPOCH };
}
