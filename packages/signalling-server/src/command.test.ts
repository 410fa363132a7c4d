import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { type CommandIo, runCommand } from './command.ts';
import { logLevel } from './log-level.ts';
import { SignallingServer } from './server.ts';
import { TestClient } from './test-client.testing.ts';

/** The command's surroundings; `listening` resolves with the first line on stdout. */
function surroundings() {
  const abort = new AbortController();
  const out: string[] = [];
  const err: string[] = [];
  let onLine: (line: string) => void;
  const listening = new Promise<string>((resolve) => (onLine = resolve));
  const io: CommandIo = {
    name: 'server',
    onReload: () => () => {},
    stdout: (text) => {
      out.push(text);
      onLine(text);
    },
    stderr: (text) => void err.push(text),
    env: {},
    version: '1.2.3',
    signal: abort.signal,
  };
  return { io, abort, out, err, listening };
}

describe('the command', () => {
  it('serves until interrupted, closes its peers cleanly and exits with 0', async () => {
    const { io, abort, err, listening } = surroundings();
    const exit = runCommand(['-p', '0', '--json'], io);
    const { event, time, urls } = JSON.parse(await listening) as { event: string; time: number; urls: string[] };
    expect(event).toBe('listening');
    expect(Math.abs(Date.now() - time)).toBeLessThan(10_000);
    const client = await TestClient.open(urls[0]!);
    abort.abort();
    expect(await exit).toBe(0);
    expect((await client.closed).code).toBe(1001);
    expect(err.join('')).not.toContain('Warning');
  });

  it('answers with the headers it is given when a WebSocket opens', async () => {
    const { io, abort, listening } = surroundings();
    const exit = runCommand(['-p', '0', '--json', '--header', 'X-Served-By=eu1', '--header=X-Policy=a=b, c'], io);
    const { urls } = JSON.parse(await listening) as { urls: string[] };
    const socket = new WebSocket(urls[0]!);
    const [{ headers }] = (await once(socket, 'upgrade')) as [IncomingMessage];
    expect([headers['x-served-by'], headers['x-policy']]).toEqual(['eu1', 'a=b, c']);
    socket.terminate();
    abort.abort();
    expect(await exit).toBe(0);
  });

  it('says so when others can reach the port', async () => {
    const { io, abort, err, listening } = surroundings();
    const exit = runCommand(['--port', '0', '--host', '0.0.0.0'], io);
    await listening;
    abort.abort();
    expect(await exit).toBe(0);
    expect(err.join('')).toContain('Warning');
  });

  it.each([
    [['--port', 'http']],
    [['--port', '65536']],
    [['--header', 'X-Served-By: eu1']],
    [['--prot', '1']],
    [['extra']],
    [['--port']],
  ])('exits with 2 and one line for %j', async (argv) => {
    const { io, err } = surroundings();
    expect(await runCommand(argv, io)).toBe(2);
    expect(err.join('')).toMatch(/^[^\n]+\. Try --help\.\n$/);
  });

  it('does not take an empty host for every network', async () => {
    const { io, err } = surroundings();
    expect(await runCommand(['--host=', '--port', '0'], io)).toBe(2);
    expect(err).toEqual(['The host is empty: give an address or name to listen on.\n']);
  });

  it('exits with 1 and one sentence when it cannot listen', async () => {
    const taken = await SignallingServer.listen({ port: 0 });
    const { io, err } = surroundings();
    expect(await runCommand(['-p', String(taken.port)], io)).toBe(1);
    expect(err).toEqual([expect.stringMatching(/^The port \d+ on 127\.0\.0\.1 is in use: [^\n]*\.\n$/)]);
    await taken.close();
  });

  it('prints its help and version on stdout', async () => {
    const { io, out } = surroundings();
    expect(await runCommand(['--help'], io)).toBe(0);
    expect(await runCommand(['-V'], io)).toBe(0);
    expect(out[0]).toContain('--cert');
    expect(out.at(-1)).toBe('1.2.3\n');
  });

  it.each([
    [undefined, 'info'],
    ['debug', 'debug'],
    ['congestion:trace,warn', 'warn'],
    ['gst_plugin_webrtc_signalling=trace', 'trace'],
    ['off', 'silent'],
    ['nonsense', 'info'],
  ])('reads the log level of %j', (filter, level) => {
    expect(logLevel(filter)).toBe(level);
  });
});
