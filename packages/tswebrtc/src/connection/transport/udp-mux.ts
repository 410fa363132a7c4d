/**
 * One UDP port for all connections of the process: a socket on each local address, all with the same number, for networks
 * where each open port has to be asked for. What comes is told apart by who sent it, and before that is known by the username
 * fragment of its checks (RFC 8445 §7.3); what nobody waits for is dropped before anything is made of it.
 */
import type { Socket } from 'node:dgram';
import { isIP, isIPv6 } from 'node:net';
import { TsWebRTCError } from '../../common/errors.ts';
import { type GatherLoopback, localAddresses } from './candidate.ts';
import type { Address } from './datagram-port.ts';
import { usernameFragmentOf } from './stun-username.ts';
import { bindSocket, type LocalPort } from './udp-port.ts';

const BINDING_REQUEST = 0x0001;
const BINDING_SUCCESS = 0x0101;
const BINDING_ERROR = 0x0111;
const STUN_HEADER = 20;
/** Remote addresses kept of one connection, the latest: a peer has a handful. */
const MOST_ROUTES = 64;
/** Connections with one remote address: a peer that has one port for all of its own has several. */
const MOST_SHARING = 16;
/** ms after which a check of ours is answered no more. */
const TRANSACTION_LIFETIME = 30_000;

/** Who is at one remote address. */
interface Route {
  readonly from: Address;
  readonly ports: MuxedPort[];
}

export class UdpMux {
  static readonly #open = new Map<number, { readonly mux: UdpMux; users: number }>();
  readonly port: number;
  readonly #sockets = new Map<string, Promise<SharedSocket>>();
  #closed = false;

  private constructor(port: number) {
    this.port = port;
  }

