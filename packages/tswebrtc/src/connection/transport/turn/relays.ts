/**
 * The relays of one connection. Servers are used in their order, the ways to one host (UDP, TCP, TLS) in turn, and up to two
 * hosts at once, so that there is another relay when one dies. A relay that is lost is replaced.
 */
import { promises as dns } from 'node:dns';
import { isIP } from 'node:net';
import type { Logger } from '../../../common/logger.ts';
import type { TlsOptions } from '../../../common/tls-options.ts';
import type { TurnServer } from '../ice-servers.ts';
import { RelayPort } from './relay-port.ts';

/** ms that a way to a server has before the next one is tried besides. */
const HEAD_START = 500;
/** Hosts on which there is to be a relay. */
const MOST_RELAYS = 2;
/** ms before trying again to replace a lost relay, doubling; also while those that replace it last no longer than the longest. */
const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 30_000;

export interface RelaysOptions {
  readonly tls: TlsOptions;
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

export interface RelaysHandler {
  gathered(relay: RelayPort): void;
  /** It is lost or about to be: others should take over. */
  lost(relay: RelayPort): void;
}

export class Relays {
  readonly #options: RelaysOptions;
  readonly #handler: RelaysHandler;
  readonly #live = new Set<RelayPort>();
  readonly #working = new Set<Promise<unknown>>();
  /** Servers of which the log has been told that they fail. */
  readonly #complained = new Set<string>();
  #servers: readonly TurnServer[];
  #replacing = false;
  /** ms before a lost relay is replaced. */
  #wait = 0;

  constructor(servers: readonly TurnServer[], options: RelaysOptions, handler: RelaysHandler) {
    this.#servers = servers;
    this.#options = options;
    this.#handler = handler;
  }

  /** Gathers; resolves when there are relays, or every server has been tried. */
  async gather(): Promise<void> {
    await this.#fill(hostsOf(this.#servers));
  }

  /** Newer servers and credentials: relays that there are use them when theirs are refused, others when they are next made. */
  setServers(servers: readonly TurnServer[]): void {
    this.#servers = servers;
    for (const relay of this.#live) {
      const same = servers.find(({ url }) => url === relay.server.url);
      if (same) relay.setCredentials(same);
    }
  }

  /** Asks every server whether it is still there. */
  probe(): void {
    for (const relay of this.#live) relay.probe();
  }

  /** Resolves when no socket is about to be opened, or closed, any more. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#working);
    await Promise.allSettled([...this.#live].map((relay) => relay.close()));
  }

  /** Takes one host after the other until there are as many relays as there should be. */
  async #fill(hosts: TurnServer[][]): Promise<void> {
    const lane = async (): Promise<void> => {
      for (let host = hosts.shift(); host; host = hosts.shift()) if (await this.#gatherOn(host)) return;
    };
    await Promise.all(Array.from({ length: MOST_RELAYS - this.#live.size }, lane));
  }

  /** The ways to one host, each with a head start on the next; the first relay is kept. */
  async #gatherOn(ways: readonly TurnServer[]): Promise<boolean> {
    const won = new AbortController();
    const signal = AbortSignal.any([won.signal, this.#options.signal]);
    let found: RelayPort | undefined;
    const attempts: Promise<void>[] = [];
    for (const way of ways) {
      if (found || signal.aborted) break;
      const attempt = this.#allocate(way, signal).then(async (relay) => {
        if (!relay) return;
        if (!found && !this.#options.signal.aborted) {
          found = relay;
          won.abort();
          this.#adopt(relay);
          return;
        }
        await relay.close();
      });
      this.#track(attempt);
      attempts.push(attempt);
      if (way !== ways.at(-1)) await this.#pause(HEAD_START, signal, attempt);
    }
    await Promise.all(attempts);
    return found !== undefined;
  }

  async #allocate(server: TurnServer, signal: AbortSignal): Promise<RelayPort | undefined> {
    const { tls, logger } = this.#options;
    let reason = 'its name has no address';
    for (const address of await addressesOf(server.host, signal)) {
      if (signal.aborted) return undefined;
      try {
        return await RelayPort.allocate(server, [address, server.port], tls, signal);
      } catch (error) {
        reason = (error as Error).message;
      }
    }
    if (signal.aborted) return undefined;
    const { url } = server;
    if (this.#complained.has(url)) logger.debug({ server: url, reason }, 'no relay on a TURN server');
    else logger.warn({ server: url, reason }, 'no relay on a TURN server');
    this.#complained.add(url);
    return undefined;
  }

  #adopt(relay: RelayPort): void {
    const { logger } = this.#options;
    this.#live.add(relay);
    const since = performance.now();
    this.#complained.delete(relay.server.url);
    relay.onLost = ({ reason }) => {
      this.#live.delete(relay);
      logger.warn({ server: relay.server.url, reason }, 'the relay on a TURN server is lost');
      this.#handler.lost(relay);
      if (performance.now() - since > LONGEST_PAUSE) this.#wait = 0;
      this.#track(this.#replace(relay.server));
    };
    logger.debug({ server: relay.server.url }, 'relay allocated');
    this.#handler.gathered(relay);
  }

  /** Until there is one relay more, with the servers of that time; other hosts than the one that failed come first. */
  async #replace(failed: TurnServer): Promise<void> {
    if (this.#replacing) return;
    this.#replacing = true;
    const { signal } = this.#options;
    for (;;) {
      if (this.#wait > 0) await this.#pause(this.#wait, signal);
      if (signal.aborted) break;
      this.#wait = Math.min(Math.max(FIRST_PAUSE, 2 * this.#wait), LONGEST_PAUSE);
      const before = this.#live.size;
      const hosts = hostsOf(this.#servers).filter(([way]) => ![...this.#live].some(({ server }) => server.host === way!.host));
      hosts.sort(([a], [b]) => Number(a!.host === failed.host) - Number(b!.host === failed.host));
      await this.#fill(hosts);
      if (this.#live.size > before || hosts.length === 0) break;
    }
    this.#replacing = false;
  }

  #track(work: Promise<unknown>): void {
    this.#working.add(work);
    void work.finally(() => this.#working.delete(work)).catch(() => {});
  }

  /** Ends early when `other` does, or on abort. */
  async #pause(ms: number, signal: AbortSignal, other?: Promise<unknown>): Promise<void> {
    const over = new AbortController();
    const timer = setTimeout(() => over.abort(), ms);
    await Promise.race([aborted(AbortSignal.any([over.signal, signal])), ...(other ? [other] : [])]);
    clearTimeout(timer);
  }
}

/** The ways to each host together, in their order. */
function hostsOf(servers: readonly TurnServer[]): TurnServer[][] {
  const hosts = new Map<string, TurnServer[]>();
  for (const server of servers) {
    const ways = hosts.get(server.host);
    if (ways) ways.push(server);
    else hosts.set(server.host, [server]);
  }
  return [...hosts.values()];
}

/** IPv4 first: what it relays can reach most peers. */
async function addressesOf(host: string, signal: AbortSignal): Promise<string[]> {
  if (isIP(host)) return [host];
  const looking = dns.lookup(host, { all: true }).catch(() => []);
  const found = (await Promise.race([looking, aborted(signal)])) ?? [];
  const of = (wanted: number): string[] => found.filter(({ family }) => family === wanted).map(({ address }) => address);
  return [...of(4).slice(0, 1), ...of(6).slice(0, 1)];
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
