/** A producer and a consumer that come, are in a session for a while and go, in one way or another. */
import { setTimeout as delay } from 'node:timers/promises';
import type { LightPeer, Target } from '../../packages/signalling-server/src/light-peer.testing.ts';
import { candidateMessage, candidateNumber, Pair } from './pair.ts';

/** `silence`: the peer is there no more, but no packet says so. */
export const DEPARTURES = ['close', 'reset', 'end', 'silence'] as const;
export type Departure = (typeof DEPARTURES)[number];

export interface Visit {
  /** Candidates each way, one after the other. */
  readonly exchanges: number;
  /** Between two of them, ms; the producer changes its status as often. */
  readonly pause: number;
  readonly producerGoes: Departure;
  readonly consumerGoes: Departure;
  /** The consumer ends the session before it goes. */
  readonly endsSession: boolean;
}

/** Resolves when both have gone. Rejects where the server does not let them do what they came for. */
export async function visit(target: Target, plan: Visit): Promise<void> {
  const pair = await Pair.open(target, 'visitor');
  const { producer, consumer, sessionId } = pair;
  for (let number = 0; number < plan.exchanges; number++) {
    await pass(producer, consumer, sessionId, number);
    await pass(consumer, producer, sessionId, number);
    if (plan.pause === 0) continue;
    await delay(plan.pause);
    await producer.register(['producer'], { number });
  }
  if (plan.endsSession) {
    const ended = producer.next('endSession');
    consumer.send({ type: 'endSession', sessionId });
    await ended;
  }
  await Promise.all([leave(producer, plan.producerGoes), leave(consumer, plan.consumerGoes)]);
}

async function pass(from: LightPeer, to: LightPeer, sessionId: string, number: number): Promise<void> {
  const arrived = to.next('peer');
  from.send(candidateMessage(sessionId, number));
  if (candidateNumber(await arrived, sessionId) !== number)
    throw new Error(`The candidate ${number} did not arrive in its turn.`);
}

async function leave(peer: LightPeer, how: Departure): Promise<void> {
  if (how === 'close') await peer.close();
  else if (how === 'reset') peer.reset();
  else if (how === 'end') peer.end();
  // What it is asked from now on nobody answers; the server ends the connection.
  else peer.isAnswering = false;
}
