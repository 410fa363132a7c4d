/**
 * Decides, once in a while and for all peers in one pass, who is to be pinged and who is dead. The reference pings without
 * looking at the answers, so that half-open connections linger there (reference §1.8).
 */

/** A ping goes out at the latest after this long without a message to the peer, in ms (reference §1.8). */
export const PING_AFTER_SENDING_NOTHING = 30_000;

export interface Liveness {
  /** Times in ms; see `PeerSocket`. */
  readonly lastReceived: number;
  readonly lastSent: number;
  readonly pingSentAt: number;
  readonly closingSince: number;
}

export interface KeepAlivePolicy {
  /** ms of silence after which a peer is pinged. */
  readonly pingAfter: number;
  /** ms a peer has for its answer. */
  readonly pongTimeout: number;
  /** ms a peer has to complete the closing handshake. */
  readonly closeTimeout: number;
}

/** What is due for a peer at time `now` (ms). */
export function keepAliveAction(peer: Liveness, policy: KeepAlivePolicy, now: number): 'none' | 'ping' | 'drop' {
  if (peer.closingSince !== 0) return now - peer.closingSince >= policy.closeTimeout ? 'drop' : 'none';
  if (peer.pingSentAt !== 0) return now - peer.pingSentAt >= policy.pongTimeout ? 'drop' : 'none';
  const isDue = now - peer.lastReceived >= policy.pingAfter || now - peer.lastSent >= PING_AFTER_SENDING_NOTHING;
  return isDue ? 'ping' : 'none';
}
