/** The options of `SignallingServer.listen`, and their check at the public entry. */
import { validateHeaderName, validateHeaderValue } from 'node:http';
import type { BlockList } from 'node:net';
import type { TokenOptions } from './access-tokens.ts';
import { parseOrigins, parseProxies } from './admission.ts';
import { MAX_BODY_LENGTH } from './cluster/outgoing-stream.ts';
import { mostConnections } from './descriptors.ts';
import { SignallingServerError } from './errors.ts';
import { type IceServerOptions, IceServers } from './ice-servers.ts';
import type { Logger } from './logger.ts';
import { DEFAULT_RATES, type RateKind, type RateLimits } from './rate-limiter.ts';

export interface SignallingServerOptions extends LimitOptions {
  /** Address or name to listen on; 127.0.0.1 by default. Anything but a loopback address opens the server to others. */
  readonly host?: string;
  /** TCP port; 8443 by default, 0 takes a free one. */
  readonly port?: number;
  /** PEM file of the certificate chain; together with `key` turns TLS on. */
  readonly cert?: string;
  /** PEM file of the private key. */
  readonly key?: string;
  /** Additional headers of the HTTP response that opens each WebSocket. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Origins of the pages that may connect, such as `https://example.org`; pages of any origin by default. */
  readonly origins?: readonly string[];
  /** Addresses and networks of reverse proxies, whose `X-Forwarded-For` is believed; none by default. */
  readonly proxies?: readonly string[];
  /** Asks every peer for a token; nobody by default. */
  readonly tokens?: TokenOptions;
  /** STUN and TURN servers for peers that ask; none by default. */
  readonly iceServers?: IceServerOptions;
  /** URL of the broker, Redis or NATS, by which several servers are one; none by default. */
  readonly cluster?: string;
  /** Distinguishes clusters that share a broker; `tswebrtc` by default. */
  readonly clusterPrefix?: string;
  /** Where `/metrics` is served: with everything else (true, the default), nowhere (false), or on a port of its own. */
  readonly metrics?: boolean | MetricsAddress;
  /** Silent by default. */
  readonly logger?: Logger;
  /** Closes the server when it aborts. */
  readonly signal?: AbortSignal;
  /** How dead peers are found. */
  readonly keepAlive?: KeepAliveOptions;
}

export interface LimitOptions {
  /**
   * Greatest size of a message from a peer, bytes; 64 KiB by default, in a cluster 255 KiB at most. A larger one ends its
   * connection with code 1009.
   */
  readonly maxMessageSize?: number;
  /** How much may wait to be sent to one peer, bytes, before it is given up with code 1013; 4 MiB by default. */
  readonly maxBacklog?: number;
  /** Peers at a time, 20,000 by default, or as many as the system allows open files for; 0 is any number. One more is answered by HTTP status 503. */
  readonly maxPeers?: number;
  /**
   * Peers at a time from one address, of IPv6 one /64 network, 256 by default; 0 is any number. One more is answered by HTTP
   * status 429. Addresses of this machine are not counted.
   */
  readonly maxPeersPerAddress?: number;
  /** Sessions that a peer may be in at a time, 2,000 by default. One more is answered by an error. */
  readonly maxSessionsPerPeer?: number;
  /** Greatest size of a peer's meta as JSON text, bytes; 16 KiB by default. A larger one is answered by an error. */
  readonly maxMetaSize?: number;
  /**
   * Messages a second of a peer, by kind; a burst may be four seconds' worth. More end its connection with code 1008. By
   * default `peer` 50 for each of its sessions, `startSession` 50, `setPeerStatus` and `list` 20, `invalid` and `ping` 10.
   */
  readonly rates?: Partial<RateLimits>;
  /** ms that a TLS handshake may take; 5,000 by default (reference §1.8). */
  readonly handshakeTimeout?: number;
  /** ms that the head of an HTTP request may take; 5,000 by default. */
  readonly headerTimeout?: number;
}

export interface MetricsAddress {
  readonly host: string;
  readonly port: number;
}

/** A silent dead peer is gone after `pingAfter` + `pongTimeout` + 2 s at most: 27 s by default. */
export interface KeepAliveOptions {
  /** A peer that has been silent this long, in ms, is pinged; 10,000 by default. */
  readonly pingAfter?: number;
  /** A peer that answers no ping for this long, in ms, is dropped; 15,000 by default. */
  readonly pongTimeout?: number;
}

/** The options with every default filled in. */
export interface ResolvedOptions {
  readonly host: string;
  readonly port: number;
  readonly headers: readonly string[];
  readonly origins: ReadonlySet<string> | undefined;
  readonly proxies: BlockList;
  readonly iceServers: IceServers;
  readonly metrics: boolean | MetricsAddress;
  readonly clusterPrefix: string;
  readonly maxMessageSize: number;
  readonly maxBacklog: number;
  readonly maxPeers: number;
  readonly maxPeersPerAddress: number;
  readonly maxSessionsPerPeer: number;
  readonly maxMetaSize: number;
  readonly rates: RateLimits;
  readonly handshakeTimeout: number;
  readonly headerTimeout: number;
  readonly pingAfter: number;
  readonly pongTimeout: number;
}

