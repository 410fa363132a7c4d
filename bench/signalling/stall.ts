/**
 * A listener that never reads, while others change their status often enough to fill whatever the server keeps for it. What
 * became of it is seen by a peer that asks for the list of producers, which the listener is in.
 */
import { LightPeer } from '../../packages/signalling-server/src/light-peer.testing.ts';
import { inFlight } from './in-flight.ts';

const CHANGERS = 100;
/** Of each, within what a server lets one peer do. */
const CHANGES_PER_SECOND = 10;
/** Characters of its meta: what everybody sends stays under the limits too. */
const META_LENGTH = 3_000;
/** What a changer may have unwritten, bytes, before it waits for the server. */
const MOST_BACKLOG = 64 * 1024;
/** Between two questions for the list, ms. */
const WATCH_EVERY = 100;

export interface StallResult {
  /** After this long, in s, the server had given the listener up; undefined: it never did. */
  readonly closedAfter: number | undefined;
  /** Status changes sent, MB. */
  readonly megabytes: number;
}

/** Runs for `seconds`, then resets the listener. */
export async function stall(url: string, seconds: number): Promise<StallResult> {
  const changers = await inFlight(CHANGERS, CHANGERS, () => LightPeer.open({ url }));
  const watcher = await LightPeer.open({ url });
  const stalled = await LightPeer.open({ url });
  await stalled.register(['producer', 'listener'], { name: 'stalled' });
  stalled.stopReading();

  const began = performance.now();
  const elapsed = (): number => (performance.now() - began) / 1000;
  let sent = 0;
  const change = (): void => {
    const due = elapsed() * CHANGERS * CHANGES_PER_SECOND;
    for (; sent < due; sent++) {
      const changer = changers[sent % CHANGERS]!;
      if (changer.backlog < MOST_BACKLOG)
        changer.send({ type: 'setPeerStatus', roles: ['consumer'], meta: `${sent} `.padEnd(META_LENGTH, 'm') });
    }
  };
  let closedAfter: number | undefined;
  let isAsked = false;
  watcher.onMessage = ({ producers }) => {
    isAsked = false;
    if (!(producers as { id: string }[]).some(({ id }) => id === stalled.id)) closedAfter ??= elapsed();
  };
  const watch = (): void => {
    if (isAsked) return;
    isAsked = true;
    watcher.send({ type: 'list' });
  };
  const timers = [setInterval(change, 5), setInterval(watch, WATCH_EVERY)];
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  for (const timer of timers) clearInterval(timer);
  for (const peer of [stalled, watcher, ...changers]) peer.reset();
  return { closedAfter, megabytes: (sent * META_LENGTH) / 1e6 };
}
