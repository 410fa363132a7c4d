/**
 * Gathers the local candidates of one connection (RFC 8445 §5.1.1): a socket on each address, what the STUN servers see of
 * it, and relays. STUN servers are asked one after the other; werift would ask one only.
 */
import { promises as dns } from 'node:dns';
import { isIP, isIPv4 } from 'node:net';
import { Candidate, Message, StunProtocol } from 'werift';
import type { Logger } from '../../common/logger.ts';
import type { ConnectionOptions, IceServer } from '../types.ts';
import {
  type CandidateType,
  candidateFoundation,
  candidatePriority,
  type GatherLoopback,
  localAddresses,
  passiveTcpPriority,
} from './candidate.ts';
import type { Address, DatagramPort } from './datagram-port.ts';
import { parseIceServers, type StunServer, type TurnServer } from './ice-servers.ts';
import type { TcpPort } from './ice-tcp/tcp-mux.ts';
import type { RelayPort } from './turn/relay-port.ts';
import { Relays } from './turn/relays.ts';
import { type LocalPort, UdpPort } from './udp-port.ts';
import type { Protocol } from './werift-ice.ts';

/** Among the host candidates to announce: those of this host's own addresses. */
export const LOCAL_HOST_CANDIDATES = 'local';
const BINDING_METHOD = 1;
const REQUEST_CLASS = 0;
/** ms between starting with one STUN server and with the next. */
const NEXT_STUN_SERVER = 500;
/** Sent at 0, 200, 600 and 1400 ms; given up at 3 s. */
const STUN_REQUEST = { retransmissions: 3, responseTimeout: 200 };

/** ms for a check over TCP to be answered. */
const TCP_CHECK = 2000;

export type GathererOptions = Pick<
  ConnectionOptions,
  'iceServers' | 'iceTransportPolicy' | 'portRange' | 'udpMux' | 'tcpMux' | 'hostCandidates' | 'gatherLoopback' | 'turnTls'
> & {
  readonly logger: Logger;
};

export interface GathererHandler {
  /** A socket of ours, the base of a host candidate, or a relay. */
  port(protocol: StunProtocol, port: DatagramPort): void;
  /** It is lost or about to be: another one should take over. */
  lost(port: DatagramPort): void;
  /** `base`: whether it is the protocol's own candidate, with which pairs are made. */
  candidate(candidate: Candidate, protocol: Protocol, base: boolean): void;
}

export class IceGatherer {
  readonly #options: GathererOptions;
  readonly #relays: Relays;
  #servers: { stun: StunServer[]; turn: TurnServer[] };
  readonly #usernameFragment: string;
  readonly #signal: AbortSignal;
  readonly #handler: GathererHandler;
  readonly #binding: Promise<unknown>[] = [];
  #candidates = 0;
  /** Why no socket could be opened, where none could. */
  #failure: unknown;
  #gathering: Promise<void> | undefined;

  /** Throws `INVALID_OPTION` for malformed server URLs. */
  constructor(options: GathererOptions, usernameFragment: string, signal: AbortSignal, handler: GathererHandler) {
    this.#options = options;
    this.#servers = parseIceServers((options.iceServers ?? []) as IceServer[]);
    this.#usernameFragment = usernameFragment;
    this.#signal = signal;
    this.#handler = handler;
    this.#relays = new Relays(
      this.#servers.turn,
      { tls: options.turnTls ?? {}, signal, logger: options.logger },
      { gathered: (relay) => this.#gatheredRelay(relay), lost: (relay) => handler.lost(relay) },
    );
  }

  /** Servers for relays that there are, and for whatever is gathered from now on. Throws `INVALID_OPTION` for malformed URLs. */
  setServers(servers: readonly IceServer[]): void {
    this.#servers = parseIceServers(servers);
    this.#relays.setServers(this.#servers.turn);
  }

  /** Nothing is heard: makes sure that the relays are there. */
  probeRelays(): void {
    this.#relays.probe();
  }

