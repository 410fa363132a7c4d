import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { request as httpsRequest } from 'node:https';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebServer, type WebServerOptions } from './web-server.ts';

let scratch: string;
let site: string;
const open: WebServer[] = [];

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'web-server-'));
  site = join(scratch, 'site');
  await mkdir(join(site, 'assets'), { recursive: true });
  await writeFile(join(scratch, 'secret.txt'), 'secret');
  await writeFile(join(site, 'index.html'), '<!doctype html><title>Streams</title>');
  await writeFile(join(site, 'assets', 'page.js'), 'export {};');
  await writeFile(join(site, '.env'), 'secret');
  await symlink(join(scratch, 'secret.txt'), join(site, 'link.txt'));
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => server.close()));
});
afterAll(() => rm(scratch, { recursive: true }));

async function listen(options: Partial<WebServerOptions> = {}): Promise<WebServer> {
  const server = await WebServer.listen({
    hostAddr: 'http://127.0.0.1:0',
    directory: site,
    config: () => ({ signalling: { port: 8443, tls: false, path: '/' }, iceServers: [] }),
    ...options,
  });
  open.push(server);
  return server;
}

/** Sends a request line as it is: `fetch` would tidy the path up. */
function rawGet(port: number, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`));
    let answer = '';
    socket.on('data', (data) => (answer += data));
    socket.on('end', () => resolve(answer));
    socket.on('error', reject);
  });
}

describe('pages', () => {
  it('serves index.html at the root and scripts as scripts', async () => {
    const { url } = await listen();
    const page = await fetch(url);
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toMatch(/^text\/html/);
    expect(page.headers.get('x-content-type-options')).toBe('nosniff');
    expect(await page.text()).toContain('Streams');
    const script = await fetch(`${url}assets/page.js`);
    expect(script.headers.get('content-type')).toMatch(/^text\/javascript/);
    expect(await script.text()).toBe('export {};');
  });

  it('answers "unchanged" to who has the file already', async () => {
    const { url } = await listen();
    const etag = (await fetch(url)).headers.get('etag')!;
    const again = await fetch(url, { headers: { 'If-None-Match': etag } });
    expect(again.status).toBe(304);
    expect(await again.text()).toBe('');
  });

  it('answers HEAD with the length and no body, and refuses to be written to', async () => {
    const { url } = await listen();
    const head = await fetch(url, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '37', '']);
    const post = await fetch(url, { method: 'POST', body: 'x' });
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  it('tells the page where the signalling server is, as it is now', async () => {
    let port = 1000;
    const { url } = await listen({ config: () => ({ signalling: { port: ++port } }) });
    expect(await (await fetch(`${url}config.json`)).json()).toEqual({ signalling: { port: 1001 } });
    const second = await fetch(`${url}config.json`);
    expect(second.headers.get('cache-control')).toBe('no-store');
    expect(await second.json()).toEqual({ signalling: { port: 1002 } });
  });

  it('serves everything under a path prefix and nothing beside it', async () => {
    const { url, port } = await listen({ path: '/live/tv' });
    expect(url).toBe(`http://127.0.0.1:${port}/live/tv/`);
    expect((await fetch(url)).status).toBe(200);
    expect((await fetch(`${url}config.json`)).status).toBe(200);
    expect((await fetch(url.slice(0, -1))).url).toBe(url);
    expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(404);
  });

  it('sends a directory without its slash to the one with it, so that relative links work', async () => {
    const { url } = await listen();
    const answer = await fetch(`${url}assets`, { redirect: 'manual' });
    expect([answer.status, answer.headers.get('location')]).toEqual([308, './assets/']);
  });

  it('fails one request, not the server, when the configuration cannot be made', async () => {
    const { url } = await listen({
      config: () => {
        throw new Error('no');
      },
    });
    expect((await fetch(`${url}config.json`)).status).toBe(500);
    expect((await fetch(url)).status).toBe(200);
  });
});

