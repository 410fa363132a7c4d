/**
 * One allocation on a TURN server (RFC 8656): made, kept alive with its permissions and channels, and given back. Sans-IO: what
 * comes and the time go in, what is to be sent and when to look again come out. Times in ms.
 *
 * Permissions are asked for with the first datagram and not before it: it follows at once, and a check that comes too early is
 * repeated anyway. Peers get a channel with the first datagram that is no check.
 */
import { randomBytes } from 'node:crypto';
import type { Address } from '../datagram-port.ts';
import {
  ATTRIBUTE,
  type Attributes,
  CLASS,
  METHOD,
  readAddress,
  readStun,
  readXorAddress,
  type StunMessage,
  uint32,
  writeStun,
  xorAddress,
} from './stun-message.ts';
import { type TurnCredentials, type TurnError, TurnRequests } from './turn-requests.ts';

const UDP = 17 << 24;
const IPV6_FAMILY = 2 << 24;
const FIRST_CHANNEL = 0x4000;
const LAST_CHANNEL = 0x4fff;
/** Asked for, s. */
const LIFETIME = 600;
/** A permission lasts for 300 s, and binding a channel again, which would last for 600 s, keeps that of its peer (RFC 8656 §9, §12). */
const REFRESH_PEER = 240_000;
/** At 0, 200, 600 and 1400 ms; given up at 3 s. */
const FEW_TRIES = 4;
/** Given up at 25 s: an allocation that lives may wait for a path that is away. */
const MANY_TRIES = 7;
/** What peers can make us hold. */
const MOST_PEERS = 256;
const NEVER = Number.POSITIVE_INFINITY;

/** Why there is no allocation, or soon will be none. */
export interface TurnFailure {
  /** Without a full stop. */
  readonly reason: string;
  /** The server wants us to try this one (RFC 8489 §10). */
  readonly alternate?: Address;
  /** When the allocation ends; what it relays until then still arrives. Undefined when it has ended, or never was. */
  readonly expiresAt?: number;
}

export interface TurnClientHandler {
  /** A STUN message or a ChannelData frame for the server. */
  send(frame: Buffer): void;
  /** From a peer, through the relay. */
  data(data: Buffer, from: Address): void;
  allocated(relayed: Address, mapped: Address): void;
  /** Once, and the end of it unless `expiresAt` says otherwise. */
  failed(failure: TurnFailure): void;
  /** `advance` is to be called at `time`, rather than whenever was said before. */
  schedule(time: number): void;
}

/** The right of an IP address to send to us. */
interface Permission {
  refreshAt: number;
  refused: boolean;
}

interface Channel {
  readonly number: number;
  readonly peer: Address;
  bound: boolean;
  refreshAt: number;
}

export class TurnClient {
  readonly #handler: TurnClientHandler;
  readonly #stream: boolean;
  readonly #requests: TurnRequests;
  readonly #permissions = new Map<string, Permission>();
  readonly #channels = new Map<string, Channel>();
  readonly #channelByNumber = new Map<number, Channel>();
  #nextChannel = FIRST_CHANNEL;
  #state: 'new' | 'allocating' | 'allocated' | 'expiring' | 'ended' = 'new';
  #refreshAt = NEVER;
  #expiresAt = NEVER;
  #probing = false;
  #due = NEVER;

  /** `stream`: the server is reached over TCP or TLS, which repeat what is lost and want frames of whole words (RFC 8656 §12.5). */
  constructor(credentials: TurnCredentials, stream: boolean, handler: TurnClientHandler) {
    this.#stream = stream;
    this.#handler = handler;
    this.#requests = new TurnRequests(credentials, stream, handler.send, (time) => this.#plan(time));
  }

  /** Nothing is relayed any more. */
  get ended(): boolean {
    return this.#state === 'ended';
  }

