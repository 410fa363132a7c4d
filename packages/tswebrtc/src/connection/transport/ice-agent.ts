/**
 * The ICE agent (RFC 8445, trickle RFC 8838) of one connection. werift keeps the check list, nomination and consent
 * (RFC 7675); gathering, the sockets, the authentication of incoming checks and the choice of STUN servers are ours.
 */
import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { isIP } from 'node:net';
import { Candidate, type CandidatePair, Connection, type Message, parseMessage, StunProtocol } from 'werift';
import type { Logger } from '../../common/logger.ts';
import { formatCandidate, type ParsedCandidate, parseCandidate } from './candidate.ts';
import { type GathererOptions, IceGatherer, type Protocol } from './ice-gatherer.ts';
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
interface ProtocolInternals {
  datagramReceived(datagram: Buffer, from: Address): void;
}

const BINDING_REQUEST = 0x0001;
/** A peer has a handful of candidates; each makes a pair with each of ours. */
const MAX_REMOTE_CANDIDATES = 100;
const PAIR_FAILED = 4;
const PAIR_WAITING = 1;
const PAIR_SUCCEEDED = 3;
/** ms without a nomination of the pair in use after which that of another one counts: with aggressive nomination all have it. */
const RENOMINATION = 3000;
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

export type IceAgentOptions = GathererOptions;

export class IceAgent {
  readonly usernameFragment = randomBytes(4).toString('hex');
  /** RFC 8445 §5.3 wants 128 bits. */
  readonly password = randomBytes(18).toString('base64');
  readonly #passwordKey = Buffer.from(this.password);
  readonly #gatherer: IceGatherer;
  readonly #handler: IceAgentHandler;
  readonly #log: Logger;
  readonly #connection: Connection;
  readonly #internals: ConnectionInternals;
  readonly #abort = new AbortController();
  readonly #local: ParsedCandidate[] = [];
  readonly #remoteLines = new Set<string>();
  #retry: NodeJS.Timeout | undefined;
  #responses = 0;
  #asking = false;
  #nominatedAt = 0;

  constructor(options: IceAgentOptions, handler: IceAgentHandler) {
    this.#gatherer = new IceGatherer(options, this.usernameFragment, this.#abort.signal, {
      port: (protocol, port) => this.#addPort(protocol, port),
      relay: (protocol) => this.#addRelay(protocol),
      candidate: (candidate, protocol, base) => this.#announce(candidate, protocol, base),
    });
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
    return this.#gatherer.gather();
  }

  #addPort(protocol: StunProtocol, port: UdpPort): void {
    port.onData = (datagram, from) => this.#guard(() => this.#receive(protocol, datagram, from));
    this.#addProtocol(protocol);
  }

  #addRelay(protocol: Protocol): void {
    // Checks that come through the relay are authenticated here as those on our own ports are.
    const { onRequestReceived } = protocol;
    const deliver = onRequestReceived.execute;
    onRequestReceived.execute = (message, from, datagram) => {
      if (this.#isAuthentic(datagram)) deliver(message, from, datagram);
    };
    this.#addProtocol(protocol);
  }

  #addProtocol(protocol: Protocol): void {
    this.#internals.ensureProtocol(protocol);
    this.#internals.protocols.push(protocol);
  }

  #announce(candidate: Candidate, protocol: Protocol, base: boolean): void {
    if (this.#closed) return;
    if (base) this.#internals.pairLocalProtocol(protocol);
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
    if (!['host', 'srflx', 'relay'].includes(candidate.type)) return 'unknown type';
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
      (protocol as unknown as ProtocolInternals).datagramReceived(datagram, from);
      if (parseMessage(datagram)?.attributesKeys.includes('USE-CANDIDATE')) this.#onNomination(protocol, from);
      return;
    }
    (protocol as unknown as ProtocolInternals).datagramReceived(datagram, from);
  }

  /**
   * RFC 8445 §8.1.1: the controlling peer nominates, and may change its mind (libwebrtc does when a better pair comes up or
   * the first one dies). werift keeps to the first pair for ever.
   */
  #onNomination(protocol: StunProtocol, [address, port]: Address): void {
    const current = this.#connection.nominated;
    if (!current || this.#connection.iceControlling) return;
    const now = performance.now();
    const pair = this.pairs.find(
      ({ protocol: own, remoteAddr }) => own === protocol && remoteAddr[0] === address && remoteAddr[1] === port,
    );
    if (pair === current) this.#nominatedAt = now;
    else if (pair && Number(pair.state) === PAIR_SUCCEEDED && now - this.#nominatedAt > RENOMINATION) {
      this.#log.debug({ remote: pair.remoteAddr.join(':') }, 'the peer has nominated another pair');
      this.#connection.nominated = pair;
      this.#responses = pair.responsesReceived;
      this.#nominatedAt = now;
    }
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
    await this.#gatherer.settled();
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
