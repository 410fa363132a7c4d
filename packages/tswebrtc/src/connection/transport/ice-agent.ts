/**
 * The ICE agent (RFC 8445, trickle RFC 8838) of one connection. werift keeps the check list and sends the checks; the
 * sockets, the authentication of incoming checks, when checks are made and which pair is in use are ours.
 */
import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { isIP } from 'node:net';
import { Candidate, type CandidatePair, Connection, type Message, parseMessage, type StunProtocol } from 'werift';
import type { Logger } from '../../common/logger.ts';
import type { IceServer } from '../types.ts';
import { canonicalAddress, formatCandidate, isLinkLocal, type ParsedCandidate, parseCandidate } from './candidate.ts';
import type { Address, DatagramPort } from './datagram-port.ts';
import { IceChecks } from './ice-checks.ts';
import { IceConsent } from './ice-consent.ts';
import { type GathererOptions, IceGatherer } from './ice-gatherer.ts';
import { mdnsResolver } from './mdns.ts';
import { type IceInternals, internalsOf, type Protocol, portOf, type StunProtocolInternals } from './werift-ice.ts';

const BINDING_REQUEST = 0x0001;
/** A peer has a handful of candidates; each makes a pair with each of ours. */
const MAX_REMOTE_CANDIDATES = 100;
/** Browsers have a name for each of their addresses; each name is asked for on every interface. */
const MOST_NAMES = 16;

/** Checks kept until it is known what they are to be answered as. */
const MOST_EARLY_CHECKS = 32;

export interface IceAgentHandler {
  /** A local candidate, without `a=`. */
  candidate(line: string): void;
  /** A datagram that is not STUN. */
  datagram(datagram: Buffer, from: Address): void;
  /** The peer has proved to be there. */
  alive(): void;
  /** Another pair than before is in use. */
  switched(selected: SelectedPair): void;
}

/** Where application data goes. */
export interface SelectedPair {
  readonly port: DatagramPort;
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
  readonly #internals: IceInternals;
  readonly #checks: IceChecks;
  readonly #consent: IceConsent;
  readonly #abort = new AbortController();
  readonly #local: ParsedCandidate[] = [];
  readonly #remoteLines = new Set<string>();
  #names = 0;
  /** A peer that has our description sends checks before we have its own. Undefined from `connect` on. */
  #early: (() => void)[] | undefined = [];

  constructor(options: IceAgentOptions, handler: IceAgentHandler) {
    this.#gatherer = new IceGatherer(options, this.usernameFragment, this.#abort.signal, {
      port: (protocol, port) => this.#addPort(protocol, port),
      lost: (port) => this.#consent.retire(port),
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
    this.#connection = connection;
    this.#internals = internalsOf(connection);
    this.#internals.localCandidatesStart = true;
    this.#checks = new IceChecks(connection);
    const switched = (pair: CandidatePair): void => handler.switched(selectedPair(pair));
    this.#consent = new IceConsent(connection, { alive: () => handler.alive(), switched }, this.#abort.signal, options.logger);
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
    return pair && selectedPair(pair);
  }

  /** Gathers once; resolves when all candidates have been handed out. */
  gather(): Promise<void> {
    return this.#gatherer.gather();
  }

