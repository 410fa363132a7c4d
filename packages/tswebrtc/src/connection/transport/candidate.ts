/** ICE candidates as text (RFC 8839 §5.1) and the numbers in them (RFC 8445 §5.1.2, §5.1.1.3). */
import { createHash } from 'node:crypto';
import { isIP, SocketAddress } from 'node:net';
import { networkInterfaces } from 'node:os';

export interface ParsedCandidate {
  readonly foundation: string;
  readonly component: number;
  readonly protocol: string;
  readonly priority: number;
  /** IP address or `….local` name. */
  readonly address: string;
  readonly port: number;
  readonly type: string;
  readonly relatedAddress?: string;
  readonly relatedPort?: number;
  readonly tcpType?: string;
  readonly usernameFragment?: string;
}

export type CandidateType = 'host' | 'srflx' | 'relay';

const TYPE_PREFERENCE: Record<CandidateType, number> = { host: 126, srflx: 100, relay: 0 };

/** Parses a candidate line with or without `a=` and `candidate:`; undefined when it is malformed. */
export function parseCandidate(line: string): ParsedCandidate | undefined {
  const text = line
    .trim()
    .replace(/^a=/, '')
    .replace(/^candidate:/, '');
  if (text.length > 1000) return undefined;
  const words = text.split(/\s+/);
  if (words.length < 8 || words[6] !== 'typ') return undefined;
  const [foundation, component, protocol, priority, address, port, , type] = words as [string, ...string[]];
  const numbers = [Number(component), Number(priority), Number(port)] as const;
  if (!numbers.every(Number.isInteger) || numbers[1] < 0 || numbers[2] < 0 || numbers[2] > 65535) return undefined;
  const attributes = new Map<string, string>();
  for (let i = 8; i + 1 < words.length; i += 2) attributes.set(words[i]!, words[i + 1]!);
  const relatedPort = Number(attributes.get('rport') ?? Number.NaN);
  return {
    foundation,
    component: numbers[0],
    protocol: protocol!.toLowerCase(),
    priority: numbers[1],
    address: address!,
    port: numbers[2],
    type: type!,
    ...optional('relatedAddress', attributes.get('raddr')),
    ...(Number.isInteger(relatedPort) ? { relatedPort } : {}),
    ...optional('tcpType', attributes.get('tcptype')),
    ...optional('usernameFragment', attributes.get('ufrag')),
  };
}

/** The line of a local candidate, without `a=`. */
export function formatCandidate(candidate: ParsedCandidate): string {
  const { foundation, component, protocol, priority, address, port, type, relatedAddress, relatedPort } = candidate;
  let line = `candidate:${foundation} ${component} ${protocol} ${priority} ${address} ${port} typ ${type}`;
  if (relatedAddress !== undefined) line += ` raddr ${relatedAddress}`;
  if (relatedPort !== undefined) line += ` rport ${relatedPort}`;
  if (candidate.tcpType !== undefined) line += ` tcptype ${candidate.tcpType}`;
  if (candidate.usernameFragment !== undefined) line += ` ufrag ${candidate.usernameFragment}`;
  return line;
}

/** RFC 8445 §5.1.2.1, component 1. `localPreference`: 0..65535, different for each of our addresses. */
export function candidatePriority(type: CandidateType, localPreference: number): number {
  return TYPE_PREFERENCE[type] * 0x1000000 + localPreference * 0x100 + 255;
}

/**
 * Of TCP connections that are waited for, RFC 6544 §4.2: below everything that goes over UDP without a relay, since what is lost
 * holds up what comes after it. `otherPreference`: 0..8191, different for each of our addresses.
 */
export function passiveTcpPriority(otherPreference: number): number {
  return 90 * 0x1000000 + (4 * 0x2000 + otherPreference) * 0x100 + 255;
}

/** RFC 8445 §5.1.1.3: equal for candidates of the same type, base and server. At most 32 ICE characters. */
export function candidateFoundation(type: CandidateType, baseAddress: string, server = ''): string {
  return createHash('sha256').update(`${type}|${baseAddress}|${server}`).digest().readUInt32BE(0).toString();
}

/** As the system writes it, whatever way of several a peer writes an IPv6 address; an IPv4 address is written as itself. */
export function canonicalAddress(address: string): string {
  if (isIP(address) !== 6) return address;
  const { address: canonical } = new SocketAddress({ address, family: 'ipv6' });
  return canonical.startsWith('::ffff:') && isIP(canonical.slice(7)) === 4 ? canonical.slice(7) : canonical;
}

/** fe80::/10: means nothing without the name of the interface, and that differs on every host. */
export function isLinkLocal(address: string): boolean {
  return /^fe[89ab]/i.test(address);
}

/** Whether to gather on the loopback interface too: on 127.0.0.1, and on ::1 where that is asked for. */
export type GatherLoopback = boolean | 'IPv6';

/**
 * Addresses to gather on, best first: IPv6 and IPv4 in turn (RFC 8421 §4), addresses that are only good on the site last, no
 * link-local ones. Loopback stands last, and only when asked for or when the machine has nothing else.
 */
export function localAddresses(gatherLoopback: GatherLoopback, interfaces = networkInterfaces()): string[] {
  const found: string[] = [];
  for (const list of Object.values(interfaces)) {
    for (const { address, internal } of list ?? []) {
      if (internal || address.startsWith('169.254.') || isLinkLocal(address) || isIP(address) === 0) continue;
      if (!found.includes(address)) found.push(address);
    }
  }
  const v4 = found.filter((address) => isIP(address) === 4);
  const v6 = found.filter((address) => isIP(address) === 6 && !UNIQUE_LOCAL.test(address));
  const mixed = Array.from({ length: Math.max(v4.length, v6.length) }, (_, i) => [v6[i] ?? [], v4[i] ?? []]).flat(2);
  const addresses = [...mixed, ...found.filter((address) => UNIQUE_LOCAL.test(address))].slice(0, MAX_ADDRESSES);
  if (gatherLoopback === 'IPv6') addresses.push('::1');
  if (gatherLoopback || addresses.length === 0) addresses.push('127.0.0.1');
  return addresses;
}

/** fc00::/7 (RFC 4193). */
const UNIQUE_LOCAL = /^f[cd][0-9a-f]{2}:/i;

/** A machine with many container bridges would otherwise open a socket on each for every connection. */
const MAX_ADDRESSES = 16;

function optional<K extends string>(key: K, value: string | undefined): { [P in K]?: string } {
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: string };
}
