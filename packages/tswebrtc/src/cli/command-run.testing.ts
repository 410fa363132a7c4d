/** Runs the command as a process, built files and all, and reads what it says. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer, type Server } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';

export const command = fileURLToPath(new URL('../../bin/tswebrtc.js', import.meta.url));
const running = new Set<ChildProcess>();

/** To be called after each test: nothing a failed test started stays. */
export function killRuns(): void {
  for (const child of running) child.kill('SIGKILL');
}

/** One run of the command. */
export class Run {
  readonly child: ChildProcess;
  readonly exit: Promise<number | string | null>;
  stdout = '';
  stderr = '';

  constructor(args: readonly string[], { script = command, env = {} }: { script?: string; env?: NodeJS.ProcessEnv } = {}) {
    this.child = spawn(process.execPath, [script, ...args], { env: { ...process.env, TSWEBRTC_LOG: undefined, ...env } });
    running.add(this.child);
    this.child.stdout!.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    this.child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.exit = new Promise((resolve) => {
      this.child.once('close', (code, signal) => {
        running.delete(this.child);
        resolve(code ?? signal);
      });
    });
  }

  /** Resolves with the first event of this name (`--json`), or rejects when the process ends without it. */
  event(name: string): Promise<Record<string, unknown>> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = this.events().find(({ event }) => event === name);
        if (found) resolve(found);
      };
      look();
      this.child.stdout!.on('data', look);
      void this.exit.then(() => reject(new Error(`ended without ${name}: ${this.stdout}${this.stderr}`)));
    });
  }

  /** What is on stdout so far; throws when a whole line of it is not an object of ours. */
  events(): Record<string, unknown>[] {
    const lines = this.stdout.split('\n').slice(0, -1);
    return lines.map((line) => {
      const event = JSON.parse(line) as Record<string, unknown>;
      expect(event).toMatchObject({ event: expect.any(String), time: expect.any(Number) });
      return event;
    });
  }
}

/** Runs the command to its end. */
export async function finish(...args: string[]): Promise<{ code: number | string | null; stdout: string; stderr: string }> {
  const run = new Run(args);
  const code = await run.exit;
  return { code, stdout: run.stdout, stderr: run.stderr };
}

/** Takes a port. */
export async function occupy(): Promise<{ server: Server; port: number }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, port: (server.address() as { port: number }).port };
}
