/**
 * Sessions set up and ended as fast as the server lets them (a closed loop with a bound on those in flight): startSession, the
 * producer's offer with two candidates, the consumer's answer with two, endSession. Peers take turns, so that each stays far
 * under what a server lets one peer do.
 */
import { type Json, LightPeer } from '../../packages/signalling-server/src/light-peer.testing.ts';
import { quantile } from '../report.ts';
import { inFlight } from './in-flight.ts';
import { candidateMessage } from './pair.ts';
import { sourceAddress } from './source-address.ts';

/** Messages that the server takes and gives for one session. */
export const MESSAGES_PER_SESSION = 17;
const CANDIDATES = 2;
const CONNECTS_IN_FLIGHT = 200;
/** As long as descriptions of video and audio are, characters. */
const OFFER = { type: 'offer', sdp: description(4_000) };
const ANSWER = { type: 'answer', sdp: description(2_500) };

export interface SessionLoadResult {
  readonly seconds: number;
  /** Begun, set up and ended. */
  readonly sessions: number;
  /** From startSession to the last candidate of the consumer at the producer, ms. */
  readonly setupP50: number;
  readonly setupP99: number;
}

interface Run {
  readonly began: number;
  readonly consumer: LightPeer;
  /** What is still to come before the session is set up, and its end. */
  answers: number;
  readonly onEnd: () => void;
}

export class SessionLoad {
  readonly #producers: LightPeer[];
  readonly #consumers: LightPeer[];
  /** By session, from sessionStarted on. */
  readonly #runs = new Map<string, Run>();
  #turn = 0;
  #sessions = 0;
  #setups: number[] = [];

  private constructor(producers: LightPeer[], consumers: LightPeer[]) {
    this.#producers = producers;
    this.#consumers = consumers;
    for (const producer of producers) producer.onMessage = (message) => this.#atProducer(producer, message);
  }

  /** Connects this many producers and as many consumers. */
  static async open(url: string, count: number): Promise<SessionLoad> {
    const peers = await inFlight(2 * count, CONNECTS_IN_FLIGHT, (index) => LightPeer.open({ url, ...sourceAddress(url, index) }));
    const producers = peers.slice(0, count);
    await inFlight(count, CONNECTS_IN_FLIGHT, (index) => producers[index]!.register(['producer']));
    return new SessionLoad(producers, peers.slice(count));
  }

  /** Runs with `lanes` sessions at a time; resolves when the last has ended. */
  async run(seconds: number, lanes: number): Promise<SessionLoadResult> {
    this.#sessions = 0;
    this.#setups = [];
    const began = performance.now();
    const until = began + seconds * 1000;
    const lane = async (): Promise<void> => {
      while (performance.now() < until) await this.#session();
    };
    await Promise.all(Array.from({ length: lanes }, lane));
    return {
      seconds: (performance.now() - began) / 1000,
      sessions: this.#sessions,
      setupP50: quantile(this.#setups, 0.5),
      setupP99: quantile(this.#setups, 0.99),
    };
  }

  close(): void {
    for (const peer of [...this.#producers, ...this.#consumers]) peer.reset();
  }

  /** One session of the next producer and consumer; resolves at its end. */
  #session(): Promise<void> {
    const turn = this.#turn++ % this.#producers.length;
    const [producer, consumer] = [this.#producers[turn]!, this.#consumers[turn]!];
    return new Promise((resolve, reject) => {
      const began = performance.now();
      consumer.onClose = producer.onClose = (code) => reject(new Error(`The server closed a peer (${code}).`));
      consumer.onMessage = (message) => {
        if (message.type === 'error') reject(new Error(String(message.details)));
        const sessionId = String(message.sessionId);
        if (message.type === 'sessionStarted')
          this.#runs.set(sessionId, { began, consumer, answers: 1 + CANDIDATES, onEnd: () => resolve() });
        else if (message.type === 'peer' && 'sdp' in message)
          consumer.send({ type: 'peer', sessionId, sdp: ANSWER }, ...candidates(sessionId));
        // The producer's candidates are behind its offer: the consumer has all that there is when it has the last one.
      };
      consumer.send({ type: 'startSession', peerId: producer.id });
    });
  }

  #atProducer(producer: LightPeer, message: Json): void {
    const sessionId = String(message.sessionId);
    if (message.type === 'startSession') producer.send({ type: 'peer', sessionId, sdp: OFFER }, ...candidates(sessionId));
    else if (message.type === 'peer') {
      const run = this.#runs.get(sessionId)!;
      if (--run.answers > 0) return;
      this.#setups.push(performance.now() - run.began);
      run.consumer.send({ type: 'endSession', sessionId });
    } else if (message.type === 'endSession') {
      this.#sessions++;
      this.#runs.get(sessionId)!.onEnd();
      this.#runs.delete(sessionId);
    }
  }
}

function candidates(sessionId: string): Json[] {
  return Array.from({ length: CANDIDATES }, (_, number) => candidateMessage(sessionId, number));
}

function description(length: number): string {
  const head = 'v=0\r\no=- 46117317 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n';
  return head.padEnd(length, 'a=rtcp-fb:96 transport-cc\r\na=fmtp:97 apt=96\r\n');
}