describe('figures', () => {
  /** The first events of a stream, as objects. */
  async function events(answer: Response, count: number): Promise<unknown[]> {
    const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    while (text.split('\n\n').length <= count) {
      const { done, value } = await reader.read();
      if (done) break;
      text += value;
    }
    await reader.cancel();
    return text
      .split('\n\n')
      .slice(0, count)
      .map((event) => JSON.parse(event.replace(/^data: /, '')));
  }

  it('are sent as events while they change, beside the page wherever it is', async () => {
    let rate = 0;
    const { url } = await listen({ path: 'live', stats: async () => ({ rate: ++rate }) });
    const answer = await fetch(`${url}stats?interval=200`, { headers: { Accept: 'text/event-stream' } });
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
    expect(await events(answer, 3)).toEqual([{ rate: 1 }, { rate: 2 }, { rate: 3 }]);
    expect(await (await fetch(`${url}config.json`)).json()).toMatchObject({ stats: true });
  });

  it('are not computed any longer once the listener has gone', async () => {
    let asked = 0;
    const { url } = await listen({ stats: async () => ({ asked: ++asked }) });
    const abort = new AbortController();
    const headers = { Accept: 'text/event-stream' };
    await events(await fetch(`${url}stats?interval=200`, { headers, signal: abort.signal }), 1);
    abort.abort();
    // All places are free again: sixteen listen, which they could not if the first still did.
    await expect
      .poll(async () => {
        const answers = await Promise.all(Array.from({ length: 16 }, () => fetch(`${url}stats`, { headers })));
        await Promise.all(answers.map((answer) => answer.body?.cancel()));
        return answers.every(({ status }) => status === 200);
      })
      .toBe(true);
  });

  it('end with the server', async () => {
    const server = await listen({ stats: async () => ({}) });
    const answer = await fetch(`${server.url}stats`, { headers: { Accept: 'text/event-stream' } });
    const ended = answer.text().catch(() => 'cut');
    await server.close();
    expect(await ended).toMatch(/^cut$|^data: \{\}\n\n$/);
  });

  it('fail one request where they cannot be made', async () => {
    const { url } = await listen({ stats: () => Promise.reject(new Error('no')) });
    expect((await fetch(`${url}stats`)).status).toBe(500);
    expect((await fetch(url)).status).toBe(200);
  });

  it('are not there where none are given', async () => {
    const { url } = await listen();
    expect((await fetch(`${url}stats`)).status).toBe(404);
    expect(await (await fetch(`${url}config.json`)).json()).not.toHaveProperty('stats');
  });
});

describe('what it must not serve', () => {
  it.each([
    '/../secret.txt',
    '/%2e%2e/secret.txt',
    '/..%2fsecret.txt',
    '/assets/..%2f..%2fsecret.txt',
    '/assets/..%5c..%5csecret.txt',
    '//etc/passwd',
    '/%00',
    '/%zz',
    '/link.txt',
    '/.env',
    '/assets/',
    '/index.html/',
    '/missing',
  ])('%s', async (path) => {
    const { port } = await listen();
    const answer = await rawGet(port, path);
    expect(answer).toMatch(/^HTTP\/1\.1 40[04] /);
    expect(answer).not.toContain('secret\n');
    expect(answer.split('\r\n\r\n')[1]).not.toContain('secret');
  });
});

describe('TLS', () => {
  let cert: string;
  let key: string;
  beforeAll(() => {
    cert = join(scratch, 'cert.pem');
    key = join(scratch, 'key.pem');
    const subject = ['-subj', '/CN=localhost', '-days', '2'];
    execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, ...subject], {
      stdio: 'ignore',
    });
  });

  it('serves https with a certificate and its key', async () => {
    const { url } = await listen({ cert, key });
    expect(url).toMatch(/^https:/);
    const status = await new Promise((resolve, reject) => {
      httpsRequest(url, { rejectUnauthorized: false }, (answer) => resolve(answer.resume().statusCode))
        .on('error', reject)
        .end();
    });
    expect(status).toBe(200);
  });

  it('never falls back to plain text', async () => {
    const refused = { code: 'CERTIFICATE_UNREADABLE' };
    const garbage = join(scratch, 'secret.txt');
    await expect(listen({ cert })).rejects.toMatchObject({ ...refused, message: expect.stringContaining('web-server-key') });
    await expect(listen({ key })).rejects.toMatchObject({ ...refused, message: expect.stringContaining('web-server-cert') });
    await expect(listen({ hostAddr: 'https://127.0.0.1:0' })).rejects.toMatchObject(refused);
    await expect(listen({ cert: '/no/such.pem', key })).rejects.toMatchObject({
      ...refused,
      message: 'The web server cannot read the certificate file /no/such.pem: there is no such file.',
    });
    await expect(listen({ cert: garbage, key })).rejects.toMatchObject(refused);
  });
});

describe('life-cycle', () => {
  it('names host and port and the remedy when the port is taken', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    try {
      await expect(listen({ hostAddr: `http://127.0.0.1:${port}` })).rejects.toMatchObject({
        code: 'ADDRESS_IN_USE',
        message: expect.stringMatching(new RegExp(`127\\.0\\.0\\.1 port ${port}.*web-server-host-addr`)),
      });
    } finally {
      other.close();
    }
  });

  it('refuses a directory that is not there', async () => {
    await expect(listen({ directory: join(scratch, 'nowhere') })).rejects.toMatchObject({
      code: 'LISTEN_FAILED',
      message: expect.stringContaining('nowhere'),
    });
  });

  it('closes at once even while a client keeps its connection open', async () => {
    const server = await listen();
    const idle = connect(server.port, '127.0.0.1');
    await new Promise((resolve) => idle.once('connect', resolve));
    await fetch(server.url);
    const gone = new Promise((resolve) => idle.once('close', resolve));
    idle.on('error', () => {});
    await server.close();
    await server.close();
    await gone;
    await expect(fetch(server.url)).rejects.toThrow();
  });

  it('closes when its signal is aborted, and does not open after that', async () => {
    const abort = new AbortController();
    const server = await listen({ signal: abort.signal });
    abort.abort(new Error('enough'));
    await server.close();
    await expect(fetch(server.url)).rejects.toThrow();
    await expect(listen({ signal: abort.signal })).rejects.toThrow('enough');
  });
});
