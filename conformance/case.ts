/**
 * One rule of the signalling protocol, as something that can be tried on a running server. The cases are the table of the
 * conformance suite; `cases/` has them, a file for each section of the reference.
 */
import type { Feature } from './features.ts';
import type { World } from './world.ts';

export type Case = SocketCase | HubCase;

interface CaseHead {
  /** Short and unique; the letter tells the section. */
  readonly id: string;
  /** What the server does, so that it can be read as a sentence. */
  readonly title: string;
  /** The section of the reference that says so. */
  readonly reference: string;
}

export interface SocketCase extends CaseHead {
  /** Throws a `Difference` when the server of `world` does not behave as ours shall. */
  readonly run: (world: World) => Promise<void>;
  /** Where ours differs from the original on purpose. */
  readonly differs?: IntendedDifference;
  /** What the case is about, where the original's last release does not have it. */
  readonly needs?: Feature;
}

export interface IntendedDifference {
  /** One sentence. */
  readonly why: string;
  /** What the original does instead, in a few words. */
  readonly instead: string;
  /** Throws a `Difference` when the server of `world` does not behave as the original does. */
  readonly original: (world: World) => Promise<void>;
}

/** A rule that no peer can bring about over a socket: the state machine's own tests have it. */
export interface HubCase extends CaseHead {
  /** Why it cannot be reached. One sentence. */
  readonly unreachable: string;
  /** Part of the title of the test in `packages/signalling-server/src/hub.test.ts`. */
  readonly coveredBy: string;
}

/** A rule before its section gives it an id. */
export type Rule = Omit<SocketCase, 'id' | 'reference'>;

/** Gives the rules of one section their ids: the letter and the place in the table. */
export function numbered(letter: string, reference: string, rules: readonly Rule[]): SocketCase[] {
  return rules.map((rule, index) => ({ id: `${letter}${index + 1}`, reference, ...rule }));
}
