/** The command as a process: what its users and their scripts see. Runs the built files. */
import { once } from 'node:events';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { command, finish, killRuns, occupy, Run } from './command-run.testing.ts';

afterEach(killRuns);

describe('help and version', () => {
  it('go to stdout with exit code 0', async () => {
    const help = await finish('--help');
    expect(help).toMatchObject({ code: 0, stderr: '' });
    expect(help.stdout).toContain('signalling-server');
    expect(await finish('--version')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  });

  it('end quietly when nobody reads them to the end', async () => {
    const run = new Run(['sink', '--help']);
    run.child.stdout!.destroy();
    expect(await run.exit).toBe(0);
    expect(run.stderr).toBe('');
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
    expect(run.stderr).toMatch(/Warning: whoever can reach port \d+ of 0\.0\.0\.0 can use this signalling server/);
  });

  it('tells people where it listens and how to stop it', async () => {
    const run = new Run(['signalling-server', '--port=0']);
    await new Promise((resolve) => run.child.stdout!.once('data', resolve));
    run.child.kill('SIGINT');
    expect(await run.exit).toBe(0);
    expect(run.stdout).toMatch(/^The signalling server listens on ws:\/\/127\.0\.0\.1:\d+\. Press Ctrl-C to stop\.\n$/);
    expect(run.stderr).toMatch(/^[\d:.]+ info The signalling server listens\./);
  });
});
