/** Drives changing-sink.js, and says whether all that its encoder made has come. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { isRun, steps, VIDEO_CLOCK } from './frame-steps.ts';

const SCRIPT = fileURLToPath(new URL('changing-sink.js', import.meta.url));

type Said = { readonly event: string; readonly [key: string]: unknown };

export class ChangingSink {
  readonly #child: ChildProcess;
  readonly #said: Said[] = [];
  #wake: () => void = () => {};

  /** `through`: a command that runs the rest of its line in another network namespace. Ends with the test. */
  static async start(host = '127.0.0.1', port = 0, through: readonly string[] = []): Promise<ChangingSink> {
    const sink = new ChangingSink([...through, process.execPath, SCRIPT, host, String(port)]);
    await sink.#next('registered');
    return sink;
  }

  private constructor([program, ...args]: readonly string[]) {
    this.#child = spawn(program!, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    onTestFinished(() => void this.#child.kill('SIGKILL'));
    const wake = (): void => this.#wake();
    this.#child.once('exit', wake);
    createInterface({ input: this.#child.stdout! }).on('line', (line) => {
      this.#said.push(JSON.parse(line) as Said);
      wake();
    });
  }

  get signallingUri(): string {
    return String(this.#said.find(({ event }) => event === 'registered')!.uri);
  }

  /** Sessions that have ended, with the reason. */
  get ended(): readonly Said[] {
    return this.#said.filter(({ event }) => event === 'consumer-removed');
  }

  /** One more picture, `video3` of 160 x 120, in a stream of its own. */
  async add(): Promise<void> {
    await this.#ask('add');
  }

  async remove(name: string): Promise<void> {
    await this.#ask(`remove ${name}`);
  }

  async restartIce(): Promise<void> {
    await this.#ask('restart');
  }

  /** Whether these times of its first picture, as RTP has them, follow each other as the encoder made them: none is missing. */
  async hasSentAll(rtpTimes: readonly number[]): Promise<boolean> {
    const { times } = await this.#ask('encoded');
    return isRun(steps(rtpTimes), steps(times as number[], VIDEO_CLOCK));
  }

  #ask(line: string): Promise<Said> {
    const answer = this.#next(line.split(' ')[0]!);
    this.#child.stdin!.write(`${line}\n`);
    return answer;
  }

  /** What it says next under this name. */
  async #next(name: string): Promise<Said> {
    for (let seen = this.#said.length; ; seen++) {
      while (seen >= this.#said.length) {
        if (this.#child.exitCode !== null || this.#child.signalCode !== null) throw new Error(`the sink ended before ${name}`);
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
      if (this.#said[seen]!.event === name) return this.#said[seen]!;
    }
  }
}
