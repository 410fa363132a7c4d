/**
 * ICE of one connection through its restarts (RFC 8445 §9, RFC 8839 §4.4.1.1.1): a restart is another agent, with credentials,
 * sockets and candidates of its own, beside the one in use. What the old one has found carries on until the new one has a pair;
 * then the old one listens a moment longer, for what is on its way, and goes.
 */
import type { CandidatePair } from 'werift';
import type { IceServer } from '../types.ts';
import type { ParsedCandidate } from './candidate.ts';
import type { Address } from './datagram-port.ts';
import { IceAgent, type IceAgentOptions, type SelectedPair } from './ice-agent.ts';
import type { IceParameters } from './types.ts';

/** ms that an agent is still listened to after another one has taken its place. */
const LINGER = 1000;

export interface IceTransportHandler {
  /** A candidate of the newest agent, without `a=`; empty = no more. */
  candidate(line: string): void;
  /** A datagram that is not STUN. */
  datagram(datagram: Buffer, from: Address): void;
  /** The peer has proved to be there. */
  alive(): void;
  /** A pair is in use: the first one, or another than before. */
  selected(selected: SelectedPair): void;
  failed(error: unknown): void;
}

export interface PacketTotals {
  packetsSent: number;
  packetsReceived: number;
  bytesSent: number;
  bytesReceived: number;
}

export class IceTransport {
  readonly #handler: IceTransportHandler;
  readonly #retired = new Map<IceAgent, NodeJS.Timeout>();
  readonly #closing = new Set<Promise<void>>();
  readonly #totals: PacketTotals = { packetsSent: 0, packetsReceived: 0, bytesSent: 0, bytesReceived: 0 };
  #options: IceAgentOptions;
  #current: IceAgent;
  /** Of a restart that is agreed on and has found no pair yet. */
  #next: IceAgent | undefined;
  /** Of a restart that the peer has not agreed to yet. */
  #prepared: IceAgent | undefined;
  #gatheringState: 'new' | 'gathering' | 'complete' = 'new';
  #pairChanges = 0;
  #closed = false;

  /** Throws `INVALID_OPTION` for malformed server URLs. */
  constructor(options: IceAgentOptions, handler: IceTransportHandler) {
    this.#options = options;
    this.#handler = handler;
    this.#current = this.#createAgent();
  }

  /** Of the newest agent. */
  get gatheringState(): 'new' | 'gathering' | 'complete' {
    return this.#gatheringState;
  }

  /** Our credentials in force: those of a restart from `connect` on. */
  get local(): IceParameters {
    const { usernameFragment, password } = this.#connecting;
    return { usernameFragment, password };
  }

  get localCandidates(): readonly ParsedCandidate[] {
    return this.#current.localCandidates;
  }

  /** All pairs of the agent in use, for statistics. */
  get pairs(): readonly CandidatePair[] {
    return this.#current.pairs;
  }

  /** How often another pair came into use (webrtc-stats §8.9). */
  get pairChanges(): number {
    return this.#pairChanges;
  }

  get role(): 'controlling' | 'controlled' {
    return this.#current.role;
  }

