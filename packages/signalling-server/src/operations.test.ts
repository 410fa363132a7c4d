/** What those see and do who run a server: its health and figures, its end, its certificate, its log. */
import { spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { connect as connectTls } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { type CommandIo, DRAIN, runCommand } from './command.ts';
import { useServers } from './fixture.testing.ts';
import { selfSignedCertificate } from './self-signed.ts';
import { testCertificateFiles } from './test-certificate.testing.ts';
import { TestClient } from './test-client.testing.ts';

const { cleanups, listen, open } = useServers();

async function ask(port: number, path: string): Promise<{ status: number; body: string }> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  return { status: response.status, body: await response.text() };
}

describe('health and figures', () => {
  it('are told over HTTP, beside the WebSockets', async () => {
    const server = await listen();
    const [producer, consumer] = [await open(server, 'producer'), await open(server)];
    consumer.send({ type: 'startSession', peerId: producer.id });
    await consumer.next();
    expect(await ask(server.port, '/healthz')).toEqual({ status: 200, body: '{"status":"ok"}' });
    expect(await ask(server.port, '/readyz')).toEqual({ status: 200, body: '{"status":"ready"}' });
    const { body } = await ask(server.port, '/metrics');
    for (const line of [
      'signalling_peers 2',
      'signalling_sessions 1',
      'signalling_ready 1',
      'signalling_messages_received_total{type="startSession"} 1',
      'signalling_messages_sent_total{type="welcome"} 2',
    ])
      expect(body.split('\n')).toContain(line);
    expect(body).toMatch(/signalling_resident_memory_bytes \d{7}/);
    expect(await ask(server.port, '/')).toMatchObject({ status: 426 });
  });

  it('figures have a port of their own where one is given, and are nowhere where none are wanted', async () => {
    const server = await listen({ metrics: { host: '127.0.0.1', port: 0 } });
    expect((await ask(server.port, '/metrics')).status).toBe(426);
    const port = server.metricsPort!;
    expect((await ask(port, '/metrics')).body).toContain('signalling_peers 0');
    expect((await ask(port, '/healthz')).status).toBe(200);
    await server.close();
    await expect(ask(port, '/healthz')).rejects.toThrow();
    expect((await ask((await listen({ metrics: false })).port, '/metrics')).status).toBe(426);
  });
});

describe('the end', () => {
  it('with time for it, lets peers go one after the other with 1012 and is not ready meanwhile', async () => {
    const server = await listen();
    const clients = await Promise.all(Array.from({ length: 6 }, () => open(server)));
    let left = clients.length;
    const leftAt: number[] = [];
    const began = performance.now();
    const codes = clients.map(async ({ closed }) => {
      const { code } = await closed;
      leftAt.push(performance.now() - began);
      left--;
      return code;
    });
    const closing = server.close({ code: 1012, drainTime: 1500 });
    await Promise.race(codes);
    expect(await ask(server.port, '/readyz')).toEqual({
      status: 503,
      body: '{"status":"not ready","reason":"The server shuts down."}',
    });
    expect(left).toBeGreaterThan(0);
    const late = new TestClient(server.urls[0]!);
    await late.closed;
    expect(String(late.errors[0])).toContain('503');
    expect(await Promise.all(codes)).toEqual(Array(6).fill(1012));
    await closing;
    expect(leftAt.at(-1)! - leftAt[0]!).toBeGreaterThan(700);
    await expect(ask(server.port, '/healthz')).rejects.toThrow();
  });

  it('without anybody there takes no time', async () => {
    const server = await listen();
    const began = performance.now();
    await server.close({ code: 1012, drainTime: 20_000 });
    expect(performance.now() - began).toBeLessThan(2_000);
  });
});

/** The command in surroundings of the test's own. */
function start(...argv: string[]) {
  return startIn({}, ...argv);
}

function startIn(variables: Record<string, string>, ...argv: string[]) {
  const abort = new AbortController();
  const err: string[] = [];
  let reload = (): void => {};
  let told: (line: string) => void;
  const listening = new Promise<string>((resolve) => (told = resolve));
  const io: CommandIo = {
    name: 'server',
    stdout: (text) => told(text),
    stderr: (text) => void err.push(text),
    env: { TSWEBRTC_LOG: 'trace', ...variables },
    version: '0',
    signal: abort.signal,
    onReload: (listener) => {
      reload = listener;
      return () => {};
    },
  };
  const exit = runCommand(['-p', '0', '--json', ...argv], io);
  cleanups.push(async () => {
    abort.abort();
    await exit;
  });
  return {
    abort,
    err,
    exit,
    reload: () => reload(),
    url: () => listening.then((line) => (JSON.parse(line) as { urls: string[] }).urls[0]!),
  };
}

