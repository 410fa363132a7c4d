/** A producer and a consumer in a session. */
import { type Json, LightPeer, type Target } from '../../packages/signalling-server/src/light-peer.testing.ts';

export class Pair {
  readonly producer: LightPeer;
  readonly consumer: LightPeer;
  readonly sessionId: string;

  private constructor(producer: LightPeer, consumer: LightPeer, sessionId: string) {
    this.producer = producer;
    this.consumer = consumer;
    this.sessionId = sessionId;
  }

  /** Both connect, and the consumer starts the session. */
  static async open(target: Target, name = 'pair'): Promise<Pair> {
    const [producer, consumer] = await Promise.all([LightPeer.open(target), LightPeer.open(target)]);
    await producer.register(['producer'], { name });
    const started = consumer.next('sessionStarted');
    const offered = producer.next('startSession');
    consumer.send({ type: 'startSession', peerId: producer.id });
    const { sessionId } = await started;
    await offered;
    return new Pair(producer, consumer, String(sessionId));
  }

  reset(): void {
    this.producer.reset();
    this.consumer.reset();
  }
}

/** A `peer` message with a candidate of the usual size, marked by a number. */
export function candidateMessage(sessionId: string, number: number): Json {
  const candidate = `candidate:${number} 1 UDP 2015363327 192.0.2.7 40000 typ srflx raddr 10.0.0.7 rport 40000 generation 0`;
  return { type: 'peer', sessionId, ice: { candidate, sdpMLineIndex: 0 } };
}

/** The number of such a message of this session; undefined for any other. */
export function candidateNumber(message: Json, sessionId: string): number | undefined {
  if (message.type !== 'peer' || message.sessionId !== sessionId) return undefined;
  const { candidate } = (message.ice ?? {}) as { candidate?: string };
  return candidate === undefined ? undefined : Number.parseInt(candidate.slice('candidate:'.length), 10);
}
