/** A process of its own for a part of a benchmark, asked and answered over Node's channel. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';

interface Request {
  readonly command: string;
  readonly argument: unknown;
}

type Reply = { readonly result: unknown } | { readonly error: string };

export class Child {
  readonly #process: ChildProcess;

  /** `script`: file name of a compiled script beside this one. */
  constructor(script: string, env: Record<string, string> = {}) {
    this.#process = fork(new URL(script, import.meta.url), { env: { ...process.env, ...env } });
  }

  /** One request at a time. Rejects when the child fails or ends. */
  async ask<Result>(command: string, argument: unknown = undefined): Promise<Result> {
    const ended = once(this.#process, 'exit').then(([code]) => {
      throw new Error(`the process of the benchmark ended with ${code}`);
    });
    const replied = once(this.#process, 'message');
    // Whoever comes second is of no interest.
    ended.catch(() => {});
    this.#process.send({ command, argument } satisfies Request);
    const [reply] = (await Promise.race([replied, ended])) as [Reply];
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

/** ms on a clock that all processes of this machine share. */
export function sharedClock(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