  #addPort(protocol: StunProtocol, port: DatagramPort): void {
    port.onData = (datagram, from) => this.#receive(protocol, datagram, from);
    this.#internals.ensureProtocol(protocol);
    this.#internals.protocols.push(protocol);
  }

  #announce(candidate: Candidate, protocol: Protocol, base: boolean): void {
    if (this.#closed) return;
    if (base) this.#internals.pairLocalProtocol(protocol);
    this.#internals.appendLocalCandidate(candidate);
    this.#checks.wake();
    const parsed: ParsedCandidate = {
      foundation: candidate.foundation,
      component: 1,
      protocol: candidate.transport,
      priority: candidate.priority,
      address: candidate.host,
      port: candidate.port,
      type: candidate.type,
      ...(candidate.relatedAddress === undefined ? {} : { relatedAddress: candidate.relatedAddress }),
      ...(candidate.relatedPort === undefined ? {} : { relatedPort: candidate.relatedPort }),
      ...(candidate.tcptype === undefined ? {} : { tcpType: candidate.tcptype }),
      usernameFragment: this.usernameFragment,
    };
    // One address may be announced for several sockets of one number.
    if (this.#local.some(({ address, port }) => address === parsed.address && port === parsed.port)) return;
    this.#local.push(parsed);
    this.#handler.candidate(formatCandidate(parsed));
  }

  /** Checks connectivity until a pair is nominated; the caller sets the deadline. Never resolves when it is closed before. */
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
    const nominated = this.#checks.run();
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const receive of early) this.#guard(receive);
    await nominated;
    const pair = connection.nominated;
    if (!pair) throw new Error('ICE ended without a nominated pair');
    this.#consent.begin(pair, performance.now());
    return selectedPair(pair);
  }

  async addRemoteCandidate(line: string): Promise<void> {
    const parsed = parseCandidate(line);
    const reason = parsed ? this.#unusable(parsed) : 'malformed';
    if (!parsed || reason) return this.#log.debug({ candidate: line, reason }, 'remote candidate ignored');
    const key = `${parsed.address} ${parsed.port}`;
    if (this.#remoteLines.has(key)) return;
    this.#remoteLines.add(key);
    const named = isIP(parsed.address) === 0;
    if (named) this.#names++;
    const address = named ? await mdnsResolver.resolve(parsed.address, this.#abort.signal) : canonicalAddress(parsed.address);
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
    this.#checks.wake();
  }

  #unusable(candidate: ParsedCandidate): string | undefined {
    if (this.#closed) return 'closed';
    if (candidate.protocol !== 'udp') return 'not UDP';
    if (candidate.component !== 1) return 'not component 1';
    if (!['host', 'srflx', 'relay'].includes(candidate.type)) return 'unknown type';
    if (candidate.port === 0) return 'port 0';
    if (isLinkLocal(candidate.address)) return 'link-local';
    if (isIP(candidate.address) === 0 && !/^[\w-]+\.local$/i.test(candidate.address))
      return 'neither an address nor a .local name';
    if (this.#remoteLines.size >= MAX_REMOTE_CANDIDATES) return 'too many';
    if (isIP(candidate.address) === 0 && this.#names >= MOST_NAMES) return 'too many names';
    return undefined;
  }

  /** Every datagram comes through here: nothing is allocated for those that are not STUN. */
  #receive(protocol: StunProtocol, datagram: Buffer, from: Address): void {
    try {
      if (datagram.length === 0) return;
      if (datagram[0]! <= 3) {
        this.#receiveStun(protocol, datagram, from);
        return;
      }
      const pair = this.#connection.nominated;
      if (pair && this.#isInUse(protocol, from)) {
        pair.packetsReceived++;
        pair.bytesReceived += datagram.length;
        this.#consent.heard(performance.now());
      }
      this.#handler.datagram(datagram, from);
    } catch (error) {
      this.#unhandled(error);
    }
  }

  #receiveStun(protocol: StunProtocol, datagram: Buffer, from: Address): void {
    if (datagram.length < 20) return;
    const deliver = (): void => (protocol as unknown as StunProtocolInternals).datagramReceived(datagram, from);
    if (datagram.readUInt16BE(0) === BINDING_REQUEST) this.#receiveCheck(protocol, datagram, from, deliver);
    else deliver();
  }

  #receiveCheck(protocol: Protocol, datagram: Buffer, from: Address, deliver: () => void): void {
    const request = this.#authenticate(datagram);
    if (!request) return;
    portOf(protocol).accept?.(from);
    if (this.#early) {
      // Before our role is known werift would take it for a role conflict (RFC 8445 §7.3.1.1) every other time.
      if (this.#early.length === MOST_EARLY_CHECKS) this.#early.shift();
      this.#early.push(() => this.#receiveCheck(protocol, datagram, from, deliver));
      return;
    }
    const known = this.isPeer(from);
    if (!known && this.#connection.remoteCandidates.length >= 2 * MAX_REMOTE_CANDIDATES) return;
    if (known) this.#handler.alive();
    if (this.#isInUse(protocol, from)) this.#consent.heard(performance.now());
    deliver();
    if (request.attributesKeys.includes('USE-CANDIDATE')) this.#consent.follow(protocol, from[0], from[1]);
  }

  #isInUse(protocol: Protocol, [address, port]: Address): boolean {
    const pair = this.#connection.nominated;
    return pair?.protocol === protocol && pair.remoteCandidate.port === port && pair.remoteCandidate.host === address;
  }

  /**
   * RFC 8445 §7.3: a check carries our username fragment and a MESSAGE-INTEGRITY made with our password, behind which only a
   * FINGERPRINT counts (RFC 8489 §14.5). werift looks at none of these.
   */
  #authenticate(datagram: Buffer): Message | undefined {
    const message = parseMessage(datagram, this.#passwordKey);
    if (!message) return undefined;
    const names = message.attributesKeys;
    const integrity = names.indexOf('MESSAGE-INTEGRITY');
    if (integrity < 0 || names.slice(integrity + 1).some((name) => name !== 'FINGERPRINT')) return undefined;
    const username = message.getAttributeValue('USERNAME') as string | undefined;
    return username?.split(':')[0] === this.usernameFragment ? message : undefined;
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
    void selected.port.send(datagram, selected.remote).catch(ignore);
  }

  /** Servers for the relays that there are, and for those that are gathered later. Throws `INVALID_OPTION` for malformed URLs. */
  setServers(servers: readonly IceServer[]): void {
    this.#gatherer.setServers(servers);
  }

  /** For the silence timer of the transport, see `IceConsent.watch`. */
  watch(now: number, patience: number, silent: boolean): void {
    if (this.#closed) return;
    if (silent && this.selected?.port.type === 'relay') this.#gatherer.probeRelays();
    this.#consent.watch(now, patience, silent);
  }

  /** See `IceConsent.isOverdue`. */
  isOverdue(now: number, patience: number): boolean {
    return this.#consent.isOverdue(now, patience);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#abort.abort();
    this.#checks.stop();
    this.#early = [];
    await this.#connection.close().catch(ignore);
    await this.#gatherer.settled();
  }

  #guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#unhandled(error);
    }
  }

  #unhandled(error: unknown): void {
    this.#log.debug({ error: String(error) }, 'a datagram could not be handled');
  }
}

function selectedPair(pair: CandidatePair): SelectedPair {
  return { pair, port: portOf(pair.protocol), remote: pair.remoteAddr };
}

const ignore = (): void => {};
