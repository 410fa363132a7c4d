/** Runs cases against a server, one after the other, each with peers of its own. */
import type { Case, SocketCase } from './case.ts';
import { Difference } from './difference.ts';
import { World } from './world.ts';

export type Outcome = 'ok' | 'as the original' | 'as release 0.15' | 'FAILED' | 'not over a socket';

export interface CaseResult {
  readonly case: Case;
  readonly outcome: Outcome;
  /** What was found instead of what ours shall do, in one line; of the outcomes that are not ok. */
  readonly difference?: string;
}

/** How long, in ms, one case may take. */
const DEADLINE = 10_000;

/** Tries a case against what ours shall do, then against what the original does, then against what its last release lacks. */
export async function runCase(url: string, one: Case): Promise<CaseResult> {
  if ('unreachable' in one) return { case: one, outcome: 'not over a socket' };
  const difference = await differenceOf(url, one.run);
  if (difference === undefined) return { case: one, outcome: 'ok' };
  const holds = async (run: SocketCase['run'] | undefined): Promise<boolean> =>
    run !== undefined && (await differenceOf(url, run)) === undefined;
  if (await holds(one.differs?.original)) return { case: one, outcome: 'as the original', difference };
  if (await holds(one.needs?.lacks)) return { case: one, outcome: 'as release 0.15', difference };
  return { case: one, outcome: 'FAILED', difference };
}

/** Runs what a case does in a world of its own. Rejects with a `Difference` as the case does, or when it does not end. */
export async function runInWorld(url: string, run: SocketCase['run']): Promise<void> {
  const world = new World(url);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Difference(`It had not come to an end after ${DEADLINE / 1_000} s`)), DEADLINE);
  });
  try {
    await Promise.race([run(world), late]);
  } finally {
    clearTimeout(timer);
    await world.close();
  }
}

async function differenceOf(url: string, run: SocketCase['run']): Promise<string | undefined> {
  try {
    await runInWorld(url, run);
    return undefined;
  } catch (error) {
    // Whatever else goes wrong (a connection that is refused, an answer of another shape) is the server's doing as well.
    return (error as Error).message.replaceAll(/\s*\n\s*/g, ' ');
  }
}