  allocate(now: number): void {
    if (this.#state !== 'new') return;
    this.#state = 'allocating';
    this.#allocate(4, now);
  }

  /** Newer ones, used as soon as those in force are refused. */
  setCredentials(credentials: TurnCredentials): void {
    this.#requests.setCredentials(credentials);
  }

  /** Asks the server whether it is still there; `failed` tells soon if it is not. */
  probe(now: number): void {
    if (this.#state !== 'allocated' || this.#probing) return;
    this.#probing = true;
    this.#refresh(now, FEW_TRIES);
  }

  /** Gives the allocation back; nobody waits for the answer. */
  close(): void {
    if (this.#isUsable) this.#requests.sendOnce({ method: METHOD.refresh, attributes: () => [[ATTRIBUTE.lifetime, uint32(0)]] });
    this.#end();
  }

  /** Relays one datagram; lost when there is no allocation, or the server lets nothing through to this peer. */
  send(data: Uint8Array, to: Address, now: number): void {
    if (!this.#isUsable) return;
    const key = `${to[1]} ${to[0]}`;
    const channel = this.#channels.get(key);
    if (channel?.bound) {
      this.#handler.send(channelData(channel.number, data, this.#stream));
      return;
    }
    const permission = this.#permit(to[0], now);
    if (!permission || permission.refused) return;
    // RFC 7983: what begins with 0 to 3 is STUN.
    if (!channel && data[0]! > 3) this.#bind(key, to, now);
    const transactionId = randomBytes(12);
    const attributes: Attributes = [
      [ATTRIBUTE.xorPeerAddress, xorAddress(to, transactionId)],
      [ATTRIBUTE.data, data],
    ];
    this.#handler.send(writeStun(METHOD.send, CLASS.indication, attributes, undefined, transactionId));
  }

  /** One STUN message or ChannelData frame of the server. */
  receive(frame: Buffer, now: number): void {
    if (frame.length < 4 || this.#state === 'ended') return;
    if (frame[0]! >= 0x40 && frame[0]! < 0x80) {
      const channel = this.#channelByNumber.get(frame.readUInt16BE(0));
      const end = 4 + frame.readUInt16BE(2);
      if (channel && end <= frame.length) this.#handler.data(frame.subarray(4, end), channel.peer);
      return;
    }
    const message = readStun(frame);
    if (!message) return;
    if (message.class !== CLASS.indication) this.#requests.receive(message, now);
    else if (message.method === METHOD.data) {
      const data = message.attributes.get(ATTRIBUTE.data);
      const from = readXorAddress(message.attributes.get(ATTRIBUTE.xorPeerAddress), message.transactionId);
      if (data && from) this.#handler.data(data, from);
    }
  }

  /** Does what is due. */
  advance(now: number): void {
    if (this.ended) return;
    this.#requests.advance(now);
    if (this.#state === 'expiring' && now >= this.#expiresAt) this.#end();
    if (this.#state === 'allocated' && now >= this.#refreshAt) this.#refresh(now, MANY_TRIES);
    for (const channel of this.#channels.values()) if (now >= channel.refreshAt) this.#requestChannel(channel, now);
    for (const [address, permission] of this.#permissions)
      if (now >= permission.refreshAt) this.#requestPermission(address, permission, now);
    if (this.ended) return;
    this.#due = this.#nextDue();
    if (this.#due < NEVER) this.#handler.schedule(this.#due);
  }

  get #isUsable(): boolean {
    return this.#state === 'allocated' || this.#state === 'expiring';
  }

  #nextDue(): number {
    let due = Math.min(this.#requests.due, this.#state === 'expiring' ? this.#expiresAt : this.#refreshAt);
    for (const { refreshAt } of this.#channels.values()) due = Math.min(due, refreshAt);
    for (const { refreshAt } of this.#permissions.values()) due = Math.min(due, refreshAt);
    return due;
  }

  #plan(time: number): void {
    if (time >= this.#due) return;
    this.#due = time;
    this.#handler.schedule(time);
  }

  /** RFC 8656 §7.2: relays IPv4, which reaches most peers, unless the server has nothing but IPv6. */
  #allocate(family: 4 | 6, now: number): void {
    this.#requests.begin(
      {
        method: METHOD.allocate,
        attributes: () => [
          [ATTRIBUTE.requestedTransport, uint32(UDP)],
          [ATTRIBUTE.lifetime, uint32(LIFETIME)],
          ...(family === 6 ? [[ATTRIBUTE.requestedAddressFamily, uint32(IPV6_FAMILY)] as const] : []),
        ],
        tries: FEW_TRIES,
        succeeded: (response, at) => this.#allocated(response, at),
        failed: ({ code, reason, response }, at) => {
          if (code === 440 && family === 4) return this.#allocate(6, at);
          const alternate = code === 300 ? readAddress(response?.attributes.get(ATTRIBUTE.alternateServer)) : undefined;
          this.#fail({ reason, ...(alternate ? { alternate } : {}) });
        },
      },
      now,
    );
  }

  #allocated(response: StunMessage, now: number): void {
    const { attributes, relayedAddresses, transactionId } = response;
    // coturn puts an empty IPv4 address before the IPv6 one that was asked for.
    const addresses = relayedAddresses.map((value) => readXorAddress(value, transactionId));
    const relayed = addresses.find((address) => address && address[1] !== 0);
    if (!relayed) {
      this.#fail({ reason: 'the server named no relayed address' });
      return;
    }
    this.#state = 'allocated';
    this.#prolong(response, now);
    this.#handler.allocated(relayed, readXorAddress(attributes.get(ATTRIBUTE.xorMappedAddress), transactionId) ?? relayed);
  }

  #refresh(now: number, tries: number): void {
    this.#refreshAt = NEVER;
    this.#requests.begin(
      {
        method: METHOD.refresh,
        attributes: () => [[ATTRIBUTE.lifetime, uint32(LIFETIME)]],
        tries,
        succeeded: (response, at) => {
          this.#probing = false;
          if (this.#state === 'allocated') this.#prolong(response, at);
        },
        failed: (error, at) => {
          this.#probing = false;
          this.#lose(error, at);
        },
      },
      now,
    );
  }

  #prolong({ attributes }: StunMessage, now: number): void {
    const granted = attributes.get(ATTRIBUTE.lifetime);
    const lifetime = (granted?.length === 4 ? granted.readUInt32BE(0) : LIFETIME) * 1000;
    this.#expiresAt = now + lifetime;
    // Early enough that lost requests can be repeated, and another allocation be made where this one cannot be kept.
    this.#refreshAt = now + Math.max(1000, lifetime > 120_000 ? lifetime - 60_000 : lifetime / 2);
    this.#plan(this.#refreshAt);
  }

  /** What is left of the allocation may be used, but there is no keeping it. */
  #lose({ code, reason }: TurnError, now: number): void {
    if (this.#state !== 'allocated') return;
    // 437: the server knows of none. One that does not answer may have it yet.
    if (code === 437 || now >= this.#expiresAt) {
      this.#fail({ reason });
      return;
    }
    this.#state = 'expiring';
    this.#plan(this.#expiresAt);
    this.#handler.failed({ reason, expiresAt: this.#expiresAt });
  }

  #fail(failure: TurnFailure): void {
    this.#end();
    this.#handler.failed(failure);
  }

  #end(): void {
    this.#state = 'ended';
    this.#requests.clear();
    this.#permissions.clear();
    this.#channels.clear();
  }

  #permit(address: string, now: number): Permission | undefined {
    const known = this.#permissions.get(address);
    if (known || this.#permissions.size >= MOST_PEERS) return known;
    const permission: Permission = { refreshAt: NEVER, refused: false };
    this.#permissions.set(address, permission);
    this.#requestPermission(address, permission, now);
    return permission;
  }

  #requestPermission(address: string, permission: Permission, now: number): void {
    permission.refreshAt = NEVER;
    this.#requests.begin(
      {
        method: METHOD.createPermission,
        attributes: (transactionId) => [[ATTRIBUTE.xorPeerAddress, xorAddress([address, 0], transactionId)]],
        tries: MANY_TRIES,
        succeeded: (_, at) => this.#renewLater(permission, at),
        failed: (error, at) => {
          // 403, 443: no relaying between these two. Other refusals may pass.
          permission.refused = error.code === 403 || error.code === 443;
          if (error.code === 437) this.#lose(error, at);
          else if (!permission.refused) this.#renewLater(permission, at);
        },
      },
      now,
    );
  }

  #bind(key: string, peer: Address, now: number): void {
    if (this.#nextChannel > LAST_CHANNEL) return;
    const channel: Channel = { number: this.#nextChannel++, peer, bound: false, refreshAt: NEVER };
    this.#channels.set(key, channel);
    this.#channelByNumber.set(channel.number, channel);
    this.#requestChannel(channel, now);
  }

  #requestChannel(channel: Channel, now: number): void {
    channel.refreshAt = NEVER;
    this.#requests.begin(
      {
        method: METHOD.channelBind,
        attributes: (transactionId) => [
          [ATTRIBUTE.channelNumber, uint32(channel.number << 16)],
          [ATTRIBUTE.xorPeerAddress, xorAddress(channel.peer, transactionId)],
        ],
        tries: MANY_TRIES,
        succeeded: (_, at) => {
          channel.bound = true;
          this.#renewLater(channel, at);
        },
        failed: (error, at) => {
          // Without a channel its datagrams go on in indications.
          channel.bound = false;
          if (error.code === 437) this.#lose(error, at);
          else this.#renewLater(channel, at);
        },
      },
      now,
    );
  }

  #renewLater(right: Permission | Channel, now: number): void {
    if (this.ended) return;
    right.refreshAt = now + REFRESH_PEER;
    this.#plan(right.refreshAt);
  }
}

/** RFC 8656 §12.4; over streams padded to four bytes. */
function channelData(channel: number, data: Uint8Array, padded: boolean): Buffer {
  const frame = Buffer.allocUnsafe(4 + data.length + (padded ? -data.length & 3 : 0));
  frame.writeUInt16BE(channel, 0);
  frame.writeUInt16BE(data.length, 2);
  frame.set(data, 4);
  return frame;
}