  /** Gathers once; resolves when all candidates have been handed out. Rejects where there are none because no port is free. */
  gather(): Promise<void> {
    this.#gathering ??= this.#gather();
    return this.#gathering;
  }

  /** Resolves when no socket is about to be opened, or closed, any more. */
  async settled(): Promise<void> {
    await Promise.allSettled([...this.#binding, this.#relays.settled()]);
  }

  async #gather(): Promise<void> {
    const jobs: Promise<void>[] = [this.#relays.gather()];
    if (this.#options.iceTransportPolicy !== 'relay') {
      jobs.push(this.#gatherHosts());
    }
    for (const result of await Promise.allSettled(jobs)) {
      if (result.status === 'rejected')
        this.#options.logger.debug({ error: String(result.reason) }, 'a candidate could not be gathered');
    }
    if (this.#failure && this.#candidates === 0) throw this.#failure;
  }

  async #gatherHosts(): Promise<void> {
    const { hostCandidates, gatherLoopback = false, logger } = this.#options;
    const named = hostCandidates && (await resolveHostCandidates(hostCandidates, logger));
    const loopback = named ? named.addresses.some(isLoopback) && loopbackOf(named.addresses) : gatherLoopback;
    const own = localAddresses(loopback);
    const sockets = own.map((address) => {
      const sameKind = named?.addresses.filter(
        (other) =>
          other === address ||
          (!own.includes(other) && isIP(other) === isIP(address) && isLoopback(other) === isLoopback(address)),
      );
      return { address, announced: sameKind ? [...new Set([...sameKind, ...(named?.local ? [address] : [])])] : [address] };
    });
    const useful = sockets.filter(({ announced }) => announced.length > 0);
    for (const address of named?.addresses ?? []) {
      if (!useful.some(({ announced }) => announced.includes(address)))
        logger.warn({ address }, 'a host candidate cannot be announced: this host has no address of its kind to listen on');
    }
    const gathered = useful.map(({ address, announced }, i) => this.#gatherHost(address, announced, 65535 - 8 * i));
    const failures = (await Promise.allSettled(gathered)).flatMap((result) => (result.status === 'rejected' ? result : []));
    for (const { reason } of failures) logger.debug({ error: String(reason) }, 'a host candidate could not be gathered');
    if (failures.length === gathered.length) this.#failure = failures[0]?.reason;
  }

  /** `announced`: the addresses that the peer is told, where a NAT or a container's host has them in place of ours. */
  async #gatherHost(address: string, announced: readonly string[], localPreference: number): Promise<void> {
    const bound = this.#bind(address);
    this.#binding.push(bound);
    const port = await bound;
    if (!port) return;
    this.#gatherTcp(address, announced, localPreference & 0x1fff);
    const protocol = new StunProtocol();
    protocol.transport = port as unknown as StunProtocol['transport'];
    protocol.localIp = address;
    const number = port.address.port;
    const [host, ...others] = announced.map((shown, i) => this.#candidate('host', shown, number, localPreference - i, address));
    if (!host) return;
    protocol.localCandidate = host;
    this.#handler.port(protocol, port);
    this.#handler.candidate(host, protocol, true);
    for (const other of others) this.#handler.candidate(other, protocol, false);
    if (this.#servers.stun.length > 0) await this.#gatherReflexive(protocol, host, localPreference);
  }

  /** Behind the candidates over UDP, which are the better ones. */
  #gatherTcp(address: string, announced: readonly string[], otherPreference: number): void {
    const port = this.#options.tcpMux?.attach(address, this.#usernameFragment);
    if (!port) return;
    const protocol = tcpProtocol(port);
    const [host, ...others] = announced.map((shown, i) => {
      const candidate = this.#candidate('host', shown, port.address.port, 0, address, 'tcp');
      candidate.transport = 'tcp';
      candidate.tcptype = 'passive';
      candidate.priority = passiveTcpPriority(otherPreference - i);
      return candidate;
    });
    if (!host) return;
    protocol.localCandidate = host;
    this.#handler.port(protocol, port);
    this.#handler.candidate(host, protocol, true);
    for (const other of others) this.#handler.candidate(other, protocol, false);
  }

  async #bind(address: string): Promise<LocalPort | undefined> {
    const { udpMux, portRange } = this.#options;
    const port = udpMux ? await udpMux.attach(address, this.#usernameFragment) : await UdpPort.bind(address, portRange);
    if (!this.#signal.aborted) return port;
    await port.close();
    return undefined;
  }

  /** Asks the STUN servers in their order, each with a head start on the next; the first answer wins. */
  async #gatherReflexive(protocol: StunProtocol, host: Candidate, localPreference: number): Promise<void> {
    const answered = new AbortController();
    const signal = AbortSignal.any([answered.signal, this.#signal]);
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
      this.#handler.candidate(
        this.#candidate('srflx', mapped[0], mapped[1], localPreference, host.host, `${server.host}:${server.port}`, [
          host.host,
          host.port,
        ]),
        protocol,
        false,
      );
    };
    const failures = (await Promise.allSettled(this.#servers.stun.map(ask))).filter(({ status }) => status === 'rejected').length;
    if (!answered.signal.aborted && failures > 0)
      this.#options.logger.debug({ address: host.host, failures }, 'no STUN server answered');
  }

  #gatheredRelay(port: RelayPort): void {
    const { relayed, mapped, server } = port;
    const protocol = new StunProtocol();
    protocol.transport = port as unknown as StunProtocol['transport'];
    // RFC 8445 §5.1.1.2; where only relays may be known, what the server sees of us is nobody's business.
    const related: Address = this.#options.iceTransportPolicy === 'relay' ? [isIPv4(relayed[0]) ? '0.0.0.0' : '::', 0] : mapped;
    // Over UDP nothing waits for what was lost.
    const localPreference = { udp: 65535, tcp: 65534, tls: 65533 }[server.transport];
    const relay = this.#candidate('relay', relayed[0], relayed[1], localPreference, mapped[0], server.host, related);
    protocol.localCandidate = relay;
    this.#handler.port(protocol, port);
    this.#handler.candidate(relay, protocol, true);
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
    this.#candidates++;
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
      this.#usernameFragment,
    );
  }
}

const isLoopback = (address: string): boolean => address.startsWith('127.') || address === '::1';
const loopbackOf = (addresses: readonly string[]): GatherLoopback => (addresses.includes('::1') ? 'IPv6' : true);

/** The addresses that are named, each once, and whether our own are wanted too. */
async function resolveHostCandidates(
  names: readonly string[],
  logger: Logger,
): Promise<{ readonly addresses: readonly string[]; readonly local: boolean }> {
  const found = await Promise.all(
    names.map(async (name) => {
      if (name === LOCAL_HOST_CANDIDATES) return [];
      if (isIP(name)) return [name];
      const addresses = await dns.lookup(name, { all: true }).catch(() => []);
      if (addresses.length === 0) logger.warn({ name }, 'a host candidate cannot be announced: its name has no address');
      return addresses.map(({ address }) => address);
    }),
  );
  return { addresses: [...new Set(found.flat())], local: names.includes(LOCAL_HOST_CANDIDATES) };
}

/** Over TCP nothing is lost but the connection: one request has to do, and has the time that UDP's repetitions take together. */
function tcpProtocol(port: TcpPort): StunProtocol {
  const protocol = new StunProtocol();
  protocol.transport = port as unknown as StunProtocol['transport'];
  const { request } = protocol;
  protocol.request = (message, to, key, options, onRequestSent) =>
    request.call(
      protocol,
      message,
      to,
      key,
      typeof options === 'object' ? options : { retransmissions: 0, responseTimeout: TCP_CHECK, onRequestSent },
    );
  return protocol;
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
