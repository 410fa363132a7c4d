/** The command as a process: what its users and their scripts see. Runs the built files. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';

const command = fileURLToPath(new URL('../../bin/tswebrtc.js', import.meta.url));
const running = new Set<ChildProcess>();

afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
});

class Run {
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
    const find = (): Record<string, unknown> | undefined => this.events().find(({ event }) => event === name);
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = find();
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

async function finish(...args: string[]): Promise<{ code: number | string | null; stdout: string; stderr: string }> {
  const run = new Run(args);
  const code = await run.exit;
  return { code, stdout: run.stdout, stderr: run.stderr };
}

async function occupy(): Promise<{ server: Server; port: number }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, port: (server.address() as { port: number }).port };
}

describe('help and version', () => {
  it('go to stdout with exit code 0', async () => {
    const help = await finish('--help');
    expect(help).toMatchObject({ code: 0, stderr: '' });
    expect(help.stdout).toContain('signalling-server');
    expect(await finish('--version')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  });

  it('say how to build when it is not built', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'unbuilt-'));
    try {
      const script = join(directory, 'bin', 'tswebrtc.mjs');
      await cp(command, script);
      const run = new Run(['--help'], { script });
      expect(await run.exit).toBe(1);
      expect(run.stderr).toBe('tswebrtc is not built yet: run "npm run build" in the directory of the project.\n');
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

describe('mistakes', () => {
  it('in what was typed give exit code 2 and one sentence', async () => {
    expect(await finish('sink', '--lop')).toEqual({
      code: 2,
      stdout: '',
      stderr: 'Unknown option --lop; did you mean --loop?\n',
    });
    expect(await finish('sink', '--max-bitrate=x')).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^--max-bitrate is "x", .*\n$/),
    });
  });

  it('elsewhere give exit code 1 and one sentence', async () => {
    expect(await finish('sink', 'no-such-film.mp4')).toEqual({
      code: 1,
      stdout: '',
      stderr: 'There is no file no-such-film.mp4.\n',
    });
    const unreadable = await finish('signalling-server', '--port=0', '--cert=/no/cert.pem', '--key=/no/key.pem');
    expect(unreadable).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/^[^\n]*\/no\/cert\.pem[^\n]*\n$/) });
    const { server, port } = await occupy();
    try {
      const taken = await finish('signalling-server', `--port=${port}`);
      expect(taken).toMatchObject({
        code: 1,
        stdout: '',
        stderr: expect.stringMatching(new RegExp(`^[^\\n]*${port}[^\\n]*\\n$`)),
      });
    } finally {
      server.close();
    }
  });

  it('are an event too with --json', async () => {
    const { server, port } = await occupy();
    try {
      const run = new Run(['signalling-server', '--json', `--port=${port}`]);
      expect(await run.exit).toBe(1);
      expect(run.events()).toEqual([
        { event: 'error', time: expect.any(Number), code: 'ADDRESS_IN_USE', message: run.stderr.trim() },
      ]);
    } finally {
      server.close();
    }
  });

  it('show where they come from when the log is at debug', async () => {
    const run = new Run(['sink', 'no-such-film.mp4'], { env: { TSWEBRTC_LOG: 'debug' } });
    expect(await run.exit).toBe(1);
    expect(run.stderr).toMatch(/\n {4}at /);
  });
});

describe('signalling-server', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('listens where it says and ends with 0 on %s', async (signal) => {
    const run = new Run(['signalling-server', '--port=0', '--json']);
    const { urls } = await run.event('listening');
    const socket = new WebSocket((urls as string[])[0]!);
    await once(socket, 'open');
    const closed = once(socket, 'close');
    run.child.kill(signal);
    expect(await run.exit).toBe(0);
    await closed;
    expect(run.events().map(({ event }) => event)).toEqual(['listening']);
  });

  it('takes the interrupt that npm forwards for the same one', async () => {
    const run = new Run(['signalling-server', '--port=0', '--json']);
    await run.event('listening');
    run.child.kill('SIGINT');
    run.child.kill('SIGINT');
    expect(await run.exit).toBe(0);
  });

  it('says so when others can reach it', async () => {
    const run = new Run(['signalling-server', '--port=0', '--host=0.0.0.0', '--json']);
    await run.event('listening');
    run.child.kill('SIGINT');
    await run.exit;
    expect(run.stderr).toContain('Note: the signalling server listens on 0.0.0.0 and can be reached from other machines.\n');
  });

  it('tells people where it listens and how to stop it', async () => {
    const run = new Run(['signalling-server', '--port=0']);
    await new Promise((resolve) => run.child.stdout!.once('data', resolve));
    run.child.kill('SIGINT');
    expect(await run.exit).toBe(0);
    expect(run.stdout).toMatch(/^The signalling server listens on ws:\/\/127\.0\.0\.1:\d+\. Press Ctrl-C to stop\.\n$/);
    expect(run.stderr).toBe('');
  });
});
