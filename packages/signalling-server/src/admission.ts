/** Who may become a peer: decided when its WebSocket is to be opened, at the cost of one short HTTP response. */
import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import { type AccessTokens, bearerToken } from './access-tokens.ts';
import { isLoopback } from './addresses.ts';
import { SignallingServerError } from './errors.ts';
import { type Grants, unrestricted } from './grants.ts';

export interface AdmissionPolicy {
  /** 0 is any number. */
  readonly maxPeers: number;
  /** 0 is any number. Addresses of this machine are not counted. */
  readonly maxPeersPerAddress: number;
  /** Origins of pages that may connect; every one where it is undefined. Requests that name none do not come from pages. */
  readonly origins: ReadonlySet<string> | undefined;
  readonly proxies: BlockList;
  readonly tokens: AccessTokens | undefined;
}

/** Why a connection is refused, as the label of a metric. */
export const ADMISSION_REFUSALS = ['draining', 'max-peers', 'max-peers-per-address', 'origin', 'token', 'keys'] as const;
export type AdmissionRefusal = (typeof ADMISSION_REFUSALS)[number];

export type Admission =
  | { readonly isAdmitted: true; readonly grants: Grants; readonly address: string }
  | {
      readonly isAdmitted: false;
      readonly address: string;
      readonly refusal: AdmissionRefusal;
      readonly status: number;
      readonly details: string;
    };

export class Doorkeeper {
  readonly #policy: AdmissionPolicy;
  readonly #peersOf = new Map<string, number>();
  #peers = 0;
  /** Lets nobody in any more. */
  isDraining = false;

  constructor(policy: AdmissionPolicy) {
    this.#policy = policy;
  }

  /** Decides, and keeps a place for who is admitted, until `leave` is called with its address. Never rejects. */
  async admit(request: IncomingMessage): Promise<Admission> {
    const { maxPeers, maxPeersPerAddress, tokens } = this.#policy;
    const address = clientAddress(request, this.#policy.proxies);
    const refuse = (refusal: AdmissionRefusal, status: number, details: string): Admission => ({
      isAdmitted: false,
      address,
      refusal,
      status,
      details,
    });
    if (this.isDraining) return refuse('draining', 503, 'This server shuts down: connect again in a moment.');
    if (maxPeers > 0 && this.#peers >= maxPeers) return refuse('max-peers', 503, `This server has ${maxPeers} peers, its most.`);
    const counted = network(address);
    const isCounted = maxPeersPerAddress > 0 && !isLoopback(address);
    if (isCounted && (this.#peersOf.get(counted) ?? 0) >= maxPeersPerAddress)
      return refuse(
        'max-peers-per-address',
        429,
        `From ${counted} there are ${maxPeersPerAddress} peers, the most from one address.`,
      );
    if (!this.allowsOrigin(request.headers.origin))
      return refuse('origin', 403, `Pages of ${request.headers.origin?.slice(0, 100)} may not connect to this server.`);
    this.#peers++;
    this.#peersOf.set(counted, (this.#peersOf.get(counted) ?? 0) + 1);
    const grants = tokens ? await tokens.check(bearerToken(request)) : unrestricted;
    if (!('status' in grants)) return { isAdmitted: true, grants, address };
    this.leave(address);
    return refuse(grants.status === 503 ? 'keys' : 'token', grants.status, grants.details);
  }

  /** Gives the place of a peer free. */
  leave(address: string): void {
    const counted = network(address);
    const left = (this.#peersOf.get(counted) ?? 1) - 1;
    if (left > 0) this.#peersOf.set(counted, left);
    else this.#peersOf.delete(counted);
    this.#peers--;
  }

  allowsOrigin(origin: string | undefined): boolean {
    return origin === undefined || this.#policy.origins === undefined || this.#policy.origins.has(origin.toLowerCase());
  }

  get tokens(): AccessTokens | undefined {
    return this.#policy.tokens;
  }
}

/** The origins as browsers write them. Throws `INVALID_OPTION`. */
export function parseOrigins(origins: readonly string[] | undefined): ReadonlySet<string> | undefined {
  if (origins === undefined) return undefined;
  return new Set(
    origins.map((origin) => {
      const parsed = URL.canParse(origin) ? new URL(origin) : undefined;
      if (parsed && parsed.origin !== 'null' && `${parsed.origin}/` === parsed.href) return parsed.origin;
      throw invalid(`The origin ${JSON.stringify(origin)} is none: write it as https://example.org, with its port if need be.`);
    }),
  );
}

/** Addresses and networks (10.0.0.0/8) of proxies that say truthfully for whom they connect. Throws `INVALID_OPTION`. */
export function parseProxies(proxies: readonly string[]): BlockList {
  const list = new BlockList();
  for (const proxy of proxies) {
    const [address = '', prefix, ...more] = proxy.split('/');
    const version = isIP(address);
    const bits = prefix === undefined ? (version === 4 ? 32 : 128) : /^\d{1,3}$/.test(prefix) ? Number(prefix) : -1;
    if (version === 0 || more.length > 0 || bits < 0 || bits > (version === 4 ? 32 : 128))
      throw invalid(`The proxy ${JSON.stringify(proxy)} is neither an address nor a network such as 10.0.0.0/8.`);
    list.addSubnet(address, bits, version === 4 ? 'ipv4' : 'ipv6');
  }
  return list;
}

/** The address of who connects: the last one in X-Forwarded-For that is not a proxy of ours. */
export function clientAddress({ socket, headers }: IncomingMessage, proxies: BlockList): string {
  let address = plain(socket.remoteAddress ?? '');
  const forwarded = headers['x-forwarded-for'];
  const hops = (Array.isArray(forwarded) ? forwarded.join(',') : (forwarded ?? ''))
    .split(',')
    .map((hop) => plain(withoutPort(hop.trim())));
  while (isIP(address) && proxies.check(address, isIP(address) === 4 ? 'ipv4' : 'ipv6')) {
    const hop = hops.pop();
    if (!hop || !isIP(hop)) break;
    address = hop;
  }
  return address;
}

/** Some proxies write `192.0.2.1:443` and `[2001:db8::1]:443`. */
function withoutPort(hop: string): string {
  return /^\[(.*)\](:\d+)?$/.exec(hop)?.[1] ?? /^([\d.]+):\d+$/.exec(hop)?.[1] ?? hop;
}

/** IPv4 as IPv4, also where a socket of both families shows it. */
function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/i, '');
}

/** What counts as one address: of IPv6 the network, since a single subscriber has all of its addresses. */
function network(address: string): string {
  if (isIP(address) !== 6) return address;
  const [head = '', tail] = address.split('%')[0]!.split('::');
  const front = head === '' ? [] : head.split(':');
  const back = tail ? tail.split(':') : [];
  const groups =
    tail === undefined ? front : [...front, ...Array(Math.max(0, 8 - front.length - back.length)).fill('0'), ...back];
  return `${groups.slice(0, 4).join(':')}::/64`;
}

function invalid(message: string): SignallingServerError {
  return new SignallingServerError('INVALID_OPTION', message);
}
