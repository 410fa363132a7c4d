/**
 * Two hosts and the router between them, as network namespaces of this machine: the producer's host, the viewer's, and on the
 * way a link whose rate and loss can be set while traffic flows. The bottleneck is a router's and not the sender's own
 * interface, so that a full queue drops packets and never holds up the sender's socket.
 */
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Host {
  readonly namespace: string;
  readonly address: string;
}

/** What waits before the bottleneck, and what it did so far. */
export interface QueueState {
  /** ms since the epoch */
  readonly time: number;
  /** bytes */
  readonly backlog: number;
  /** packets */
  readonly drops: number;
  /** bytes that left */
  readonly bytes: number;
}

const PREFIX = 'tswb';
/** capabilities(7), as /proc shows it */
const CAP_SYS_ADMIN = 1n << 21n;
/** bytes; as `tbf burst` */
const BURST = 16 * 1024;
/** ms; the longest a packet waits at the rate that is set */
export const QUEUE_LENGTH = 300;

export class NetworkLab {
  readonly producer: Host;
  readonly viewer: Host;
  readonly #router: string;
  readonly #delay: ChildProcess | undefined;
  #neighbour: Host | undefined;
  readonly #removeAtExit = (): void => this.remove();
  #shaped = false;

  /**
   * `delay`: where given, a program that reads packets from the TUN device it is told and writes them there later, and its
   * arguments after the device's name.
   */
  constructor(delay?: { program: string; args: readonly string[] }) {
    removeAbandoned();
    const names = ['p', 'r', 'v'].map((letter) => `${PREFIX}${process.pid}${letter}`) as [string, string, string];
    this.producer = { namespace: names[0], address: '10.77.1.2' };
    this.viewer = { namespace: names[2], address: '10.77.2.2' };
    this.#router = names[1];
    process.once('exit', this.#removeAtExit);
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, endBySignal);
    try {
      for (const name of names) this.#addNamespace(name);
      this.#join(this.producer, 'to-producer', '10.77.1.1');
      this.#join(this.viewer, 'to-viewer', '10.77.2.1');
      set(this.#router, { 'net/ipv4/ip_forward': 1, 'net/ipv4/conf/all/rp_filter': 0, 'net/ipv4/conf/default/rp_filter': 0 });
      if (delay) this.#delay = this.#detour(delay.program, delay.args);
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  #join(host: Host, routerDevice: string, routerAddress: string): void {
    const { namespace, address } = host;
    ip('link', 'add', 'eth0', 'netns', namespace, 'type', 'veth', 'peer', 'name', routerDevice, 'netns', this.#router);
    // Batches that the kernel would cut up only in the network card are one packet to the router: a loss would be of all.
    ip('-n', namespace, 'link', 'set', 'eth0', 'gso_max_segs', '1');
    ip('-n', namespace, 'addr', 'add', `${address}/24`, 'dev', 'eth0');
    ip('-n', namespace, 'link', 'set', 'eth0', 'up');
    ip('-n', this.#router, 'addr', 'add', `${routerAddress}/24`, 'dev', routerDevice);
    ip('-n', this.#router, 'link', 'set', routerDevice, 'up');
    // Without a default route Chromium finds no address of its own.
    ip('-n', namespace, 'route', 'add', 'default', 'via', routerAddress);
  }

  /** One more host behind the router, on a path without a limit. At most one. */
  addNeighbour(): Host {
    const neighbour = { namespace: `${PREFIX}${process.pid}n`, address: '10.77.3.2' };
    this.#neighbour = neighbour;
    this.#addNamespace(neighbour.namespace);
    this.#join(neighbour, 'to-neighbour', '10.77.3.1');
    return neighbour;
  }

  #addNamespace(name: string): void {
    ip('netns', 'add', name);
    ip('-n', name, 'link', 'set', 'lo', 'up');
    // Link-local IPv6 addresses would be candidates that no router carries.
    set(name, { 'net/ipv6/conf/all/disable_ipv6': 1, 'net/ipv6/conf/default/disable_ipv6': 1 });
  }

  /** Leads what comes from either host through a program in user space. */
  #detour(program: string, args: readonly string[]): ChildProcess {
    const router = this.#router;
    ip('-n', router, 'tuntap', 'add', 'dev', 'detour', 'mode', 'tun');
    ip('-n', router, 'link', 'set', 'detour', 'up');
    for (const device of ['to-producer', 'to-viewer']) ip('-n', router, 'rule', 'add', 'iif', device, 'lookup', '100');
    ip('-n', router, 'route', 'add', 'default', 'dev', 'detour', 'table', '100');
    return spawn('ip', ['netns', 'exec', router, program, 'detour', ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
  }

  /** Sets the rate from producer to viewer, bit/s; what waits stays in the queue. */
  setRate(rate: number): void {
    const tbf = ['tbf', 'rate', `${rate}bit`, 'burst', `${BURST}`, 'latency', `${QUEUE_LENGTH}ms`];
    tool('tc', ['-n', this.#router, 'qdisc', this.#shaped ? 'change' : 'add', 'dev', 'to-viewer', 'root', ...tbf]);
    this.#shaped = true;
  }

  /** Loses this part (0..1) of the datagrams from producer to viewer, each by its own throw of the dice. */
  setLoss(part: number): void {
    const rule = `oifname "to-viewer" meta l4proto udp numgen random mod 1000 < ${Math.round(part * 1000)} counter drop`;
    const chain = ['type filter hook forward priority 0;', ...(part > 0 ? [rule] : [])].join('\n');
    const script = `table inet loss {}\ndelete table inet loss\ntable inet loss {\nchain forward {\n${chain}\n}\n}\n`;
    tool('ip', ['netns', 'exec', this.#router, 'nft', '-f', '-'], script);
  }

  async queue(): Promise<QueueState> {
    const { stdout } = await run('tc', ['-n', this.#router, '-s', '-j', 'qdisc', 'show', 'dev', 'to-viewer']);
    const state = (JSON.parse(stdout) as (QueueState & { kind: string })[]).find(({ kind }) => kind === 'tbf');
    return { time: Date.now(), backlog: state?.backlog ?? 0, drops: state?.drops ?? 0, bytes: state?.bytes ?? 0 };
  }

  /** Ends what still runs in the namespaces and removes them. Idempotent. */
  remove(): void {
    process.removeListener('exit', this.#removeAtExit);
    this.#delay?.kill('SIGKILL');
    if (this.#neighbour) removeNamespace(this.#neighbour.namespace);
    for (const name of [this.producer.namespace, this.#router, this.viewer.namespace]) removeNamespace(name);
  }
}

/** So that the namespaces go with Ctrl-C, too. */
function endBySignal(signal: NodeJS.Signals): void {
  process.exit(signal === 'SIGINT' ? 130 : 143);
}

/** What a run left behind that was killed: the name tells whose it was. */
function removeAbandoned(): void {
  const names = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' }).stdout ?? '';
  for (const [name, owner] of names.matchAll(new RegExp(`^${PREFIX}(\\d+)[prvn]\\b`, 'gm'))) {
    if (!existsSync(`/proc/${owner}`)) removeNamespace(name);
  }
}

/** All processes in it are ours: nobody else knows the namespace. */
function removeNamespace(name: string): void {
  const { stdout, status } = spawnSync('ip', ['netns', 'pids', name], { encoding: 'utf8' });
  if (status !== 0) return;
  for (const pid of stdout.split('\n').filter(Boolean)) {
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It ended by itself.
    }
  }
  spawnSync('ip', ['netns', 'del', name]);
}

function ip(...args: string[]): void {
  tool('ip', args);
}

function set(namespace: string, values: Record<string, number>): void {
  const script = Object.entries(values).map(([path, value]) => `[ ! -e /proc/sys/${path} ] || echo ${value} > /proc/sys/${path}`);
  tool('ip', ['netns', 'exec', namespace, 'sh', '-c', script.join(' && ')]);
}

function tool(name: string, args: readonly string[], input?: string): void {
  const { status, stderr, error } = spawnSync(name, args, { encoding: 'utf8', input: input ?? '' });
  if (status !== 0) throw new Error(`${name} ${args.join(' ')} failed: ${(error?.message ?? stderr).trim()}`);
}

/** Why there can be no such network here, as the end of a sentence; undefined where there can. */
export function networkMissing(): string | undefined {
  if (process.platform !== 'linux') return 'it needs the network namespaces of Linux.';
  if (process.getuid?.() !== 0) return 'it makes network namespaces, for which it must run as root.';
  const missing = ['ip', 'tc', 'nft'].filter((name) => spawnSync(name, ['-V'], { stdio: 'ignore' }).error);
  if (missing.length > 0) return `there is no ${missing.join(' and no ')} here: run \`npm run setup\`.`;
  const capabilities = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  if (!(BigInt(`0x${capabilities ?? 'f'.repeat(16)}`) & CAP_SYS_ADMIN)) {
    return 'this container may not make network namespaces: it lacks the capability CAP_SYS_ADMIN.';
  }
  return undefined;
}
