/** A process of its own for a part of a benchmark, asked and answered over Node's channel. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';

interface Request {
  readonly command: string;
  readonly argument: unknown;
}

type Reply = { readonly result: unknown } | { readonly error: string };

export class Child {
  readonly #process: ChildProcess;
  #settle: ((reply: Reply) => void) | undefined;

  /**
   * `script`: file name of a compiled script beside this one. `through`: a command, with its arguments, that runs the rest of
   * its command line elsewhere.
   */
  constructor(script: string, through: readonly string[] = []) {
    const [execPath, ...execArgv] = [...through, process.execPath];
    this.#process = fork(new URL(script, import.meta.url), { execPath: execPath!, execArgv });
    const settle = (reply: Reply): void => {
      this.#settle?.(reply);
      this.#settle = undefined;
    };
    this.#process.on('message', (reply) => settle(reply as Reply));
    this.#process.on('exit', (code, signal) => settle({ error: `the process ${script} ended with ${code ?? signal}` }));
  }

  /** One request at a time. Rejects when the child fails or ends. */
  async ask<Result>(command: string, argument: unknown = undefined): Promise<Result> {
    const reply = await new Promise<Reply>((resolve) => {
      this.#settle = resolve;
      this.#process.send({ command, argument } satisfies Request, (error) => {
        if (error) resolve({ error: error.message });
      });
    });
    if ('error' in reply) throw new Error(reply.error);
    return reply.result as Result;
  }

  async close(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const exit = once(this.#process, 'exit');
    this.#process.disconnect();
    await exit;
  }
}

/** In the child: answers requests until the parent lets go. */
// biome-ignore lint/suspicious/noExplicitAny: each command knows what it is asked
export function serve(commands: Record<string, (argument: any) => unknown>): void {
  process.on('message', async ({ command, argument }: Request) => {
    try {
      process.send!({ result: await commands[command]!(argument) } satisfies Reply);
    } catch (error) {
      process.send!({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) } satisfies Reply);
    }
  });
  process.on('disconnect', () => process.exit(0));
}

/** CPU time of this process so far, in seconds, all threads and the kernel's work for it included. */
export function cpuTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** How long this process's main thread was ready to run and others had the cores, in s; 0 where the system does not tell. */
export function waitingTime(): number {
  try {
    return Number(readFileSync('/proc/self/schedstat', 'utf8').split(' ')[1]) / 1e9;
  } catch {
    return 0;
  }
}

/** ms on a clock that all processes of this machine share. */
export function sharedClock(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