  /**
   * Opens `port` on every address of this host, or shares it with who has it open in this process. Rejects with
   * `ADDRESS_IN_USE` where another program has it.
   */
  static async open(port: number, gatherLoopback: GatherLoopback = false): Promise<UdpMux> {
    const shared = UdpMux.#open.get(port) ?? { mux: new UdpMux(port), users: 0 };
    UdpMux.#open.set(port, shared);
    shared.users++;
    const opened = await Promise.allSettled(localAddresses(gatherLoopback).map((address) => shared.mux.#socket(address)));
    // An address may be gone, or not there yet, or of a family that is switched off: then there are others.
    const failures = opened.flatMap((result) => (result.status === 'rejected' ? (result.reason as NodeJS.ErrnoException) : []));
    const taken = failures.find(({ code }) => code === 'EADDRINUSE');
    if (!taken && failures.length < opened.length) return shared.mux;
    await shared.mux.close();
    if (!taken) throw new TsWebRTCError('INVALID_OPTION', `UDP port ${port} cannot be opened: ${failures[0]?.message}.`);
    throw new TsWebRTCError(
      'ADDRESS_IN_USE',
      `UDP port ${port} is taken by another program; name another one for all sessions, or end that program.`,
      { cause: taken },
    );
  }

  /** A connection's part of the socket on a local address; checks of its peer carry `usernameFragment`. */
  async attach(address: string, usernameFragment: string): Promise<LocalPort> {
    this.#dropGone(address);
    return (await this.#socket(address)).attach(usernameFragment);
  }

  /** Once for each `open`; the sockets close with the last. */
  async close(): Promise<void> {
    const shared = UdpMux.#open.get(this.port);
    if (shared?.mux !== this || --shared.users > 0) return;
    UdpMux.#open.delete(this.port);
    this.#closed = true;
    const sockets = await Promise.allSettled(this.#sockets.values());
    await Promise.all(sockets.map((opened) => opened.status === 'fulfilled' && opened.value.close()));
  }

  #socket(address: string): Promise<SharedSocket> {
    const known = this.#sockets.get(address);
    if (known) return known;
    const opening = this.#closed
      ? Promise.reject(new TsWebRTCError('INVALID_STATE', `UDP port ${this.port} is closed`))
      : bindSocket(address, this.port).then((socket) => new SharedSocket(socket, address, forget));
    const forget = (): void => {
      if (this.#sockets.get(address) === opening) this.#sockets.delete(address);
    };
    this.#sockets.set(address, opening);
    // An address that comes back is tried again.
    opening.catch(forget);
    return opening;
  }

  /** Addresses that this host has no more leave their sockets behind, as many as there were in all the time. */
  #dropGone(wanted: string): void {
    const here = [...localAddresses(true), '::1', wanted];
    for (const [address, opening] of this.#sockets) {
      if (here.includes(address)) continue;
      const drop = (socket: SharedSocket): void => {
        if (!socket.isIdle) return;
        this.#sockets.delete(address);
        void socket.close();
      };
      opening.then(drop, ignore);
    }
  }
}

class SharedSocket {
  readonly socket: Socket;
  readonly localAddress: string;
  readonly #byFragment = new Map<string, MuxedPort>();
  /** By remote address and port. */
  readonly #routes = new Map<string, Map<number, Route>>();
  /** Who waits for the answer to a check, by transaction: those of the last while, and of the one before. */
  #transactions = new Map<string, MuxedPort>();
  #olderTransactions = new Map<string, MuxedPort>();
  #turnedAt = performance.now();
  #closed: Promise<void> | undefined;

  constructor(socket: Socket, localAddress: string, onClose: () => void) {
    this.socket = socket;
    this.localAddress = localAddress;
    socket.on('error', () => {});
    socket.once('close', onClose);
    socket.on('message', (datagram, { address, port }) => this.#receive(datagram, address, port));
  }

  /** No connection uses it. */
  get isIdle(): boolean {
    return this.#byFragment.size === 0;
  }

  attach(usernameFragment: string): MuxedPort {
    const port = new MuxedPort(this, () => {
      if (this.#byFragment.get(usernameFragment) === port) this.#byFragment.delete(usernameFragment);
      for (const transactions of [this.#transactions, this.#olderTransactions])
        for (const [id, asker] of transactions) if (asker === port) transactions.delete(id);
    });
    this.#byFragment.set(usernameFragment, port);
    return port;
  }

  #receive(datagram: Buffer, address: string, port: number): void {
    const route = this.#routes.get(address)?.get(port);
    const first = datagram[0];
    if (first !== undefined && first <= 3) this.#receiveStun(datagram, route?.from ?? [address, port]);
    else if (route) deliver(route, datagram);
  }

  #receiveStun(datagram: Buffer, from: Address): void {
    if (datagram.length < STUN_HEADER) return;
    const type = datagram.readUInt16BE(0);
    if (type === BINDING_REQUEST) {
      const fragment = usernameFragmentOf(datagram);
      if (fragment !== undefined) this.#byFragment.get(fragment)?.onData(datagram, from);
    } else if (type === BINDING_SUCCESS || type === BINDING_ERROR) {
      const id = transactionOf(datagram);
      const asker = this.#transactions.get(id) ?? this.#olderTransactions.get(id);
      if (!asker) return;
      if (type === BINDING_SUCCESS) this.addRoute(asker, from);
      asker.onData(datagram, from);
    }
  }

  /** From now on what comes from there is for `port`. */
  addRoute(port: MuxedPort, from: Address): void {
    let ports = this.#routes.get(from[0]);
    if (!ports) this.#routes.set(from[0], (ports = new Map()));
    let route = ports.get(from[1]);
    if (!route) ports.set(from[1], (route = { from, ports: [] }));
    if (!route.ports.includes(port)) {
      route.ports.push(port);
      if (route.ports.length > MOST_SHARING) route.ports.shift()!.routes.delete(route.from);
    }
    // The latest last.
    port.routes.delete(route.from);
    port.routes.add(route.from);
    if (port.routes.size > MOST_ROUTES) this.removeRoute(port, port.routes.values().next().value!);
  }

  removeRoute(port: MuxedPort, from: Address): void {
    port.routes.delete(from);
    const ports = this.#routes.get(from[0]);
    const route = ports?.get(from[1]);
    if (!ports || !route) return;
    const index = route.ports.indexOf(port);
    if (index >= 0) route.ports.splice(index, 1);
    if (route.ports.length === 0) ports.delete(from[1]);
    if (ports.size === 0) this.#routes.delete(from[0]);
  }

  /** `port` asks something, to which an answer will come. */
  expect(port: MuxedPort, request: Uint8Array): void {
    const now = performance.now();
    if (now - this.#turnedAt > TRANSACTION_LIFETIME) {
      this.#turnedAt = now;
      this.#olderTransactions = this.#transactions;
      this.#transactions = new Map();
    }
    this.#transactions.set(transactionOf(request), port);
  }

  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      this.socket.once('close', resolve);
      try {
        this.socket.close();
      } catch {
        // Closed already.
        resolve();
      }
    });
    return this.#closed;
  }
}

/** What a connection has of a shared socket. */
class MuxedPort implements LocalPort {
  readonly type = 'udp';
  readonly socketType: 'udp4' | 'udp6';
  readonly routes = new Set<Address>();
  closed = false;
  onData: (datagram: Buffer, from: Address) => void = () => {};
  readonly #shared: SharedSocket;
  readonly #onClose: () => void;

  constructor(shared: SharedSocket, onClose: () => void) {
    this.#shared = shared;
    this.#onClose = onClose;
    this.socketType = isIPv6(shared.localAddress) ? 'udp6' : 'udp4';
  }

  get socket(): Socket {
    return this.#shared.socket;
  }

  get localAddress(): string {
    return this.#shared.localAddress;
  }

  get address(): { address: string; port: number; family: string } {
    return this.socket.address();
  }

  accept(from: Address): void {
    if (!this.closed) this.#shared.addRoute(this, from);
  }

  readonly send = async (datagram: Uint8Array, to?: Address): Promise<void> => {
    if (this.closed || !to || isIP(to[0]) === 0) return;
    if (datagram[0] === 0 && datagram[1] === BINDING_REQUEST && datagram.length >= STUN_HEADER)
      this.#shared.expect(this, datagram);
    this.socket.send(datagram, to[1], to[0], ignore);
  };

  readonly close = async (): Promise<void> => {
    if (this.closed) return;
    this.closed = true;
    this.#onClose();
    for (const from of [...this.routes]) this.#shared.removeRoute(this, from);
  };
}

/** Where several connections are at one address, each takes what its keys fit: each has a copy, since it decrypts in place. */
function deliver({ ports, from }: Route, datagram: Buffer): void {
  if (ports.length === 1) ports[0]!.onData(datagram, from);
  else for (const port of [...ports]) port.onData(Buffer.from(datagram), from);
}

function transactionOf(message: Uint8Array): string {
  return Buffer.from(message.buffer, message.byteOffset + 8, 12).toString('latin1');
}

const ignore = (): void => {};
