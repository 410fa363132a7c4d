/**
 * The ICE agent (RFC 8445, trickle RFC 8838) of one connection. werift keeps the check list, nomination and consent
 * (RFC 7675); gathering, the sockets, the authentication of incoming checks and the choice of STUN servers are ours.
 */
import { randomBytes } from 'node:crypto';
import { promises as dns } from 'node:dns';
import { setMaxListeners } from 'node:events';
import { isIP, isIPv4 } from 'node:net';
import { Candidate, type CandidatePair, Connection, createStunOverTurnClient, Message, parseMessage, StunProtocol } from 'werift';
import type { Logger } from '../../common/logger.ts';
import type { ConnectionOptions, IceServer } from '../types.ts';
import {
  type CandidateType,
  candidateFoundation,
  candidatePriority,
  formatCandidate,
  localAddresses,
  type ParsedCandidate,
  parseCandidate,
} from './candidate.ts';
import { parseIceServers, type StunServer, type TurnServer } from './ice-servers.ts';
import { resolveMdns } from './mdns.ts';
import { type Address, UdpPort } from './udp-port.ts';

/** What of werift's agent is not in its type declarations. */
interface ConnectionInternals {
  localCandidatesStart: boolean;
  protocols: Protocol[];
  ensureProtocol(protocol: Protocol): void;
  appendLocalCandidate(candidate: Candidate): void;
  pairLocalProtocol(protocol: Protocol): void;
  buildRequest(options: {
    nominate: boolean;
    localUsername: string;
    remoteUsername: string;
    iceControlling: boolean;
    localCandidate: Candidate;
  }): Message;
}
type Protocol = CandidatePair['protocol'];
type TurnProtocol = Awaited<ReturnType<typeof createStunOverTurnClient>>;
interface ProtocolInternals {
  datagramReceived(datagram: Buffer, from: Address): void;
}

const BINDING_METHOD = 1;
const REQUEST_CLASS = 0;
const BINDING_REQUEST = 0x0001;
/** A peer has a handful of candidates; each makes a pair with each of ours. */
const MAX_REMOTE_CANDIDATES = 100;
const PAIR_FAILED = 4;
const PAIR_WAITING = 1;
/** ms between starting with one STUN server and with the next. */
const NEXT_STUN_SERVER = 500;
/** Sent at 0, 200, 600 and 1400 ms; given up at 3 s. */
const STUN_REQUEST = { retransmissions: 3, responseTimeout: 200 };
/** ms between second chances for pairs whose check timed out, perhaps because the peer was not ready yet. */
const RETRY_FAILED_PAIRS = 1000;

export interface IceAgentHandler {
  /** A local candidate, without `a=`. */
  candidate(line: string): void;
  /** A datagram that is not STUN. `from` is undefined when it came through a relay. */
  datagram(datagram: Buffer, from: Address | undefined): void;
  /** The peer has proved to be there. */
  alive(): void;
}

/** Where application data goes. */
export interface SelectedPair {
  /** Undefined for relays. */
  readonly port: UdpPort | undefined;
  readonly remote: Address;
  readonly pair: CandidatePair;
}

export type IceAgentOptions = Pick<ConnectionOptions, 'iceServers' | 'iceTransportPolicy' | 'portRange' | 'gatherLoopback'> & {
  readonly logger: Logger;
};

export class IceAgent {
  readonly usernameFragment = randomBytes(4).toString('hex');
  /** RFC 8445 §5.3 wants 128 bits. */
  readonly password = randomBytes(18).toString('base64');
  readonly #passwordKey = Buffer.from(this.password);
  readonly #options: IceAgentOptions;
  readonly #servers: { stun: StunServer[]; turn: TurnServer[] };
  readonly #handler: IceAgentHandler;
  readonly #log: Logger;
  readonly #connection: Connection;
  readonly #internals: ConnectionInternals;
  readonly #abort = new AbortController();
  readonly #local: ParsedCandidate[] = [];
  readonly #remoteLines = new Set<string>();
  #retry: NodeJS.Timeout | undefined;
  #gathering: Promise<void> | undefined;
  readonly #binding: Promise<unknown>[] = [];
  #responses = 0;
  #asking = false;

