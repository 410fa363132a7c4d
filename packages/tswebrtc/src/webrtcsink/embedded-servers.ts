/** The signalling server and the web server that a sink runs by itself when asked to (reference §2.13). */
import {
  type CertificateFiles,
  SignallingServer,
  SignallingServerError,
  selfSignedCertificate,
} from '@tswebrtc/signalling-server';
import { TsWebRTCError } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import type { ResolvedSinkOptions } from './options.ts';
import { WebServer } from './web-server.ts';

export class EmbeddedServers {
  #signallingServer: SignallingServer | undefined;
  #webServer: WebServer | undefined;
  /** Where the sink itself reaches the signalling server it runs. */
  signallingUri: string | undefined;

  /**
   * Starts what the options ask for; resolves with the URLs, the page's first. Rejects with `ADDRESS_IN_USE`, `CERTIFICATE_UNREADABLE`, …
   * @param stats the sink's figures, for the page
   */
  async start(options: ResolvedSinkOptions, logger: Logger, stats?: () => Promise<object>): Promise<string[]> {
    const urls: string[] = [];
    const own = options.tls === 'self-signed' ? await selfSignedCertificate() : undefined;
    if (options.runSignallingServer) {
      const { signallingServerHost: host } = options;
      const { cert, key } = certificateFor(options.signallingServerCert, options.signallingServerKey, own);
      const server = await SignallingServer.listen({
        host,
        port: options.signallingServerPort,
        ...(cert ? { cert } : {}),
        ...(key ? { key } : {}),
        headers: options.signallingServerHeaders,
        metrics: false,
        logger: logger.child({ subsystem: 'signalling-server' }),
      }).catch((error: unknown) => {
        if (!(error instanceof SignallingServerError)) throw error;
        const hint = error.code === 'ADDRESS_IN_USE' ? ' (signalling-server-port; 0 takes any free one)' : '';
        throw new TsWebRTCError(error.code, error.message.replace(/\.$/, `${hint}.`), { cause: error });
      });
      this.#signallingServer = server;
      const scheme = cert && key ? 'wss' : 'ws';
      this.signallingUri = `${scheme}://${reachable(host)}:${server.port}`;
      urls.push(`${scheme}://${bracketed(host)}:${server.port}`);
    }
    if (options.runWebServer) {
      const port = this.#signallingServer?.port;
      const tls = this.signallingUri?.startsWith('wss') ?? false;
      const server = await WebServer.listen({
        hostAddr: options.webServerHostAddr,
        ...certificateFor(options.webServerCert, options.webServerKey, own),
        ...(options.webServerPath ? { path: options.webServerPath } : {}),
        ...(options.webServerDirectory ? { directory: options.webServerDirectory } : {}),
        config: () => ({
          ...(port === undefined ? {} : { signalling: { port, tls, path: '/' } }),
          iceServers: iceServers(options),
        }),
        ...(stats ? { stats } : {}),
        logger: logger.child({ subsystem: 'web-server' }),
      });
      this.#webServer = server;
      urls.unshift(server.url);
    }
    return urls;
  }

  async close(): Promise<void> {
    await Promise.all([this.#webServer?.close(), this.#signallingServer?.close()]);
  }
}

/** What was given counts, half of it too: the server says what is missing. */
function certificateFor(
  cert: string | null,
  key: string | null,
  own: CertificateFiles | undefined,
): { cert?: string; key?: string } {
  if (cert === null && key === null) return own ?? {};
  return { ...(cert ? { cert } : {}), ...(key ? { key } : {}) };
}

/** The page uses the STUN server that the sink uses. */
function iceServers(options: ResolvedSinkOptions): { urls: string }[] {
  return options.stunServer ? [{ urls: options.stunServer.replace('stun://', 'stun:') }] : [];
}

/** An address on which a server listens, as a client on this machine reaches it. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  if (host === '::' || host === '[::]') return '[::1]';
  return bracketed(host);
}

function bracketed(host: string): string {
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
}
