/** Real brokers for tests: each started on a free loopback port, without a trace on the disk, and ended by its process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { freePort } from '../free-port.testing.ts';

export interface BrokerKind {
  readonly scheme: string;
  readonly program: string;
  /** Arguments for a port of 127.0.0.1. */
  readonly args: (port: number) => string[];
}

export const redis: BrokerKind = {
  scheme: 'redis',
  program: 'redis-server',
  args: (port) => ['--bind', '127.0.0.1', '--port', `${port}`, '--save', '', '--appendonly', 'no', '--loglevel', 'warning'],
};

export const nats: BrokerKind = {
  scheme: 'nats',
  program: 'nats-server',
  args: (port) => ['--addr', '127.0.0.1', '--port', `${port}`],
};

const PATIENCE = 10_000;

export class BrokerProcess {
  readonly #kind: BrokerKind;
  readonly #port: number;
  readonly #folder: string;
  #process: ChildProcess | undefined;

  private constructor(kind: BrokerKind, port: number, folder: string) {
    this.#kind = kind;
    this.#port = port;
    this.#folder = folder;
  }

  static async start(kind: BrokerKind): Promise<BrokerProcess> {
    const broker = new BrokerProcess(kind, await freePort(), await mkdtemp(join(tmpdir(), 'tswebrtc-broker-')));
    await broker.start();
    return broker;
  }

  get url(): string {
    return `${this.#kind.scheme}://127.0.0.1:${this.#port}`;
  }

  /** Starts it, for the first time or again, and waits until it answers. */
  async start(): Promise<void> {
    const { program, args } = this.#kind;
    // nats-server lies where only the administrator's PATH leads.
    const env = { ...process.env, PATH: [process.env.PATH, '/usr/sbin', '/sbin'].join(delimiter) };
    const started = spawn(program, args(this.#port), { cwd: this.#folder, env, stdio: 'ignore' });
    this.#process = started;
    await new Promise<void>((resolve, reject) => {
      started.once('spawn', resolve);
      started.once('error', (cause) => reject(new Error(`${program} cannot be started: npm run setup installs it.`, { cause })));
    });
    const until = Date.now() + PATIENCE;
    while (!(await answers(this.#port))) {
      if (started.exitCode !== null) throw new Error(`${program} has ended with exit code ${started.exitCode}.`);
      if (Date.now() > until) throw new Error(`${program} does not answer on port ${this.#port}.`);
      await setTimeout(20);
    }
  }

  /** Kills it in the middle of whatever it does. */
  async kill(): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    if (!running || running.exitCode !== null) return;
    const exit = once(running, 'exit');
    running.kill('SIGKILL');
    await exit;
  }

  /** The process stops, with its sockets open, or goes on. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#process?.kill(signal);
  }

  async close(): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true });
  }
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  let isThere = false;
  socket.once('connect', () => {
    isThere = true;
    socket.destroy();
  });
  socket.once('error', () => {});
  await once(socket, 'close').catch(() => {});
  return isThere;
}
