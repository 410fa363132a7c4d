/** When to ask the signalling server for ICE servers again. */

/** The part of their lifetime after which credentials are asked for anew. */
const REFRESH_AFTER = 0.8;
/** What a timer can wait, ms. */
const MAX_TIMEOUT = 2 ** 31 - 1;

/** ms after which ICE servers that are good for `ttl` seconds are to be asked for again. */
export function iceServersRefreshDelay(ttl: number): number {
  return Math.min(Math.max(ttl, 1) * 1000 * REFRESH_AFTER, MAX_TIMEOUT);
}
