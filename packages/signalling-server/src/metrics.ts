/**
 * What a server counts, in the text format of Prometheus. Labels have few values, none of which a peer can choose. Counts are
 * plain numbers until somebody asks, so that counting costs next to nothing.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge, Registry } from 'prom-client';
import { ADMISSION_REFUSALS, type AdmissionRefusal } from './admission.ts';
import { openDescriptors } from './descriptors.ts';
import { REFUSALS, type Refusal } from './hub-state.ts';
import { DEFAULT_RATES, type RateKind } from './rate-limiter.ts';

/** RFC 6455 §7.4.1; other codes are counted as `other`. */
const CLOSE_CODES = new Set([1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1011, 1012, 1013]);

/** What a peer is given up for. */
type Limit = 'message-size' | 'backlog' | `rate-${RateKind}`;
const LIMITS: readonly Limit[] = [
  'message-size',
  'backlog',
  ...(Object.keys(DEFAULT_RATES) as RateKind[]).map((kind): Limit => `rate-${kind}`),
];

/** ms for which figures stay as they were told. */
const TEXT_AGE = 250;
/** ms over which the delay of the event loop is looked at, at least. */
const DELAY_WINDOW = 60_000;

/** What is true now, read when somebody asks. */
export interface Gauges {
  readonly peers: () => number;
  readonly sessions: () => number;
  readonly isReady: () => boolean;
  /** Servers in touch beside this one; without a cluster undefined. */
  readonly clusterMembers?: (() => number) | undefined;
}

class Tally {
  readonly #counts = new Map<string, number>();

  /** `values`: those that are there, as 0, before anything is counted, so that the first one is seen as an increase. */
  constructor(registry: Registry, name: string, help: string, label: string, values: readonly string[]) {
    for (const value of values) this.#counts.set(value, 0);
    const counts = this.#counts;
    new Counter({
      name,
      help,
      labelNames: [label],
      registers: [registry],
      collect() {
        this.reset();
        for (const [value, count] of counts) this.inc({ [label]: value }, count);
      },
    });
  }

  add(label: string): void {
    this.#counts.set(label, (this.#counts.get(label) ?? 0) + 1);
  }
}

export class Metrics {
  readonly #registry = new Registry();
  readonly #received: Tally;
  readonly #sent: Tally;
  readonly #refused: Tally;
  readonly #connections: Tally;
  readonly #closed: Tally;
  readonly #limits: Tally;
  #text: Promise<string> | undefined;
  #textAt = 0;
  #delaySince = performance.now();
  readonly #delay = monitorEventLoopDelay({ resolution: 10 });

  /** `isAskedFor`: whether anybody can ask for figures. */
  constructor(gauges: Gauges, isAskedFor: boolean) {
    this.#received = this.#tally('messages_received_total', 'Messages from peers; "invalid" for what is none.', 'type', []);
    this.#sent = this.#tally('messages_sent_total', 'Messages to peers.', 'type', []);
    this.#refused = this.#tally('requests_refused_total', 'Requests that were answered by an error.', 'reason', REFUSALS);
    this.#connections = this.#tally('connections_refused_total', 'Connections that were refused.', 'reason', [
      ...ADMISSION_REFUSALS,
      'descriptors',
    ]);
    this.#closed = this.#tally('connections_closed_total', 'Connections of peers that have ended, by close code.', 'code', []);
    this.#limits = this.#tally('limits_exceeded_total', 'Peers that were given up for exceeding a limit.', 'limit', LIMITS);
    this.#gauge('peers', 'Peers that are connected to this server.', gauges.peers);
    this.#gauge('sessions', 'Sessions with a peer that is connected to this server.', gauges.sessions);
    this.#gauge('ready', '1 while the server takes new peers.', () => Number(gauges.isReady()));
    if (gauges.clusterMembers) this.#gauge('cluster_members', 'Other servers of the cluster in touch.', gauges.clusterMembers);
    this.#gauge('resident_memory_bytes', 'Memory of the process.', () => process.memoryUsage.rss());
    this.#gauge(
      'open_descriptors',
      'Files and sockets that the process has open; 0 where the system does not tell.',
      openDescriptors,
    );
    new Counter({
      name: 'signalling_cpu_seconds_total',
      help: 'Processor time of the process.',
      registers: [this.#registry],
      collect() {
        const { user, system } = process.cpuUsage();
        this.reset();
        this.inc((user + system) / 1e6);
      },
    });
    this.#gauge(
      'event_loop_delay_p99_seconds',
      '99 % of the turns of the event loop in the last minute or so were late by less.',
      () => {
        const p99 = this.#delay.percentile(99) / 1e9;
        // Not at every look: who looks often would hide it from who looks seldom.
        if (performance.now() - this.#delaySince > DELAY_WINDOW) {
          this.#delay.reset();
          this.#delaySince = performance.now();
        }
        return p99;
      },
    );
    // Wakes the process a hundred times a second: not where nobody can ask.
    if (isAskedFor) this.#delay.enable();
  }

  received(type: string): void {
    this.#received.add(type);
  }

  sent(type: string): void {
    this.#sent.add(type);
  }

  requestRefused(reason: Refusal): void {
    this.#refused.add(reason);
  }

  connectionRefused(reason: AdmissionRefusal | 'descriptors'): void {
    this.#connections.add(reason);
  }

  connectionClosed(code: number): void {
    this.#closed.add(CLOSE_CODES.has(code) ? String(code) : 'other');
  }

  limitExceeded(limit: Limit): void {
    this.#limits.add(limit);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** As it is, or was a moment ago: collecting it costs more than anybody should be able to ask for. */
  text(): Promise<string> {
    const now = performance.now();
    if (!this.#text || now - this.#textAt > TEXT_AGE) {
      this.#text = this.#registry.metrics();
      this.#textAt = now;
    }
    return this.#text;
  }

  close(): void {
    this.#delay.disable();
  }

  #tally(name: string, help: string, label: string, values: readonly string[]): Tally {
    return new Tally(this.#registry, `signalling_${name}`, help, label, values);
  }

  #gauge(name: string, help: string, value: () => number): void {
    new Gauge({
      name: `signalling_${name}`,
      help,
      registers: [this.#registry],
      collect() {
        this.set(value());
      },
    });
  }
}