  /** What went over all pairs there ever were, past the SRTP sender's count. */
  get totals(): PacketTotals {
    const totals = { ...this.#totals };
    for (const agent of [this.#current, ...this.#retired.keys()]) addTo(totals, agent);
    return totals;
  }

  /** The last agent that knows its peer. */
  get #connecting(): IceAgent {
    return this.#next ?? this.#current;
  }

  get #newest(): IceAgent {
    return this.#prepared ?? this.#connecting;
  }

  /** Gathers once for the newest agent; resolves when all of its candidates have been handed out. */
  async gather(): Promise<void> {
    const agent = this.#newest;
    if (this.#gatheringState !== 'new' || this.#closed) return;
    this.#gatheringState = 'gathering';
    await agent.gather();
    if (this.#closed || agent !== this.#newest) return;
    this.#gatheringState = 'complete';
    this.#handler.candidate('');
  }

  /** Another agent, whose credentials are returned; the same one until `connect` or `cancelRestart` has been called for it. */
  prepareRestart(): IceParameters {
    if (!this.#prepared) {
      this.#prepared = this.#createAgent();
      this.#gatheringState = 'new';
    }
    const { usernameFragment, password } = this.#prepared;
    return { usernameFragment, password };
  }

  /** What was prepared comes to nothing: whatever runs goes on. */
  cancelRestart(): void {
    if (!this.#prepared) return;
    this.#end(this.#prepared);
    this.#prepared = undefined;
    this.#gatheringState = 'complete';
  }

  /** Begins to check connectivity with the newest agent. A restart keeps the role (RFC 8445 §6.1.1). */
  connect(remote: IceParameters & { readonly iceLite?: boolean }, role = this.#current.role): void {
    if (this.#prepared) {
      if (this.#next) this.#end(this.#next);
      this.#next = this.#prepared;
      this.#prepared = undefined;
    }
    const agent = this.#connecting;
    agent.connect(remote, role).then(
      (selected) => this.#adopt(agent, selected),
      (error: unknown) => {
        if (agent === this.#current) this.#handler.failed(error);
      },
    );
  }

  /** A candidate of the peer for the last agent that knows it. */
  addRemoteCandidate(line: string): Promise<void> {
    return this.#connecting.addRemoteCandidate(line);
  }

  /** Servers for the relays that there are, and for whatever is gathered from now on. Throws `INVALID_OPTION` for malformed URLs. */
  setServers(servers: readonly IceServer[]): void {
    this.#current.setServers(servers);
    this.#next?.setServers(servers);
    this.#prepared?.setServers(servers);
    // Once they are known to be well-formed: the agents of later restarts read them again.
    this.#options = { ...this.#options, iceServers: servers };
  }

  /** Whether the peer has a candidate with this transport address. */
  isPeer(address: Address): boolean {
    // Over the pair of a restart, too, which the peer may use before we do.
    if (this.#current.isPeer(address) || this.#next?.isPeer(address)) return true;
    for (const agent of this.#retired.keys()) if (agent.isPeer(address)) return true;
    return false;
  }

  /** Sends a datagram over the selected pair; dropped when there is none. */
  send(datagram: Buffer): void {
    this.#current.send(datagram);
  }

  /** For the silence timer of the transport, see `IceConsent.watch`. */
  watch(now: number, patience: number, silent: boolean): void {
    this.#current.watch(now, patience, silent);
  }

  /** Whether what we send gets no answer from the peer, though it may well be heard. */
  isOverdue(now: number, patience: number): boolean {
    return this.#current.isOverdue(now, patience);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#retired.values()) clearTimeout(timer);
    for (const agent of [this.#current, ...this.#retired.keys()]) this.#end(agent);
    if (this.#next) this.#end(this.#next);
    if (this.#prepared) this.#end(this.#prepared);
    await Promise.all(this.#closing);
  }

  #createAgent(): IceAgent {
    const agent: IceAgent = new IceAgent(this.#options, {
      candidate: (line) => {
        if (agent === this.#newest) this.#handler.candidate(line);
      },
      datagram: (datagram, from) => this.#handler.datagram(datagram, from),
      alive: () => {
        if (agent === this.#current) this.#handler.alive();
      },
      switched: (selected) => {
        if (agent === this.#current) this.#select(selected);
      },
    });
    return agent;
  }

  #adopt(agent: IceAgent, selected: SelectedPair): void {
    if (this.#closed) return;
    if (agent === this.#next) {
      this.#retire(this.#current);
      this.#current = agent;
      this.#next = undefined;
    } else if (agent !== this.#current) return;
    this.#select(selected);
  }

  #select(selected: SelectedPair): void {
    this.#pairChanges++;
    this.#handler.selected(selected);
  }

  #retire(agent: IceAgent): void {
    this.#retired.set(
      agent,
      setTimeout(() => {
        this.#retired.delete(agent);
        addTo(this.#totals, agent);
        this.#end(agent);
      }, LINGER),
    );
  }

  #end(agent: IceAgent): void {
    const closing = agent.close();
    this.#closing.add(closing);
    void closing.finally(() => this.#closing.delete(closing));
  }
}

function addTo(totals: PacketTotals, { pairs }: IceAgent): void {
  for (const pair of pairs) {
    totals.packetsSent += pair.packetsSent;
    totals.packetsReceived += pair.packetsReceived;
    totals.bytesSent += pair.bytesSent;
    totals.bytesReceived += pair.bytesReceived;
  }
}
