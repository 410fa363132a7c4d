/**
 * A WebSocket that comes back: connects, notices when the server is lost or silent, and tries again with growing pauses. It
 * knows nothing of what is said. Messages go out in the order in which they are given (one socket, one queue), and the
 * closing handshake is the single close operation of reference §1.9.
 */
import type { SecureContextOptions } from 'node:tls';
import { WebSocket } from 'ws';
import type { Backoff } from './backoff.ts';

export interface LinkOptions {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: SecureContextOptions & { readonly rejectUnauthorized: boolean };
  /** ms from the start of an attempt until `establish` has to be called. */
  readonly connectTimeout: number;
  readonly backoff: Backoff;
}

/** What the link tells its owner. */
export interface LinkOwner {
  /** The WebSocket is open. */
  opened(): void;
  text(text: string): void;
  /** An established connection is lost; the next attempt is made after `retryIn` ms. */
  lost(reason: string, retryIn: number): void;
  /** An attempt has failed; the next one is made after `retryIn` ms. */
  failed(cause: Error, retryIn: number): void;
}

/** After this long without a word from the server it is pinged, in ms. */
const PING_AFTER = 15_000;
/** How long the server has to answer, in ms. */
const PONG_TIMEOUT = 15_000;
/** How long the closing handshake may take, in ms. */
const CLOSE_TIMEOUT = 2_000;
/** How long `roundTrip` waits for a server that answers no pings, in ms. */
const ROUND_TRIP_TIMEOUT = 2_000;
/** Greatest message taken from a server, in bytes: lists grow with the number of peers. */
const MAX_MESSAGE_SIZE = 16 * 2 ** 20;

export class SignallingLink {
  readonly #options: LinkOptions;
  readonly #owner: LinkOwner;
  #socket: WebSocket | undefined;
  #isEstablished = false;
  #failure: Error | undefined;
  #connectTimer: NodeJS.Timeout | undefined;
  #retryTimer: NodeJS.Timeout | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #roundTripTimer: NodeJS.Timeout | undefined;
  #onRoundTrip: (() => void) | undefined;
  #lastHeard = 0;
  #pingSentAt = 0;
  #answersPings = false;
  #closing: Promise<void> | undefined;
  #onClosed: (() => void) | undefined;

  constructor(options: LinkOptions, owner: LinkOwner) {
    this.#options = options;
    this.#owner = owner;
  }

