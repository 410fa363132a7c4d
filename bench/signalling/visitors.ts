/** Visitors of a server, and malice, in a process of their own. */
import { setTimeout as delay } from 'node:timers/promises';
import { type Attack, attack } from '../../packages/signalling-server/src/attackers.testing.ts';
import { LightPeer } from '../../packages/signalling-server/src/light-peer.testing.ts';
import { MalformedFrames, randomFrom, type Victims } from '../../packages/signalling-server/src/malformed-frames.testing.ts';
import { serve } from '../child.ts';
import { inFlight } from './in-flight.ts';
import { DEPARTURES, type Departure, visit } from './visit.ts';

/** Of those who come and go as fast as they can. */
const VISITS_IN_FLIGHT = 20;
/** One in so many leaves in silence: that takes the server half a minute to find out. */
const SILENT_ONE_IN = 20;
/** Candidates and changes of status of one who stays for a while: so many, ms apart. */
const STAY = { least: 10, most: 100, pause: 200 };

export interface CrowdLook {
  /** Visits that are over. */
  readonly visits: number;
  /** What went wrong with those that failed. */
  readonly failures: readonly string[];
  /** Changes of status that a listener was told of. */
  readonly statuses: number;
}

const random = randomFrom(1);
const pick = (end: number): number => Math.floor(random() * end);
let crowd: { stop: boolean; readonly lanes: Promise<void>; readonly listener: LightPeer } | undefined;
let look = { visits: 0, failures: [] as string[], statuses: 0 };

serve({
  /** So many visits as fast as they go; what went wrong with those that failed. */
  async cycles({ url, count }: { url: string; count: number }): Promise<string[]> {
    const failures: string[] = [];
    await inFlight(count, VISITS_IN_FLIGHT, async () => {
      try {
        await visit({ url }, { exchanges: 1, pause: 0, ...departures(), endsSession: random() < 0.5 });
      } catch (error) {
        failures.push((error as Error).message);
      }
    });
    return failures;
  },

  /** So many pairs at a time that come, stay for some seconds and go, until `endCrowd`. */
  async beginCrowd({ url, pairs }: { url: string; pairs: number }): Promise<void> {
    const listener = await LightPeer.open({ url });
    listener.onMessage = () => look.statuses++;
    await listener.register(['listener']);
    const lane = async (): Promise<void> => {
      while (!crowd?.stop) {
        const exchanges = STAY.least + pick(STAY.most - STAY.least);
        try {
          await visit({ url }, { exchanges, pause: STAY.pause, ...departures(), endsSession: random() < 0.5 });
        } catch (error) {
          look.failures.push((error as Error).message);
        }
        look.visits++;
      }
    };
    const lanes = inFlight(pairs, pairs, async (index) => {
      await delay((index * STAY.pause) / pairs);
      await lane();
    });
    crowd = { stop: false, lanes: lanes.then(() => {}), listener };
  },

  /** Since the last look. */
  lookAtCrowd(): CrowdLook {
    const result = look;
    look = { visits: 0, failures: [], statuses: 0 };
    return result;
  },

  async endCrowd(): Promise<void> {
    crowd!.stop = true;
    await crowd!.lanes;
    await crowd!.listener.close();
  },

  attack: ({ url, seed, victims, count }: { url: string; seed: number; victims: Victims; count: number }): Promise<Attack> =>
    attack({ url }, new MalformedFrames(seed, victims), count),
});

function departures(): { producerGoes: Departure; consumerGoes: Departure } {
  return { producerGoes: departure(), consumerGoes: departure() };
}

function departure(): Departure {
  const loud = DEPARTURES.filter((how) => how !== 'silence');
  return pick(SILENT_ONE_IN) === 0 ? 'silence' : loud[pick(loud.length)]!;
}
