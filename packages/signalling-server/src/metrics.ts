/**
 * What a server counts, in the text format of Prometheus. Labels have few values, none of which a peer can choose. Counts are
 * plain numbers until somebody asks, so that counting costs next to nothing.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge, Registry } from 'prom-client';

/** RFC 6455 §7.4.1; other codes are counted as `other`. */
const CLOSE_CODES = new Set([1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1011, 1012, 1013]);

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

  constructor(registry: Registry, name: string, help: string, label: string) {
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
  readonly #received = this.#tally(
    'messages_received_total',
    'Messages from peers, by type; "invalid" for those that are none.',
    'type',
  );
  readonly #sent = this.#tally('messages_sent_total', 'Messages to peers, by type.', 'type');
  readonly #refused = this.#tally('requests_refused_total', 'Requests that were answered by an error, by reason.', 'reason');
  readonly #connections = this.#tally('connections_refused_total', 'Connections that were refused, by reason.', 'reason');
  readonly #closed = this.#tally('connections_closed_total', 'Connections of peers that have ended, by close code.', 'code');
  readonly #limits = this.#tally('limits_exceeded_total', 'Peers that were given up for exceeding a limit, by limit.', 'limit');
  readonly #delay = monitorEventLoopDelay({ resolution: 10 });

  constructor(gauges: Gauges) {
    this.#gauge('peers', 'Peers that are connected to this server.', gauges.peers);
    this.#gauge('sessions', 'Sessions with a peer that is connected to this server.', gauges.sessions);
    this.#gauge('ready', '1 while the server takes new peers.', () => Number(gauges.isReady()));
    if (gauges.clusterMembers) this.#gauge('cluster_members', 'Other servers of the cluster in touch.', gauges.clusterMembers);
    this.#gauge('resident_memory_bytes', 'Memory of the process.', () => process.memoryUsage.rss());
    this.#gauge(
      'cpu_seconds',
      'Processor time of the process.',
      () => process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6,
    );
    this.#gauge(
      'event_loop_delay_p99_seconds',
      '99 % of the turns of the event loop since the last look were late by less.',
      () => {
        const p99 = this.#delay.percentile(99) / 1e9;
        this.#delay.reset();
        return p99;
      },
    );
    this.#delay.enable();
  }

  received(type: string): void {
    this.#received.add(type);
  }

  sent(type: string): void {
    this.#sent.add(type);
  }

  requestRefused(reason: string): void {
    this.#refused.add(reason);
  }

  connectionRefused(reason: string): void {
    this.#connections.add(reason);
  }

  connectionClosed(code: number): void {
    this.#closed.add(CLOSE_CODES.has(code) ? String(code) : 'other');
  }

  limitExceeded(limit: string): void {
    this.#limits.add(limit);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  close(): void {
    this.#delay.disable();
  }

  #tally(name: string, help: string, label: string): Tally {
    return new Tally(this.#registry, `signalling_${name}`, help, label);
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