describe('the command', () => {
  it('on SIGTERM tells its peers that the service restarts', async () => {
    const { abort, exit, url } = start('--drain-time', '0.2');
    const client = await TestClient.open(await url());
    abort.abort(DRAIN);
    expect((await client.closed).code).toBe(1012);
    expect(await exit).toBe(0);
  });

  it('reads its certificate anew when it is told to, and keeps the old one where the new one is none', async () => {
    const { cert, key, folder, remove } = await testCertificateFiles();
    cleanups.push(remove);
    const command = start('--cert', cert, '--key', key);
    const port = Number(new URL(await command.url()).port);
    const subject = (): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
          resolve(new X509Certificate(socket.getPeerCertificate().raw).subject);
          socket.destroy();
        }).once('error', reject);
      });
    expect(await subject()).toBe('CN=localhost');
    const other = await selfSignedCertificate(`${folder}/other`);
    const { readFile } = await import('node:fs/promises');
    await writeFile(cert, await readFile(other.cert));
    await writeFile(key, await readFile(other.key));
    command.reload();
    await expect.poll(subject).toBe('CN=tswebrtc self-signed');
    await writeFile(cert, 'nothing');
    command.reload();
    await expect.poll(() => command.err.join('')).toContain('The certificate stays the one that was read before.');
    expect(await subject()).toBe('CN=tswebrtc self-signed');
  });

  it('logs objects of JSON where it is asked to, and bodies of messages at the level trace only', async () => {
    const { err, url } = start('--log-format', 'json');
    const client = await TestClient.open(await url(), { roles: ['producer'], meta: { note: 'body' } });
    client.socket.terminate();
    const entries = err.map((line) => JSON.parse(line) as { level: number; msg: string });
    expect(entries.find(({ msg }) => msg === 'A peer has connected.')).toMatchObject({ level: 30, peerId: client.id });
    expect(entries.filter((entry) => JSON.stringify(entry).includes('body')).map(({ level }) => level)).toEqual([10]);
  });

  it('reads its options, and says in one sentence what is wrong with them', async () => {
    const wrong = async (...argv: string[]) => {
      const command = start(...argv);
      return { code: await command.exit, words: command.err.join('') };
    };
    const { folder, remove } = await testCertificateFiles();
    cleanups.push(remove);
    await writeFile(`${folder}/empty`, '\n');
    for (const [argv, words] of [
      [['--max-peers', 'many'], '--max-peers is "many", but it must be a number, 0 at least. Try --help.'],
      [['--max-peers', '1.5'], '--max-peers is "1.5", but it must be a whole number. Try --help.'],
      [['--rate-limit', 'list'], '--rate-limit is "list", but it must be a kind and a number, such as list=20. Try --help.'],
      [
        ['--rate-limit', 'lists=4'],
        'There is no rate for "lists": name one of peer, startSession, setPeerStatus, list, invalid, ping.',
      ],
      [['--metrics', 'here'], '--metrics is "here", but it must be on, off, or an address such as 127.0.0.1:9090. Try --help.'],
      [['--tls', 'yes'], '--tls is "yes", but it must be self-signed. Try --help.'],
      [['--log-format', 'xml'], '--log-format is "xml", but it must be text or json. Try --help.'],
      [
        ['--origin', 'example.org'],
        'The origin "example.org" is none: write it as https://example.org, with its port if need be.',
      ],
      [
        ['--ice-server', 'turn:host'],
        'The TURN server turn:host needs credentials: give the secret that it shares with this server.',
      ],
      [['--token-issuer', 'us'], 'Tokens are signed with a secret or with the keys of a key set: give one of the two.'],
    ] as const)
      expect(await wrong(...argv)).toEqual({ code: 2, words: `${words}\n` });
    for (const variable of ['TSWEBRTC_TOKEN_SECRET', 'TSWEBRTC_TURN_SECRET', 'TSWEBRTC_CLUSTER']) {
      const command = startIn({ [variable]: ' ' });
      expect(await command.exit).toBe(1);
      expect(command.err.join('')).toBe(`The variable ${variable} is empty: give it its value, or unset it.\n`);
    }
    for (const [argv, words] of [
      [
        ['--token-secret-file', '/no/secret'],
        'The file /no/secret of --token-secret-file cannot be read: check its name and permissions.',
      ],
      [
        ['--turn-secret-file', `${folder}/empty`],
        `The file ${folder}/empty of --turn-secret-file is empty: it has to hold the secret.`,
      ],
      [
        ['--cert', `${folder}/cert.pem`],
        `The certificate file ${folder}/cert.pem was given without a key: give the file of its private key too.`,
      ],
    ] as const)
      expect(await wrong(...argv)).toEqual({ code: 1, words: `${words}\n` });
  });
});

it('two servers in one process count each for itself', async () => {
  const [one, two] = [await listen(), await listen()];
  await open(one);
  expect((await ask(one.port, '/metrics')).body).toContain('signalling_peers 1');
  expect((await ask(two.port, '/metrics')).body).toContain('signalling_peers 0');
});

it('a server that runs out of descriptors says so, and keeps those it has', async () => {
  const command = new URL('../bin/tswebrtc-signalling-server.js', import.meta.url).pathname;
  const child = spawn('sh', ['-c', `ulimit -n 300; exec "${process.execPath}" "${command}" --port 0 --json --max-peers 1000`], {
    env: { ...process.env, TSWEBRTC_LOG: 'warn' },
  });
  cleanups.push(() => child.kill('SIGKILL'));
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  const url = (JSON.parse(line) as { urls: string[] }).urls[0]!;
  const kept = await Promise.all(Array.from({ length: 200 }, () => TestClient.open(url)));
  cleanups.push(() => kept.forEach(({ socket }) => void socket.terminate()));
  const more = Array.from({ length: 60 }, () => new TestClient(url));
  cleanups.push(() => more.forEach(({ socket }) => void socket.terminate()));
  await Promise.race(more.map(({ closed }) => closed));
  await expect
    .poll(() => log)
    .toContain('There are no descriptors left for connections: raise the limit of open files (ulimit -n).');
  expect(log).toContain('The system allows fewer open files than there may be peers');
  expect(await kept[0]!.others()).toEqual([]);
});
