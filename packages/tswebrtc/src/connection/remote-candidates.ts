/**
 * The peer's candidates on their way to the transport (RFC 8838 trickle): they may come before the description they belong to,
 * twice (in the description and by themselves), or for an m-line that is bundled away. Whatever is of no use is left out.
 */

/** Far beyond what a peer gathers; what a peer can make us hold. */
const MAX_WAITING = 256;
const MAX_KNOWN = 512;

export class RemoteCandidates {
  readonly #take: (candidate: string) => void;
  readonly #known = new Set<string>();
  /** For credentials that are not known yet. */
  #waiting: string[] = [];
  #usernameFragment: string | undefined;

  constructor(take: (candidate: string) => void) {
    this.#take = take;
  }

  /**
   * The transport runs towards the peer of this user name fragment: passes on what waits and whatever comes. Again when ICE
   * restarts; a peer that keeps its credentials keeps its candidates.
   */
  open(usernameFragment: string): void {
    const waiting = usernameFragment === this.#usernameFragment ? [...this.#known, ...this.#waiting] : this.#waiting;
    this.#usernameFragment = usernameFragment;
    this.#known.clear();
    this.#waiting = [];
    // What came early may still be followed by more, whatever an early end said.
    for (const candidate of waiting) if (candidate !== '') this.add(candidate);
    if (waiting.at(-1) === '') this.add('');
  }

  /** `candidate` with or without `a=`; empty = no more. */
  add(candidate: string): void {
    const text = candidate
      .trim()
      .replace(/^a=/i, '')
      .replace(/^end-of-candidates$/, '');
    // A candidate that names its credentials and names others belongs to a transport that is not ours, or not yet.
    const fragment = / ufrag (\S+)/.exec(text)?.[1];
    if (this.#usernameFragment === undefined || (fragment !== undefined && fragment !== this.#usernameFragment)) {
      if (this.#waiting.length < MAX_WAITING) this.#waiting.push(text);
      return;
    }
    if (text === '') {
      this.#take('');
      return;
    }
    if (this.#known.has(text) || this.#known.size >= MAX_KNOWN) return;
    this.#known.add(text);
    this.#take(text);
  }
}
