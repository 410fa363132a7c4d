/** Runs the command as users do, in a process of its own, and reads the events it prints with `--json`. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = new URL(import.meta.url.includes('/dist/') ? '../../../' : '../', import.meta.url);
export const command = fileURLToPath(new URL('packages/tswebrtc/bin/tswebrtc.js', root));

export interface CommandEvent {
  readonly event: string;
  readonly time: number;
  readonly [key: string]: unknown;
}

export class CommandProcess {
  readonly child: ChildProcess;
  readonly events: CommandEvent[] = [];
  stderr = '';
  readonly exit: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  readonly #waiting = new Set<() => void>();

  /** Runs the command with servers of its own on free ports of 127.0.0.1 unless `args` say otherwise. */
  static async startSink(args: readonly string[]): Promise<CommandProcess> {
    const servers = [
      '--run-signalling-server',
      '--signalling-server-port',
      '0',
      '--run-web-server',
      '--web-server-host-addr',
      'http://127.0.0.1:0',
    ];
    const sink = new CommandProcess(['sink', '--json', '--stun-server', 'none', ...servers, ...args]);
    await sink.event('registered');
    return sink;
  }

  /** `through`: a command, with its arguments, that runs the rest of its command line elsewhere. */
  constructor(args: readonly string[], through: readonly string[] = []) {
    const [program, ...rest] = [...through, process.execPath, command, ...args];
    this.child = spawn(program!, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
    createInterface({ input: this.child.stdout! }).on('line', (line) => {
      this.events.push(JSON.parse(line) as CommandEvent);
      for (const wake of this.#waiting) wake();
    });
    this.exit = new Promise((resolve) => {
      this.child.once('exit', (code, signal) => {
        resolve({ code, signal });
        for (const wake of this.#waiting) wake();
      });
    });
  }

  /** `ws://…` of its signalling server. */
  get signallingUri(): string {
    return this.#url('ws');
  }

  /** `http://…` of its page. */
  get pageUrl(): string {
    return this.#url('http');
  }

  /** Resolves with the first event of this name, past or to come, that `accept` takes; rejects when the command ends first or after `timeout` ms. */
  async event(name: string, accept: (event: CommandEvent) => boolean = () => true, timeout = 20_000): Promise<CommandEvent> {
    const deadline = Date.now() + timeout;
    for (;;) {
      const found = this.events.find((event) => event.event === name && accept(event));
      if (found) return found;
      const gone = this.child.exitCode !== null || this.child.signalCode !== null;
      if (gone || Date.now() > deadline) {
        throw new Error(
          `no event ${name} ${gone ? 'before the command ended' : `within ${timeout} ms`}; it said: ${this.stderr || 'nothing'}`,
        );
      }
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          clearTimeout(timer);
          this.#waiting.delete(wake);
          resolve();
        };
        const timer = setTimeout(wake, deadline - Date.now() + 1);
        this.#waiting.add(wake);
      });
    }
  }

  /** Ctrl-C; resolves with the exit code. */
  async stop(): Promise<number | null> {
    if (this.child.exitCode === null) this.child.kill('SIGINT');
    return (await this.exit).code;
  }

  #url(scheme: string): string {
    const listening = this.events.find((event) => event.event === 'listening');
    const url = (listening?.urls as string[] | undefined)?.find((candidate) => candidate.startsWith(scheme));
    if (!url) throw new Error(`the command listens on no ${scheme} URL`);
    return url;
  }
}
