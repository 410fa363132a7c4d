/**
 * Everything around the page, for tests in a real browser: the page built afresh and served as the sink serves it, a
 * signalling server, and a producer made of a canvas and a tone in a page of its own, which speaks through the published
 * gstwebrtc-api.
 */
import { createReadStream, existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SignallingServer } from '@tswebrtc/signalling-server';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { build } from 'vite';
import { launchChromium } from '../../../interop/chromium.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

const POLICY = "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data: blob:; media-src 'self' blob: mediastream:";

const studio = fileURLToPath(new URL('..', import.meta.url));
const here = fileURLToPath(new URL('.', import.meta.url));

/** A producer in a page of its own; closing the page takes it off air without a goodbye. */
export interface Producer {
  readonly page: Page;
  readonly id: string;
}

export class StudioBench {
  readonly browser: Browser;
  signalling: SignallingServer;
  /** What `config.json` says; undefined: there is none. */
  config: object | undefined;
  /** Where the page lies, built. */
  readonly directory: string;
  readonly #http: Server;
  readonly #contexts: BrowserContext[] = [];

  private constructor(browser: Browser, signalling: SignallingServer, directory: string, http: Server) {
    this.browser = browser;
    this.signalling = signalling;
    this.directory = directory;
    this.#http = http;
    http.on('request', (request, response) => {
      const path = new URL(request.url ?? '/', 'http://page').pathname;
      if (path === '/config.json' && this.config) {
        response.setHeader('content-type', 'application/json').end(JSON.stringify(this.config));
        return;
      }
      const file = this.#file(path);
      if (!file) {
        response.writeHead(404).end();
        return;
      }
      response.setHeader('content-type', TYPES[extname(file)] ?? 'application/octet-stream');
      if (!path.startsWith('/producer')) response.setHeader('content-security-policy', POLICY);
      createReadStream(file).pipe(response);
    });
    this.announceSignalling();
  }

  static async start(): Promise<StudioBench> {
    const directory = await mkdtemp(join(tmpdir(), 'tswebrtc-studio-'));
    await build({ root: studio, logLevel: 'error', build: { outDir: directory } });
    const signalling = await SignallingServer.listen({ host: '127.0.0.1', port: 0 });
    const http = createServer();
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    const browser = await launchChromium(['--disable-features=WebRtcHideLocalIpsWithMdns']);
    return new StudioBench(browser, signalling, directory, http);
  }

  /** Address of the page. */
  get url(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}/`;
  }

  get signallingUrl(): string {
    return `ws://127.0.0.1:${this.signalling.port}`;
  }

  /** Lets `config.json` name the signalling server of now. */
  announceSignalling(): void {
    this.config = { signalling: { port: this.signalling.port, tls: false, path: '/' }, iceServers: [] };
  }

  /** Stops the signalling server; `start` brings another one to the same port. */
  async stopSignalling(): Promise<{ start(): Promise<void> }> {
    const { port } = this.signalling;
    await this.signalling.close();
    return {
      start: async () => {
        this.signalling = await SignallingServer.listen({ host: '127.0.0.1', port });
      },
    };
  }

  /** Opens the page (or that at another address); everything the browser complains about goes to `complaints`. */
  async open(address = '', size = { width: 1280, height: 800 }): Promise<{ page: Page; complaints: string[] }> {
    const page = await this.#newPage(size);
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      // A server that is away on purpose is no fault of the page.
      if (message.type() === 'error' && !/WebSocket connection|ERR_|404/.test(message.text())) complaints.push(message.text());
    });
    await page.goto(new URL(address, this.url).href);
    return { page, complaints };
  }

  /** Puts a moving picture and a tone on air. */
  async produce(meta: object, { hue = 200, sound = true } = {}): Promise<Producer> {
    const page = await this.#newPage({ width: 320, height: 240 });
    const query = new URLSearchParams({
      signalling: this.signallingUrl,
      meta: JSON.stringify(meta),
      hue: String(hue),
      sound: sound ? '1' : '0',
    });
    await page.goto(`${this.url}producer/index.html?${query}`);
    return { page, id: await onAir(page) };
  }

  async close(): Promise<void> {
    await Promise.all(this.#contexts.splice(0).map((context) => context.close()));
    await this.browser.close();
    await this.signalling.close();
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
    await rm(this.directory, { recursive: true, force: true });
  }

  /** Closes all pages, producers included. */
  async clear(): Promise<void> {
    await Promise.all(this.#contexts.splice(0).map((context) => context.close()));
  }

  async #newPage(viewport: { width: number; height: number }): Promise<Page> {
    const context = await this.browser.newContext({ viewport });
    this.#contexts.push(context);
    return context.newPage();
  }

  #file(path: string): string | undefined {
    const directory = path.startsWith('/producer/') ? here : this.directory;
    const file =
      path === '/producer/gstwebrtc-api.js'
        ? fileURLToPath(new URL('../../../node_modules/gstwebrtc-api/dist/gstwebrtc-api-3.0.0.esm.js', import.meta.url))
        : join(directory, normalize(path === '/' ? '/index.html' : path));
    return existsSync(file) ? file : undefined;
  }
}

/** Waits until the producer of a page is registered; its id. */
export async function onAir(page: Page): Promise<string> {
  await page.waitForSelector('body[data-id]', { state: 'attached' });
  return (await page.getAttribute('body', 'data-id')) as string;
}
