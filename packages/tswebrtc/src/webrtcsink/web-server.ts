/**
 * The sink's web server (reference §2.13): serves the page that lists and plays the streams, and tells it in `config.json`
 * where the signalling server is. Nothing but files of one directory leaves it, and the sink's figures where it is given them.
 */
import { readFile } from 'node:fs/promises';
import { createServer as createHttpServer, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { getRequestListener, type HttpBindings } from '@hono/node-server';
import { Hono } from 'hono';
import { TsWebRTCError } from '../common/errors.ts';
import { type Logger, silentLogger } from '../common/logger.ts';
import { isDirectory, serveFile } from './static-files.ts';
import { StatsStream } from './stats-stream.ts';

export interface WebServerOptions {
  /** Where to listen: `http://127.0.0.1:8080`; port 0 takes any free port. */
  readonly hostAddr: string;
  /** PEM files of a certificate chain and its key: both or neither. With them it serves https. */
  readonly cert?: string | null;
  readonly key?: string | null;
  /** Path under which the page is served. Default: the root. */
  readonly path?: string | null;
  /** Directory of the page. Default: the page that comes with this package. */
  readonly directory?: string | null;
  /** Contents of `config.json`, asked for at every request. */
  readonly config: () => object;
  /** The sink's figures, served at `stats`; `config.json` says `"stats": true` then. Asked for only while somebody listens. */
  readonly stats?: () => Promise<object>;
  readonly logger?: Logger;
  /** Closes the server. */
  readonly signal?: AbortSignal;
}

/** ms a client has to finish the TLS handshake. */
const HANDSHAKE_TIMEOUT = 5000;

const builtInPage = fileURLToPath(new URL('../../web/', import.meta.url));

/** For our own page only: a directory of somebody else's pages may have inline scripts and sets its own policy. */
const contentSecurityPolicy = [
  "default-src 'self'",
  "connect-src 'self' ws: wss:",
  "img-src 'self' data: blob:",
  "media-src 'self' blob: mediastream:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'self'",
].join('; ');

export class WebServer {
  /** Address of the page, as a browser on this machine reaches it. Ends with `/`. */
  readonly url: string;
  /** The port it really has. */
  readonly port: number;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;
  readonly #stats: StatsStream | undefined;
  #closed: Promise<void> | undefined;

  private constructor(server: Server, sockets: Set<Socket>, stats: StatsStream | undefined, url: string, port: number) {
    this.#server = server;
    this.#sockets = sockets;
    this.#stats = stats;
    this.url = url;
    this.port = port;
  }

  /**
   * Starts to listen. Rejects with `CERTIFICATE_UNREADABLE`, `ADDRESS_IN_USE` or `LISTEN_FAILED`, and with the signal's
   * reason when that was aborted first.
   */
  static async listen(options: WebServerOptions): Promise<WebServer> {
    const { signal, logger = silentLogger } = options;
    signal?.throwIfAborted();
    const address = new URL(options.hostAddr);
    const prefix = (options.path ?? '').split('/').filter(Boolean).map(encodeURIComponent).join('/');
    const root = prefix === '' ? '/' : `/${prefix}/`;
    const tls = await readCertificate(address, options);
    const stats = options.stats && new StatsStream({ source: options.stats, logger });
    const app = pages(root, options, await pageDirectory(options.directory), stats, logger);

    const listener = getRequestListener(app.fetch);
    const server = tls
      ? createHttpsServer({ ...tls, handshakeTimeout: HANDSHAKE_TIMEOUT }, listener)
      : createHttpServer(listener);
    const sockets = new Set<Socket>();
    server.on('connection', (socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });
    const host = address.hostname.replace(/^\[|\]$/g, '');
    const port = address.port === '' ? (address.protocol === 'https:' ? 443 : 80) : Number(address.port);
    await listen(server, host, port, options.hostAddr);
    server.on('error', (error) => logger.error({ err: error }, 'the web server failed'));

    const bound = (server.address() as AddressInfo).port;
    const here = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : address.hostname;
    const url = `${tls ? 'https' : 'http'}://${here}:${bound}${root}`;
    const webServer = new WebServer(server, sockets, stats, url, bound);
    if (signal?.aborted) {
      await webServer.close();
      signal.throwIfAborted();
    }
    const onAbort = (): void => void webServer.close();
    signal?.addEventListener('abort', onAbort, { once: true });
    server.once('close', () => signal?.removeEventListener('abort', onAbort));
    logger.info({ url }, 'web server listens');
    return webServer;
  }

  /** Stops listening and drops every connection. Idempotent. */
  close(): Promise<void> {
    this.#stats?.close();
    this.#closed ??= new Promise((resolve) => {
      this.#server.close(() => resolve());
      for (const socket of this.#sockets) socket.destroy();
    });
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** What is answered to which request: testable without a socket. */
function pages(
  root: string,
  options: WebServerOptions,
  directory: string | undefined,
  stats: StatsStream | undefined,
  logger: Logger,
): Hono<{ Bindings: HttpBindings }> {
  const app = new Hono<{ Bindings: HttpBindings }>();
  app.use(async (context, next) => {
    await next();
    context.res.headers.set('X-Content-Type-Options', 'nosniff');
    context.res.headers.set('Referrer-Policy', 'no-referrer');
    if (directory === builtInPage) context.res.headers.set('Content-Security-Policy', contentSecurityPolicy);
  });
  app.get(`${root}config.json`, (context) =>
    context.json({ ...options.config(), ...(stats ? { stats: true } : {}) }, 200, { 'Cache-Control': 'no-store' }),
  );
  if (stats) app.get(`${root}stats`, (context) => stats.respond(context.req.raw, () => context.env.incoming.destroy()));
  if (root !== '/') app.get(root.slice(0, -1), (context) => context.redirect(root, 308));
  app.get(`${root}*`, async (context) => {
    if (directory === undefined) return context.text('The page is not built yet: run "npm run build" and reload.\n', 503);
    const path = new URL(context.req.url).pathname.slice(root.length);
    return (await serveFile(directory, path, context.req.raw)) ?? context.notFound();
  });
  app.on(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT'], '*', (context) =>
    context.text('This server only answers GET and HEAD.\n', 405, { Allow: 'GET, HEAD' }),
  );
  app.notFound((context) => context.text('There is nothing here.\n', 404));
  app.onError((error, context) => {
    logger.error({ err: error, path: context.req.path }, 'a web request failed');
    return context.text('The server could not answer this request.\n', 500);
  });
  return app;
}

/** The directory to serve, or undefined when our own page has not been built. */
async function pageDirectory(directory: string | null | undefined): Promise<string | undefined> {
  if (await isDirectory(directory ?? builtInPage)) return directory ?? builtInPage;
  if (directory === null || directory === undefined) return undefined;
  throw new TsWebRTCError(
    'LISTEN_FAILED',
    `The web server cannot serve ${directory}, which is not a directory; set web-server-directory to the directory of the page.`,
  );
}

/** Fails closed: whoever asks for TLS never gets plain text instead. */
async function readCertificate(address: URL, options: WebServerOptions): Promise<{ cert: Buffer; key: Buffer } | undefined> {
  const { cert, key } = options;
  if (!cert && !key && address.protocol !== 'https:') return undefined;
  if (!cert || !key) {
    const missing = cert ? 'web-server-key' : key ? 'web-server-cert' : 'web-server-cert and web-server-key';
    throw new TsWebRTCError(
      'CERTIFICATE_UNREADABLE',
      `The web server cannot serve https without ${missing}; set ${cert || key ? 'it' : 'them'}.`,
    );
  }
  const [certPem, keyPem] = await Promise.all([readPem(cert, 'certificate'), readPem(key, 'key')]);
  try {
    createSecureContext({ cert: certPem, key: keyPem });
  } catch (cause) {
    throw new TsWebRTCError(
      'CERTIFICATE_UNREADABLE',
      `The web server cannot use the certificate ${cert} with the key ${key}: both must be PEM files and belong together.`,
      { cause },
    );
  }
  return { cert: certPem, key: keyPem };
}

async function readPem(path: string, what: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such file' : code === 'EACCES' ? 'permission denied' : (code ?? 'unreadable');
    throw new TsWebRTCError('CERTIFICATE_UNREADABLE', `The web server cannot read the ${what} file ${path}: ${why}.`, { cause });
  }
}

function listen(server: Server, host: string, port: number, hostAddr: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      reject(
        cause.code === 'EADDRINUSE'
          ? new TsWebRTCError(
              'ADDRESS_IN_USE',
              `The web server cannot listen on ${host} port ${port}: something else does; stop that, or choose another port with web-server-host-addr (port 0 takes any free one).`,
              { cause },
            )
          : new TsWebRTCError(
              'LISTEN_FAILED',
              `The web server cannot listen on ${hostAddr} (${cause.code ?? cause.message}); choose another address with web-server-host-addr.`,
              { cause },
            ),
      );
    });
    server.listen(port, host, () => {
      server.removeAllListeners('error');
      resolve();
    });
  });
}