  /** Makes the first attempt. */
  open(): void {
    const { url, headers, tls, connectTimeout } = this.#options;
    this.#failure = undefined;
    this.#isEstablished = this.#answersPings = false;
    this.#pingSentAt = 0;
    this.#connectTimer = setTimeout(() => {
      this.#failure ??= new Error(`no answer within ${connectTimeout / 1000} s`);
      this.#socket?.terminate();
    }, connectTimeout);
    let socket: WebSocket;
    try {
      socket = new WebSocket(url, { ...tls, headers, perMessageDeflate: false, maxPayload: MAX_MESSAGE_SIZE });
    } catch (error) {
      this.#failure = error as Error;
      this.#ended('');
      return;
    }
    this.#socket = socket;
    socket.on('open', () => {
      this.#heard();
      this.#heartbeat = setInterval(() => this.#checkHeartbeat(), PING_AFTER / 3);
      if (!this.#closing) this.#owner.opened();
    });
    socket.on('message', (data, isBinary) => {
      this.#heard();
      if (!isBinary && !this.#closing) this.#owner.text((data as Buffer).toString('utf8'));
    });
    socket.on('ping', () => this.#heard());
    socket.on('pong', () => {
      this.#heard();
      this.#answersPings = true;
      this.#finishRoundTrip();
    });
    socket.on('error', (error) => {
      this.#failure ??= error;
    });
    socket.on('close', (code, reason) => this.#ended(closeReason(code, reason.toString('utf8'))));
  }

  /** The server has answered as a signalling server does: the connection counts as made. */
  establish(): void {
    clearTimeout(this.#connectTimer);
    this.#isEstablished = true;
    this.#options.backoff.reset();
  }

  /** Sends a message behind those sent before; false when there is no connection, and the message is lost. */
  send(text: string): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN || this.#closing) return false;
    this.#socket.send(text, ignore);
    return true;
  }

  /** Calls back when the server has read all that was sent so far; not at all when the connection ends before. */
  roundTrip(done: () => void): void {
    this.#onRoundTrip = done;
    this.#roundTripTimer = setTimeout(() => this.#finishRoundTrip(), ROUND_TRIP_TIMEOUT);
    this.#socket?.ping(undefined, undefined, ignore);
  }

  /** Sends what is queued, closes cleanly and stops trying; resolves when nothing is left. May be called again. */
  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      this.#onClosed = resolve;
    });
    this.#clearTimers();
    const socket = this.#socket;
    if (!socket) this.#onClosed?.();
    else if (socket.readyState === WebSocket.CONNECTING) socket.terminate();
    else {
      socket.close(1000);
      this.#connectTimer = setTimeout(() => socket.terminate(), CLOSE_TIMEOUT);
    }
    return this.#closing;
  }

  #ended(closeReason: string): void {
    this.#socket = undefined;
    this.#clearTimers();
    if (this.#closing) {
      this.#onClosed?.();
      return;
    }
    const retryIn = this.#options.backoff.next();
    this.#retryTimer = setTimeout(() => this.open(), retryIn);
    if (this.#isEstablished) this.#owner.lost(this.#failure ? describe(this.#failure) : closeReason, retryIn);
    else this.#owner.failed(this.#failure ?? new Error(closeReason), retryIn);
  }

  #heard(): void {
    this.#lastHeard = performance.now();
    this.#pingSentAt = 0;
  }

  #checkHeartbeat(): void {
    const now = performance.now();
    if (this.#pingSentAt !== 0) {
      // Who has never answered a ping may not know how to; who has, and falls silent, is gone.
      if (!this.#answersPings || now - this.#pingSentAt < PONG_TIMEOUT) return;
      this.#failure ??= new Error('the server does not answer any more');
      this.#socket?.terminate();
    } else if (now - this.#lastHeard >= PING_AFTER) {
      this.#pingSentAt = now;
      this.#socket?.ping(undefined, undefined, ignore);
    }
  }

  #finishRoundTrip(): void {
    clearTimeout(this.#roundTripTimer);
    const done = this.#onRoundTrip;
    this.#onRoundTrip = undefined;
    if (!this.#closing) done?.();
  }

  #clearTimers(): void {
    clearTimeout(this.#connectTimer);
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#roundTripTimer);
    clearInterval(this.#heartbeat);
    this.#onRoundTrip = undefined;
  }
}

/** A write that fails ends the connection, and that is where it is handled. */
function ignore(): void {}

/** What went wrong, in the words of the error; Node leaves those of a failed dual-stack connect to its parts. */
export function describe(error: Error): string {
  const explained = EXPLANATIONS[(error as NodeJS.ErrnoException).code ?? ''];
  if (explained) return explained;
  if (error.message) return error.message;
  const parts = (error as { errors?: unknown }).errors;
  if (Array.isArray(parts) && parts[0] instanceof Error) return describe(parts[0]);
  return (error as NodeJS.ErrnoException).code ?? error.name;
}

const UNKNOWN_AUTHORITY =
  'its certificate is not signed by an authority known here: name the certificate of that authority with signaller-cafile';

/** What TLS says in terms of its own. */
const EXPLANATIONS: Readonly<Record<string, string>> = {
  EPROTO: 'it does not speak TLS: is its scheme ws rather than wss?',
  DEPTH_ZERO_SELF_SIGNED_CERT: UNKNOWN_AUTHORITY,
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_AUTHORITY,
};

function closeReason(code: number, reason: string): string {
  return reason ? `closed by the server with code ${code}: ${reason}` : `closed by the server with code ${code}`;
}
