/** The life of a session (reference §6.5): the numbers are part of the interface, and a state never goes back. */
export const SessionState = Object.freeze({
  /** Created; nothing sent yet. */
  idle: 0,
  /** The session was asked for and is being negotiated. */
  connecting: 1,
  /** Media has begun to arrive. */
  streaming: 2,
  /** Over for good. */
  closed: 3,
} as const);

/** One of the values of {@link SessionState}. */
export type SessionState = (typeof SessionState)[keyof typeof SessionState];

/** Who ended a session, and why. */
export interface SessionEnd {
  /**
   * `application`: `close()` was called here. `peer`: the other side ended it or went away. `signalling`: the connection to
   * the signalling server was lost. `failure`: negotiation or the media connection failed.
   */
  readonly by: 'application' | 'peer' | 'signalling' | 'failure';
  /** One sentence, where there is one to say. */
  readonly reason: string | undefined;
}