  constructor(options: IceAgentOptions, handler: IceAgentHandler) {
    this.#options = options;
    this.#servers = parseIceServers((options.iceServers ?? []) as IceServer[]);
    this.#handler = handler;
    this.#log = options.logger;
    setMaxListeners(0, this.#abort.signal);
    const connection = new Connection(false, { forceTurn: options.iceTransportPolicy === 'relay' });
    // Without this werift asks a public server that nobody has chosen.
    delete connection.stunServer;
    connection.localUsername = this.usernameFragment;
    connection.localPassword = this.password;
    connection.userHistory = { [this.usernameFragment]: this.password };
    connection.onData.subscribe((datagram) => this.#guard(() => this.#handler.datagram(datagram, undefined)));
    this.#connection = connection;
    this.#internals = connection as unknown as ConnectionInternals;
    this.#internals.localCandidatesStart = true;
  }

  get #closed(): boolean {
    return this.#abort.signal.aborted;
  }

  get localCandidates(): readonly ParsedCandidate[] {
    return this.#local;
  }

  /** All pairs, for statistics. */
  get pairs(): readonly CandidatePair[] {
    return this.#connection.candidatePairs;
  }

  get role(): 'controlling' | 'controlled' {
    return this.#connection.iceControlling ? 'controlling' : 'controlled';
  }

  /** The nominated pair, once there is one. */
  get selected(): SelectedPair | undefined {
    const pair = this.#connection.nominated;
    if (!pair) return undefined;
    const port = pair.protocol instanceof StunProtocol ? (pair.protocol.transport as unknown) : undefined;
    return { pair, port: port instanceof UdpPort ? port : undefined, remote: pair.remoteAddr };
  }

  /** Gathers once; resolves when all candidates have been handed out. */
  gather(): Promise<void> {
    this.#gathering ??= this.#gather();
    return this.#gathering;
  }

  async #gather(): Promise<void> {
    const jobs: Promise<void>[] = [];
    const turn = this.#servers.turn[0];
    if (turn) jobs.push(this.#gatherRelay(turn));
    if (this.#options.iceTransportPolicy !== 'relay') {
      const addresses = localAddresses(this.#options.gatherLoopback ?? false);
      addresses.forEach((address, i) => {
        jobs.push(this.#gatherHost(address, 65535 - i));
      });
    }
    for (const result of await Promise.allSettled(jobs)) {
      if (result.status === 'rejected') this.#log.debug({ error: String(result.reason) }, 'a candidate could not be gathered');
    }
  }

  async #gatherHost(address: string, localPreference: number): Promise<void> {
    const bound = this.#bind(address);
    this.#binding.push(bound);
    const port = await bound;
    if (!port) return;
    const protocol = new StunProtocol();
    protocol.transport = port as unknown as StunProtocol['transport'];
    protocol.localIp = address;
    port.onData = (datagram, from) => this.#guard(() => this.#receive(protocol, datagram, from));
    this.#internals.ensureProtocol(protocol);
    this.#internals.protocols.push(protocol);
    const host = this.#candidate('host', address, port.address.port, localPreference, address);
    protocol.localCandidate = host;
    this.#internals.pairLocalProtocol(protocol);
    this.#announce(host);
    if (this.#servers.stun.length > 0) await this.#gatherReflexive(protocol, host, localPreference);
  }

  async #bind(address: string): Promise<UdpPort | undefined> {
    const port = await UdpPort.bind(address, this.#options.portRange);
    if (!this.#closed) return port;
    await port.close();
    return undefined;
  }

  /** Asks the STUN servers in their order, each with a head start on the next; the first answer wins. */
  async #gatherReflexive(protocol: StunProtocol, host: Candidate, localPreference: number): Promise<void> {
    const answered = new AbortController();
    const signal = AbortSignal.any([answered.signal, this.#abort.signal]);
    const family = isIPv4(host.host) ? 4 : 6;
    const ask = async (server: StunServer, i: number): Promise<void> => {
      await sleep(i * NEXT_STUN_SERVER, signal);
      if (signal.aborted) return;
      const address = await resolveHost(server.host, family);
      if (!address || signal.aborted) return;
      const request = new Message(BINDING_METHOD, REQUEST_CLASS);
      const [response] = await protocol.request(request, [address, server.port], undefined, { ...STUN_REQUEST, signal });
      const mapped = response.getAttributeValue('XOR-MAPPED-ADDRESS') as Address | undefined;
      if (!mapped || signal.aborted) return;
      answered.abort();
      // RFC 8445 §5.1.3: without a NAT it would say the same as the host candidate.
      if (mapped[0] === host.host && mapped[1] === host.port) return;
      this.#announce(
        this.#candidate('srflx', mapped[0], mapped[1], localPreference, host.host, `${server.host}:${server.port}`, [
          host.host,
          host.port,
        ]),
      );
    };
    const failures = (await Promise.allSettled(this.#servers.stun.map(ask))).filter(({ status }) => status === 'rejected').length;
    if (!answered.signal.aborted && failures > 0) this.#log.debug({ address: host.host, failures }, 'no STUN server answered');
  }

  async #gatherRelay(server: TurnServer): Promise<void> {
    const address = await resolveHost(server.host, 4);
    if (!address || this.#closed) return;
    const protocol = await createStunOverTurnClient(
      { address: [address, server.port], username: server.username, password: server.credential },
      { transport: server.transport },
    );
    swallowSocketErrors(protocol);
    if (this.#closed) return void (await protocol.close());
    // Checks that come through the relay are authenticated here as those on our own ports are.
    const { onRequestReceived } = protocol;
    const deliver = onRequestReceived.execute;
    onRequestReceived.execute = (message, from, datagram) => {
      if (this.#isAuthentic(datagram)) deliver(message, from, datagram);
    };
    this.#internals.ensureProtocol(protocol);
    this.#internals.protocols.push(protocol);
    const { relayedAddress, mappedAddress } = protocol.turn;
    const relay = this.#candidate(
      'relay',
      relayedAddress[0],
      relayedAddress[1],
      65535,
      mappedAddress[0],
      server.host,
      mappedAddress,
    );
    protocol.localCandidate = relay;
    this.#internals.pairLocalProtocol(protocol);
    this.#announce(relay);
  }

  #candidate(
    type: CandidateType,
    address: string,
    port: number,
    localPreference: number,
    base: string,
    server?: string,
    related?: Address,
  ): Candidate {
    return new Candidate(
      candidateFoundation(type, base, server),
      1,
      'udp',
      candidatePriority(type, localPreference),
      address,
      port,
      type,
      related?.[0],
      related?.[1],
      undefined,
      0,
      this.usernameFragment,
    );
  }

  #announce(candidate: Candidate): void {
    if (this.#closed) return;
    this.#internals.appendLocalCandidate(candidate);
    const parsed: ParsedCandidate = {
      foundation: candidate.foundation,
      component: 1,
      protocol: 'udp',
      priority: candidate.priority,
      address: candidate.host,
      port: candidate.port,
      type: candidate.type,
      ...(candidate.relatedAddress === undefined ? {} : { relatedAddress: candidate.relatedAddress }),
      ...(candidate.relatedPort === undefined ? {} : { relatedPort: candidate.relatedPort }),
      usernameFragment: this.usernameFragment,
    };
    this.#local.push(parsed);
    this.#handler.candidate(formatCandidate(parsed));
  }

  /** Checks connectivity until a pair is nominated; the caller sets the deadline. */
  async connect(
    remote: { usernameFragment: string; password: string; iceLite?: boolean },
    role: 'controlling' | 'controlled',
  ): Promise<SelectedPair> {
    const connection = this.#connection;
    connection.iceControlling = role === 'controlling';
    connection.setRemoteParams({
      iceLite: remote.iceLite ?? false,
      usernameFragment: remote.usernameFragment,
      password: remote.password,
    });
    this.#retry = setInterval(() => {
      if (connection.nominated) return;
      for (const pair of connection.checkList) if (Number(pair.state) === PAIR_FAILED) pair.updateState(PAIR_WAITING);
    }, RETRY_FAILED_PAIRS);
    try {
      await connection.connect();
    } finally {
      clearInterval(this.#retry);
    }
    const selected = this.selected;
    if (!selected) throw new Error('ICE ended without a nominated pair');
    return selected;
  }

  async addRemoteCandidate(line: string): Promise<void> {
    const parsed = parseCandidate(line);
    const reason = parsed ? this.#unusable(parsed) : 'malformed';
    if (!parsed || reason) return this.#log.debug({ candidate: line, reason }, 'remote candidate ignored');
    const key = `${parsed.address} ${parsed.port}`;
    if (this.#remoteLines.has(key)) return;
    this.#remoteLines.add(key);
    const address = parsed.address.endsWith('.local') ? await resolveMdns(parsed.address, this.#abort.signal) : parsed.address;
    if (this.#closed) return;
    if (!address) return this.#log.debug({ candidate: line }, 'remote candidate ignored: its name has no address');
    await this.#connection.addRemoteCandidate(
      new Candidate(
        parsed.foundation,
        parsed.component,
        parsed.protocol,
        parsed.priority,
        address,
        parsed.port,
        parsed.type,
        parsed.relatedAddress,
        parsed.relatedPort,
        undefined,
        undefined,
        parsed.usernameFragment,
      ),
    );
  }

  #unusable(candidate: ParsedCandidate): string | undefined {
    if (this.#closed) return 'closed';
    if (candidate.protocol !== 'udp') return 'not UDP';
    if (candidate.component !== 1) return 'not component 1';
    if (!['host', 'srflx', 'relay', 'prflx'].includes(candidate.type)) return 'unknown type';
    if (candidate.port === 0) return 'port 0';
    if (isIP(candidate.address) === 0 && !/^[\w-]+\.local$/i.test(candidate.address))
      return 'neither an address nor a .local name';
    if (this.#remoteLines.size >= MAX_REMOTE_CANDIDATES) return 'too many';
    return undefined;
  }

  #receive(protocol: StunProtocol, datagram: Buffer, from: Address): void {
    if (datagram.length === 0) return;
    if (datagram[0]! > 3) {
      const pair = this.#connection.nominated;
      if (pair?.protocol === protocol) {
        pair.packetsReceived++;
        pair.bytesReceived += datagram.length;
      }
      this.#handler.datagram(datagram, from);
      return;
    }
    if (datagram.length < 20) return;
    if (datagram.readUInt16BE(0) === BINDING_REQUEST) {
      if (!this.#isAuthentic(datagram)) return;
      const known = this.isPeer(from);
      if (!known && this.#connection.remoteCandidates.length >= 2 * MAX_REMOTE_CANDIDATES) return;
      if (known) this.#handler.alive();
    }
    (protocol as unknown as ProtocolInternals).datagramReceived(datagram, from);
  }

  /** RFC 8445 §7.3: a check carries our username fragment and a MESSAGE-INTEGRITY made with our password. werift looks at neither. */
  #isAuthentic(datagram: Buffer): boolean {
    const message = parseMessage(datagram, this.#passwordKey);
    if (!message?.attributesKeys.includes('MESSAGE-INTEGRITY')) return false;
    const username = message.getAttributeValue('USERNAME') as string | undefined;
    return username?.split(':')[0] === this.usernameFragment;
  }

  /** Whether the peer has a candidate with this transport address. */
  isPeer([address, port]: Address): boolean {
    for (const candidate of this.#connection.remoteCandidates)
      if (candidate.port === port && candidate.host === address) return true;
    return false;
  }

  /** Sends a datagram over the selected pair; dropped when there is none. */
  send(datagram: Buffer): void {
    const selected = this.selected;
    if (!selected || this.#closed) return;
    selected.pair.packetsSent++;
    selected.pair.bytesSent += datagram.length;
    if (selected.port) void selected.port.send(datagram, selected.remote).catch(ignore);
    else void selected.pair.protocol.sendData(datagram, selected.remote).catch(ignore);
  }

  /** For the silence timer: reports consent answers that came since the last call. */
  poll(): void {
    const pair = this.#connection.nominated;
    if (!pair || this.#closed) return;
    if (pair.responsesReceived > this.#responses) {
      this.#responses = pair.responsesReceived;
      this.#handler.alive();
    }
    // werift remembers every transaction for ever.
    (pair as unknown as { requestTransactionIds: Set<string> }).requestTransactionIds.clear();
  }

  /**
   * Sends a check beyond those of RFC 7675, whose pace of one in five seconds is too slow to notice a silent peer by; not
   * while an earlier one is without an answer for less than `timeout` ms.
   */
  ask(timeout: number): void {
    const pair = this.#connection.nominated;
    if (!pair || this.#closed || this.#asking) return;
    const { localUsername, remoteUsername, remotePassword, iceControlling } = this.#connection;
    const request = this.#internals.buildRequest({
      nominate: false,
      localUsername,
      remoteUsername,
      iceControlling,
      localCandidate: pair.localCandidate,
    });
    const started = performance.now();
    const options = { retransmissions: 0, responseTimeout: timeout, signal: this.#abort.signal };
    this.#asking = true;
    pair.requestsSent++;
    pair.protocol
      .request(request, pair.remoteAddr, Buffer.from(remotePassword), options)
      .then(() => {
        const rtt = (performance.now() - started) / 1000;
        pair.rtt = rtt;
        pair.totalRoundTripTime += rtt;
        pair.roundTripTimeMeasurements++;
        pair.responsesReceived++;
      }, ignore)
      .finally(() => {
        this.#asking = false;
      });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#abort.abort();
    clearInterval(this.#retry);
    await this.#connection.close().catch(ignore);
    await Promise.allSettled(this.#binding);
  }

  #guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#log.debug({ error: String(error) }, 'a datagram could not be handled');
    }
  }
}

const ignore = (): void => {};

/** werift's relay client leaves its socket without an error listener. */
function swallowSocketErrors(protocol: TurnProtocol): void {
  const { socket } = protocol.turn.transport as { socket?: { on(event: 'error', listener: () => void): void } };
  socket?.on('error', ignore);
}

async function resolveHost(host: string, family: 4 | 6): Promise<string | undefined> {
  if (isIP(host)) return isIP(host) === family ? host : undefined;
  return dns.lookup(host, { family }).then(
    ({ address }) => address,
    () => undefined,
  );
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  if (ms === 0 || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
  });
}
