/** What may be sent before anything is known of the path. */
import { PACING_FACTOR } from './pacer.ts';
import type { Target } from './types.ts';

/** `bitrate` in bit/s. */
export function initialTarget(bitrate: number): Target {
  return {
    bitrate,
    pacingRate: bitrate * PACING_FACTOR,
    paddingRate: 0,
    stableBitrate: bitrate,
    lossFraction: 0,
    rtt: undefined,
    state: 'normal',
    applicationLimited: false,
  };
}
