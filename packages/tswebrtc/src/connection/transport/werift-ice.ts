/**
 * What we use of werift's ICE agent that is not in its type declarations, in one place. Its version is pinned exactly: whoever
 * raises it compares these with `ice.ts` and `stun/protocol.ts` there.
 */
import type { Candidate, CandidatePair, Connection, Message, StunProtocol } from 'werift';
import type { DatagramPort } from './datagram-port.ts';

export type Protocol = CandidatePair['protocol'];

export interface IceInternals {
  localCandidatesStart: boolean;
  protocols: Protocol[];
  earlyChecksDone: boolean;
  /** A pair is being nominated towards an ICE-lite peer, which takes one nomination only. */
  nominating: boolean;
  ensureProtocol(protocol: Protocol): void;
  appendLocalCandidate(candidate: Candidate): void;
  pairLocalProtocol(protocol: Protocol): void;
  pairRemoteCandidate(candidate: Candidate): void;
  sortCheckList(): void;
  /** Called at the end of every check, whatever came of it. */
  checkComplete(pair: CandidatePair): void;
  checkStart(pair: CandidatePair): CandidatePair['handle'];
  /** Consent checks (RFC 7675) of the nominated pair, from now on. */
  queryConsent(): void;
  setState(state: 'connected'): void;
  buildRequest(options: {
    nominate: boolean;
    localUsername: string;
    remoteUsername: string;
    iceControlling: boolean;
    localCandidate: Candidate;
  }): Message;
}

export interface StunProtocolInternals {
  datagramReceived(datagram: Buffer, from: readonly [address: string, port: number]): void;
}

/** `CandidatePair.state`: werift exports the type of the enumeration only. */
export const PAIR_STATE = { frozen: 0, waiting: 1, inProgress: 2, succeeded: 3, failed: 4 } as const;

export function internalsOf(connection: Connection): IceInternals {
  return connection as unknown as IceInternals;
}

export function stateOf(pair: CandidatePair): number {
  return Number(pair.state);
}

/** What a protocol of ours sends through: all of them are `StunProtocol`, each with a port of ours as its transport. */
export function portOf(protocol: Protocol): DatagramPort {
  return (protocol as StunProtocol).transport as unknown as DatagramPort;
}
