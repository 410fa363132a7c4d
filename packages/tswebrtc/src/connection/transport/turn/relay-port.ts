/** A relay (RFC 8656) as a port of ICE's: the socket to the TURN server, the clock of its allocation, and their end. */
import { isIPv6 } from 'node:net';
import type { TlsOptions } from '../../../common/tls-options.ts';
import type { Address, DatagramPort } from '../datagram-port.ts';
import type { TurnServer } from '../ice-servers.ts';
import { UdpPort } from '../udp-port.ts';
import { TurnClient, type TurnFailure } from './turn-client.ts';
import type { TurnCredentials } from './turn-requests.ts';
import { TurnStream } from './turn-stream.ts';

/** ms to reach the server, its handshakes included; then it has 3 s to answer. */
const CONNECT_TIMEOUT = 5000;
/** Servers may send us on (RFC 8489 §10); not in circles. */
const MOST_ALTERNATES = 2;
/** `setTimeout` takes no more. */
const LONGEST_TIMER = 2 ** 31 - 1;

const SENT = Promise.resolve();

/** What is between the client and its server. */
interface Link {
  send(frame: Buffer): void;
  close(): void;
}

export class RelayPort implements DatagramPort {
  readonly type = 'relay';
  readonly server: TurnServer;
  onData: (datagram: Buffer, from: Address) => void = () => {};
  /** The relay is lost, or will be at `expiresAt`; called once. */
  onLost: (failure: TurnFailure) => void = () => {};
  /** Where peers reach us. */
  relayed: Address = ['', 0];
  /** What the server sees of us. */
  mapped: Address = ['', 0];
  readonly #client: TurnClient;
  #link: Link | undefined;
  #timer: NodeJS.Timeout | undefined;
  #settle: ((failure?: TurnFailure) => void) | undefined;
  #closing: Promise<void> | undefined;

  /**
   * Rejects with a sentence of why not, when the server is not reached, does not answer or refuses. The abort of `signal` gives it
   * up; once it is allocated, its owner closes it.
   */
  static async allocate(server: TurnServer, address: Address, tls: TlsOptions, signal: AbortSignal): Promise<RelayPort> {
    let at = address;
    for (let hops = 0; ; hops++) {
      const port = new RelayPort(server);
      const failure = await port.#allocate(at, tls, signal);
      if (!failure) return port;
      if (!failure.alternate || hops === MOST_ALTERNATES) throw new Error(failure.reason);
      at = failure.alternate;
    }
  }

  private constructor(server: TurnServer) {
    this.server = server;
    this.#client = new TurnClient(server, server.transport !== 'udp', {
      send: (frame) => this.#link?.send(frame),
      data: (data, from) => this.onData(data, from),
      allocated: (relayed, mapped) => {
        this.relayed = relayed;
        this.mapped = mapped;
        this.#settle?.();
      },
      failed: (failure) => this.#failed(failure),
      schedule: (time) => this.#schedule(time),
    });
  }

  get closed(): boolean {
    return this.#closing !== undefined || this.#client.ended;
  }

  setCredentials(credentials: TurnCredentials): void {
    this.#client.setCredentials(credentials);
  }

  /** Asks the server whether it is still there; `onLost` tells soon if it is not. */
  probe(): void {
    this.#client.probe(performance.now());
  }

  readonly send = (datagram: Uint8Array, to?: Address): Promise<void> => {
    if (to && !this.#closing) this.#client.send(datagram, to, performance.now());
    return SENT;
  };

  readonly close = (): Promise<void> => {
    this.#closing ??= (async () => {
      clearTimeout(this.#timer);
      this.#client.close();
      // What says goodbye leaves first.
      await new Promise(setImmediate);
      this.#link?.close();
    })();
    return this.#closing;
  };

  /** Resolves with what went wrong, if it did; closed then. */
  async #allocate(address: Address, tls: TlsOptions, signal: AbortSignal): Promise<TurnFailure | undefined> {
    const abort = (): void => {
      this.#settle?.({ reason: 'given up' });
      void this.close();
    };
    signal.addEventListener('abort', abort, { once: true });
    let failure: TurnFailure | undefined;
    try {
      this.#link = await this.#connect(address, tls, signal);
      signal.throwIfAborted();
      failure = await new Promise<TurnFailure | undefined>((resolve) => {
        this.#settle = resolve;
        if (this.closed) resolve({ reason: 'the server closed the connection' });
        else this.#client.allocate(performance.now());
      });
    } catch (error) {
      failure = { reason: error instanceof Error ? error.message : String(error) };
    }
    this.#settle = undefined;
    signal.removeEventListener('abort', abort);
    if (failure) await this.close();
    return failure;
  }

  async #connect(address: Address, tls: TlsOptions, signal: AbortSignal): Promise<Link> {
    const { transport, host } = this.server;
    const receive = (frame: Buffer): void => this.#client.receive(frame, performance.now());
    if (transport === 'udp') {
      const port = await UdpPort.bind(isIPv6(address[0]) ? '::' : '0.0.0.0');
      port.onData = (datagram, from) => {
        if (from[1] === address[1] && from[0] === address[0]) receive(datagram);
      };
      return { send: (frame) => void port.send(frame, address), close: () => void port.close() };
    }
    const timeout = new AbortController();
    const timer = setTimeout(() => timeout.abort(new Error(`not reached within ${CONNECT_TIMEOUT / 1000} s`)), CONNECT_TIMEOUT);
    try {
      const closed = (reason: string): void => this.#failed({ reason });
      const both = AbortSignal.any([signal, timeout.signal]);
      return await TurnStream.connect(transport, address, host, tls, { frame: receive, closed }, both);
    } finally {
      clearTimeout(timer);
    }
  }

  #failed(failure: TurnFailure): void {
    if (this.#closing) return;
    if (this.#settle) {
      this.#settle(failure);
      return;
    }
    this.onLost(failure);
    this.onLost = () => {};
    if (failure.expiresAt === undefined) void this.close();
  }

  #schedule(time: number): void {
    clearTimeout(this.#timer);
    if (this.#closing) return;
    this.#timer = setTimeout(
      () => {
        this.#client.advance(performance.now());
        if (this.#client.ended) void this.close();
      },
      Math.min(LONGEST_TIMER, Math.max(0, time - performance.now())),
    );
  }
}
