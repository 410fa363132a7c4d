/** The signalling server as its users see it. */
import type { AddressInfo } from 'node:net';
import { AccessTokens } from './access-tokens.ts';
import { serverUrls } from './addresses.ts';
import { loadCertificate } from './certificate.ts';
import { Engine } from './engine.ts';
import { silentLogger } from './logger.ts';
import { resolveOptions, type SignallingServerOptions } from './options.ts';

/** RFC 6455 §7.4.1: going away. */
const GOING_AWAY = 1001;

export interface CloseOptions {
  /**
   * The WebSocket close code that peers get: 1001, going away, by default; 1012 tells them that the service restarts, so that
   * they come back.
   */
  readonly code?: 1001 | 1012;
  /**
   * ms over which the peers are let go, so that they do not come back all at once; 0 by default. Meanwhile nobody new is let in
   * and `/readyz` answers 503.
   */
  readonly drainTime?: number;
}

export class SignallingServer {
  /** The URIs at which the server can be reached, most local first. */
  readonly urls: readonly string[];
  /** The address the server is bound to. */
  readonly address: string;
  /** The TCP port the server is bound to, also where port 0 was asked for. */
  readonly port: number;
  /** The TCP port of the metrics where they have one of their own. */
  readonly metricsPort: number | undefined;
  readonly #engine: Engine;
  readonly #files: Pick<SignallingServerOptions, 'cert' | 'key'>;

  private constructor(engine: Engine, bound: AddressInfo, { cert, key }: SignallingServerOptions) {
    this.#engine = engine;
    this.#files = { ...(cert === undefined ? {} : { cert }), ...(key === undefined ? {} : { key }) };
    this.address = bound.address;
    this.port = bound.port;
    this.metricsPort = engine.metricsPort;
    this.urls = serverUrls(bound, cert !== undefined);
  }

  /**
   * Starts a server; resolves when it accepts connections. Rejects with a `SignallingServerError`: `INVALID_OPTION`,
   * `CERTIFICATE_UNREADABLE` (TLS was asked for and cannot be had), `KEYS_UNREADABLE`, `CLUSTER_UNREACHABLE`, `ADDRESS_IN_USE`
   * or `LISTEN_FAILED`.
   */
  static async listen(options: SignallingServerOptions = {}): Promise<SignallingServer> {
    const { cert, key, cluster, signal, logger = silentLogger } = options;
    const resolved = resolveOptions(options);
    signal?.throwIfAborted();
    const tls = await loadCertificate(cert, key);
    const tokens = options.tokens && (await AccessTokens.load(options.tokens));
    signal?.throwIfAborted();
    const engine = new Engine(resolved, { tls, tokens, cluster, logger });
    const server = new SignallingServer(engine, await engine.listen(), options);
    if (signal) {
      const close = (): void => void server.close();
      signal.addEventListener('abort', close, { once: true });
      engine.onClosed = () => signal.removeEventListener('abort', close);
      if (signal.aborted) {
        await server.close();
        signal.throwIfAborted();
      }
    }
    return server;
  }

  /** Number of peers that are connected. */
  get peerCount(): number {
    return this.#engine.hub.peerCount;
  }

  /** Number of sessions that have started and not ended. */
  get sessionCount(): number {
    return this.#engine.hub.sessionCount;
  }

  /**
   * Reads the certificate and its key anew; connections from now on get them. Rejects with `CERTIFICATE_UNREADABLE`, and goes on
   * with those it has, where they cannot be used. Does nothing without TLS.
   */
  async reloadCertificate(): Promise<void> {
    const tls = await loadCertificate(this.#files.cert, this.#files.key);
    if (tls) this.#engine.setCertificate(tls);
  }

  /** Closes every peer's connection cleanly and stops listening; resolves when no socket is left. May be called again. */
  close({ code = GOING_AWAY, drainTime = 0 }: CloseOptions = {}): Promise<void> {
    return this.#engine.close(code, drainTime);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