export const DEFAULT_HOST = '127.0.0.1';
export const DEFAULT_PORT = 8443;

export const DEFAULT_LIMITS = {
  maxMessageSize: 64 * 1024,
  maxBacklog: 4 * 2 ** 20,
  maxPeers: 20_000,
  maxPeersPerAddress: 256,
  maxSessionsPerPeer: 2_000,
  maxMetaSize: 16 * 1024,
  handshakeTimeout: 5_000,
  headerTimeout: 5_000,
} as const;

/** A burst of four seconds has to hold one message. */
const LEAST_RATE = 0.25;
/** What fits into a message between servers, whatever goes with it. */
const MAX_CLUSTER_MESSAGE_SIZE = MAX_BODY_LENGTH - 1024;

/** Checks the options and fills in the defaults. Throws `INVALID_OPTION` naming the option. */
export function resolveOptions(options: SignallingServerOptions): ResolvedOptions {
  const limit = (name: keyof typeof DEFAULT_LIMITS): number => positive(name, options[name] ?? DEFAULT_LIMITS[name]);
  const maxMessageSize = limit('maxMessageSize');
  if (options.cluster !== undefined && maxMessageSize > MAX_CLUSTER_MESSAGE_SIZE)
    throw invalid(`In a cluster messages may have ${MAX_CLUSTER_MESSAGE_SIZE} bytes at most, and not ${maxMessageSize}.`);
  // As JSON that is written anew a meta may be longer than it came: it has to fit all the same.
  const maxMetaSize = Math.min(
    limit('maxMetaSize'),
    options.cluster === undefined ? Number.POSITIVE_INFINITY : MAX_CLUSTER_MESSAGE_SIZE,
  );
  const count = (name: 'maxPeers' | 'maxPeersPerAddress'): number => (options[name] === 0 ? 0 : limit(name));
  return {
    host: checkHost(options.host ?? DEFAULT_HOST),
    port: checkPort(options.port ?? DEFAULT_PORT),
    headers: headerLines(options.headers ?? {}),
    origins: parseOrigins(options.origins),
    proxies: parseProxies(options.proxies ?? []),
    iceServers: new IceServers(options.iceServers ?? { urls: [] }),
    metrics: checkMetrics(options.metrics ?? true),
    clusterPrefix: options.clusterPrefix ?? 'tswebrtc',
    maxMessageSize,
    maxBacklog: limit('maxBacklog'),
    maxPeers: options.maxPeers === undefined ? Math.min(DEFAULT_LIMITS.maxPeers, mostConnections()) : count('maxPeers'),
    maxPeersPerAddress: count('maxPeersPerAddress'),
    maxSessionsPerPeer: limit('maxSessionsPerPeer'),
    maxMetaSize,
    rates: checkRates(options.rates ?? {}),
    handshakeTimeout: limit('handshakeTimeout'),
    headerTimeout: limit('headerTimeout'),
    pingAfter: positive('keepAlive.pingAfter', options.keepAlive?.pingAfter ?? 10_000),
    pongTimeout: positive('keepAlive.pongTimeout', options.keepAlive?.pongTimeout ?? 15_000),
  };
}

function checkHost(host: string): string {
  // Node would listen on every network then; whoever wants that says so with 0.0.0.0 or ::.
  if (typeof host !== 'string' || host.trim() === '') throw invalid('The host is empty: give an address or name to listen on.');
  return host;
}

function checkPort(port: number): number {
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw invalid(`The port ${port} is none: give a whole number from 0 to 65535.`);
}

function checkMetrics(metrics: boolean | MetricsAddress): boolean | MetricsAddress {
  return typeof metrics === 'boolean' ? metrics : { host: checkHost(metrics.host), port: checkPort(metrics.port) };
}

function checkRates(rates: Partial<RateLimits>): RateLimits {
  for (const [kind, rate] of Object.entries(rates)) {
    if (!Object.hasOwn(DEFAULT_RATES, kind))
      throw invalid(`There is no rate for "${kind}": name one of ${Object.keys(DEFAULT_RATES).join(', ')}.`);
    positive(`rates.${kind as RateKind}`, rate);
    if (rate < LEAST_RATE)
      throw invalid(`The rate of "${kind}" is ${rate} a second: ${LEAST_RATE} is the least that lets a message pass.`);
  }
  return { ...DEFAULT_RATES, ...rates };
}

function headerLines(headers: Readonly<Record<string, string>>): string[] {
  return Object.entries(headers).map(([name, value]) => {
    try {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    } catch (cause) {
      throw invalid(`The HTTP header ${JSON.stringify(name)} has a name or value that HTTP does not allow: correct it.`, cause);
    }
    return `${name}: ${value}`;
  });
}

function positive(name: string, value: number): number {
  if (Number.isFinite(value) && value > 0) return value;
  throw invalid(`The option ${name} is ${value}: give a number above 0.`);
}

function invalid(message: string, cause?: unknown): SignallingServerError {
  return new SignallingServerError('INVALID_OPTION', message, { cause });
}
