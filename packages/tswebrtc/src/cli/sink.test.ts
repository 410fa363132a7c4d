/** `tswebrtc sink` as a process, with servers of its own on free ports. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { finish, killRuns, occupy, Run } from './command-run.testing.ts';

const servers = [
  '--run-signalling-server',
  '--signalling-server-port=0',
  '--run-web-server',
  '--web-server-host-addr=http://127.0.0.1:0',
];
const small = 'testsrc:width=160,height=120,framerate=10';
const base = ['sink', '--json', '--stun-server=none'];
let scratch: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'sink-'));
});
afterEach(killRuns);
afterAll(() => rm(scratch, { recursive: true }));

async function urlsOf(run: Run): Promise<{ page: string; signalling: string }> {
  const urls = (await run.event('listening')).urls as string[];
  const find = (scheme: string): string => urls.find((url) => url.startsWith(`${scheme}:`))!;
  return { page: find('http'), signalling: find('ws') };
}

async function interrupt(run: Run): Promise<number> {
  const begin = performance.now();
  run.child.kill('SIGINT');
  expect(await run.exit).toBe(0);
  return performance.now() - begin;
}

describe('sink', () => {
  it('announces itself, serves its page, reports, and ends within two seconds of Ctrl-C', async () => {
    const run = new Run([...base, ...servers, '--stats-interval=0.1', '--meta', 'name=probe', small]);
    const { page, signalling } = await urlsOf(run);
    const { peerId } = await run.event('registered');
    expect(peerId).toMatch(/^[0-9a-f-]{36}$/);
    expect((await fetch(page)).status).toBe(200);
    const config = (await (await fetch(`${page}config.json`)).json()) as { signalling: object };
    expect(config.signalling).toEqual({ port: Number(new URL(signalling).port), tls: false, path: '/' });
    expect(await run.event('stats')).toMatchObject({ sessions: [] });
    expect(await interrupt(run)).toBeLessThan(2000);
    expect(run.stderr).toContain(`Open ${page} in a browser to watch.\n`);
    await expect(fetch(page)).rejects.toThrow();
  });

  it('tells of a consumer that comes and goes', async () => {
    const run = new Run([...base, ...servers, small]);
    const { signalling } = await urlsOf(run);
    const { peerId: producerId } = await run.event('registered');
    const socket = new WebSocket(signalling);
    const received: Record<string, unknown>[] = [];
    const next = async (type: string): Promise<Record<string, unknown>> => {
      for (;;) {
        const found = received.find((message) => message.type === type);
        if (found) return found;
        await once(socket, 'message');
      }
    };
    socket.on('message', (data) => received.push(JSON.parse(String(data)) as Record<string, unknown>));
    const { peerId } = await next('welcome');
    socket.send(JSON.stringify({ type: 'startSession', peerId: producerId }));
    const { sessionId } = await next('sessionStarted');
    expect(await run.event('consumer-added')).toMatchObject({ peerId, sessionId });
    await next('peer');
    socket.send(JSON.stringify({ type: 'endSession', sessionId }));
    expect(await run.event('consumer-removed')).toMatchObject({ peerId, sessionId, reason: 'ended' });
    socket.close();
    await interrupt(run);
  });

  it('goes on while the signalling server cannot be reached, says so, and still ends at Ctrl-C', async () => {
    const { server, port } = await occupy();
    await new Promise((resolve) => server.close(resolve));
    const run = new Run([...base, `--signaller-uri=ws://127.0.0.1:${port}`, small]);
    const error = await run.event('error');
    expect(error).toMatchObject({ code: 'SIGNALLING_UNREACHABLE', message: expect.stringContaining(`127.0.0.1:${port}`) });
    expect(run.child.exitCode).toBe(null);
    expect(run.stderr).not.toMatch(/\n {4}at |signalling:/);
    expect(await interrupt(run)).toBeLessThan(2000);
  });

  it('says what it waits for when the signalling server takes the connection and keeps silent', async () => {
    const { server, port } = await occupy();
    try {
      const run = new Run([...base, `--signaller-uri=ws://127.0.0.1:${port}`, small]);
      while (!run.stderr.endsWith('\n')) await once(run.child.stderr!, 'data');
      expect(run.stderr).toBe(`Still waiting for an answer of the signalling server at ws://127.0.0.1:${port}.\n`);
      expect(await interrupt(run)).toBeLessThan(2000);
    } finally {
      server.close();
    }
  });

  it('says what it waits for when an input has nothing to give', async () => {
    const path = join(scratch, 'fifo');
    execFileSync('mkfifo', [path]);
    const run = new Run([...base, ...servers, path]);
    while (!run.stderr.endsWith('\n')) await once(run.child.stderr!, 'data');
    expect(run.stderr).toBe(`Still waiting for the input to open: ${path}.\n`);
    expect(await interrupt(run)).toBeLessThan(2000);
  });

  it('ends by itself, with 0, at the end of its input', async () => {
    const path = join(scratch, 'beep.wav');
    await writeFile(path, wav(2));
    const run = new Run([...base, ...servers, path]);
    await run.event('registered');
    expect(await run.exit).toBe(0);
    expect(run.stderr).toContain('The input came to its end.\n');
  });

  it('ends quietly when nobody reads its output any more', async () => {
    const run = new Run([...base, ...servers, '--stats-interval=0.1', small]);
    await run.event('registered');
    run.child.stdout!.destroy();
    expect(await run.exit).toBe(0);
    expect(run.stderr).not.toMatch(/EPIPE|\n {4}at /);
  });

  it('speaks to people without --json', async () => {
    const run = new Run(['sink', '--stun-server=none', ...servers, small]);
    while (!run.stdout.includes('Ctrl-C')) await once(run.child.stdout!, 'data');
    await interrupt(run);
    expect(run.stdout).toMatch(/^Open http:\/\/127\.0\.0\.1:\d+\/ in a browser to watch\.\n/);
    expect(run.stderr).toBe('');
  });
});

describe('what keeps it from starting', () => {
  it.each(['--signalling-server-port', '--web-server-host-addr'])(
    'is told in one sentence when the port of %s is taken',
    async (flag) => {
      const { server, port } = await occupy();
      try {
        const value = flag === '--web-server-host-addr' ? `http://127.0.0.1:${port}` : String(port);
        const run = new Run([...base, ...servers, flag, value, small]);
        expect(await run.exit).toBe(1);
        expect(run.events().filter(({ event }) => event === 'error')).toMatchObject([{ code: 'ADDRESS_IN_USE' }]);
        expect(run.stderr).toMatch(new RegExp(`^[^\\n]*${port}[^\\n]*\\n$`));
      } finally {
        server.close();
      }
    },
  );

  it.each(['signalling-server', 'web-server'])('is a certificate of the %s that cannot be read', async (name) => {
    const path = join(scratch, 'none.pem');
    const result = await finish('sink', ...servers, `--${name}-cert=${path}`, `--${name}-key=${path}`, small);
    expect(result).toMatchObject({ code: 1, stderr: expect.stringMatching(/^[^\n]*none\.pem[^\n]*\n$/) });
    expect(await finish('sink', ...servers, `--${name}-cert=${path}`, small)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^[^\n]*key[^\n]*\n$/),
    });
  });

  it('is a file that holds no media', async () => {
    const path = join(scratch, 'notes.txt');
    await writeFile(path, 'no media at all');
    const { code, stderr } = await finish('sink', ...servers, path);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^[^\n]*notes\.txt[^\n]*\n$/);
  });
});

/** A mono WAV file of silence: `duration` seconds of 16-bit samples at 48 kHz. */
function wav(duration: number): Buffer {
  const size = Math.round(duration * 48_000) * 2;
  const file = Buffer.alloc(44 + size);
  file.write('RIFF', 0);
  file.writeUInt32LE(36 + size, 4);
  file.write('WAVEfmt ', 8);
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(1, 22);
  file.writeUInt32LE(48_000, 24);
  file.writeUInt32LE(96_000, 28);
  file.writeUInt16LE(2, 32);
  file.writeUInt16LE(16, 34);
  file.write('data', 36);
  file.writeUInt32LE(size, 40);
  return file;
}
