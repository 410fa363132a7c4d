/** A connection to an RTSP server: one request after the other, and what comes interleaved. */
import net from 'node:net';
import tls from 'node:tls';
import { Authorizer, type Credentials } from './authorization.ts';
import { formatRequest, RtspParser, type RtspResponse } from './rtsp-messages.ts';

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'rtsp:': 554, 'rtsps:': 322 };

export interface RtspConnectionOptions {
  readonly url: URL;
  /** ms for the connection and for each answer. */
  readonly timeout: number;
  /** Whether to do without a proof of who the server is. */
  readonly insecureTls: boolean;
  readonly onPacket: (channel: number, data: Uint8Array) => void;
  readonly onLost: (error: Error) => void;
}

/** What is read at once at most, bytes: a frame and more. */
const READ_SIZE = 65_536;
/** What a goodbye may take to leave, ms. */
const LEAVE_TIME = 250;

/** What TLS says of a certificate that proves nothing. */
const UNPROVEN = /CERT|UNABLE_TO_VERIFY/;
const unproven = ({ message }: Error): string =>
  `its certificate does not prove who it is (${message}); "insecure-tls" (insecureTls) does without a proof`;

/** Takes what was read, before it returns. */
interface Reader {
  take: (bytes: Buffer) => void;
}

export class RtspConnection {
  readonly #options: RtspConnectionOptions;
  readonly #socket: net.Socket;
  readonly #parser = new RtspParser();
  readonly #answers: { resolve(response: RtspResponse): void; reject(error: Error): void }[] = [];
  #authorizer: Authorizer | undefined;
  #sequence = 0;
  #session: string | undefined;
  #lost: Error | undefined;

  private constructor(options: RtspConnectionOptions, socket: net.Socket, reader: Reader) {
    this.#options = options;
    this.#socket = socket;
    socket.setNoDelay(true);
    reader.take = (bytes) => this.#onData(bytes);
    socket.on('error', (error) => this.#lose(error));
    socket.on('close', () => this.#lose(new Error('the server closed the connection')));
  }

  /** Rejects where the server cannot be reached; why, without a full stop. */
  static async open(options: RtspConnectionOptions, signal: AbortSignal): Promise<RtspConnection> {
    const { url, timeout, insecureTls } = options;
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
    const port = Number(url.port) || DEFAULT_PORTS[url.protocol]!;
    const secure = url.protocol === 'rtsps:';
    const reader: Reader = { take: () => {} };
    const socket = secure
      ? tls.connect({ host, port, rejectUnauthorized: !insecureTls, ...(net.isIP(host) ? {} : { servername: host }) })
      : net.connect({
          host,
          port,
          // Into the same memory again and again: packets come by the hundred, and Node would make 64 KB for each read.
          onread: {
            buffer: Buffer.alloc(READ_SIZE),
            callback: (size, bytes) => {
              reader.take(Buffer.from(bytes.buffer, bytes.byteOffset, size));
              return true;
            },
          },
        });
    if (secure) socket.on('data', (bytes) => reader.take(bytes));
    try {
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`it does not answer within ${timeout / 1000} s`)), timeout);
        const abort = (): void => reject(new Error('it was given up'));
        signal.addEventListener('abort', abort, { once: true });
        socket.once(secure ? 'secureConnect' : 'connect', () => resolve());
        socket.once('error', reject);
        const settle = (): void => {
          clearTimeout(timer);
          signal.removeEventListener('abort', abort);
        };
        socket.once('close', settle).once(secure ? 'secureConnect' : 'connect', settle);
      });
      signal.throwIfAborted();
      return new RtspConnection(options, socket, reader);
    } catch (error) {
      socket.destroy();
      throw UNPROVEN.test((error as NodeJS.ErrnoException).code ?? '')
        ? new Error(unproven(error as Error), { cause: error })
        : error;
    }
  }

  get localAddress(): string | undefined {
    return this.#socket.localAddress;
  }

  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress;
  }

  /** The answer to a request, which may be any; asked for credentials it gives them. Rejects where the connection is lost. */
  async request(method: string, uri: string, headers: Readonly<Record<string, string>> = {}): Promise<RtspResponse> {
    const response = await this.#ask(method, uri, headers);
    const challenge = response.headers.get('www-authenticate');
    const credentials = this.#credentials;
    if (response.status !== 401 || challenge === undefined || !credentials) return response;
    this.#authorizer = Authorizer.from(challenge, credentials);
    return this.#authorizer ? this.#ask(method, uri, headers) : response;
  }

  /** Takes leave by `TEARDOWN`, for the answer of which nobody waits. Idempotent. */
  close(control: string): void {
    if (this.#lost) return;
    void this.#ask('TEARDOWN', control, {}).catch(() => {});
    // At once, the goodbye might be lost with what is not read yet.
    this.#socket.end();
    setTimeout(() => this.#socket.destroy(), LEAVE_TIME);
    this.#lose(new Error('it was closed'), false);
  }

  get #credentials(): Credentials | undefined {
    const { username, password } = this.#options.url;
    if (username === '' && password === '') return undefined;
    return { username: decodeURIComponent(username), password: decodeURIComponent(password) };
  }

  async #ask(method: string, uri: string, headers: Readonly<Record<string, string>>): Promise<RtspResponse> {
    if (this.#lost) throw this.#lost;
    const { timeout } = this.#options;
    const authorization = this.#authorizer?.header(method, uri);
    this.#socket.write(
      formatRequest(method, uri, {
        CSeq: ++this.#sequence,
        'User-Agent': 'tswebrtc',
        ...(this.#session === undefined ? {} : { Session: this.#session }),
        ...(authorization === undefined ? {} : { Authorization: authorization }),
        ...headers,
      }),
    );
    let timer: NodeJS.Timeout | undefined;
    try {
      const response = await new Promise<RtspResponse>((resolve, reject) => {
        this.#answers.push({ resolve, reject });
        timer = setTimeout(() => this.#lose(new Error(`it does not answer within ${timeout / 1000} s`)), timeout);
      });
      this.#session = response.headers.get('session')?.replace(/;.*$/s, '').trim() ?? this.#session;
      return response;
    } finally {
      clearTimeout(timer);
    }
  }

  #onData(bytes: Buffer): void {
    try {
      for (const message of this.#parser.push(bytes)) {
        if ('channel' in message) this.#options.onPacket(message.channel, message.data);
        else this.#answers.shift()?.resolve(message);
      }
    } catch (error) {
      this.#lose(error as Error);
    }
  }

  #lose(error: Error, atOnce = true): void {
    if (this.#lost) return;
    this.#lost = error;
    if (atOnce) this.#socket.destroy();
    for (const { reject } of this.#answers.splice(0)) reject(error);
    this.#options.onLost(error);
  }
}
