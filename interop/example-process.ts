/** Runs an example as its README says, in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

export class ExampleProcess {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  /** `main`: its script. It is killed after the test if it is still there. */
  constructor(main: URL, args: readonly string[]) {
    this.#child = spawn(process.execPath, [fileURLToPath(main), ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
    onTestFinished(() => void this.#child.kill('SIGKILL'));
  }

  /** The next line that it prints. */
  async line(): Promise<string> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('the example has ended');
    return value;
  }

  /** Ctrl-C; resolves with the exit code. */
  async interrupt(): Promise<number | null> {
    this.#child.kill('SIGINT');
    const [code] = await once(this.#child, 'exit');
    return code;
  }
}
