/**
 * What a batch sender takes and does. tswebrtc's `SrtpSender`, `PacketArena` and `SendOps` have this shape; the package
 * stands below tswebrtc and knows nothing of it.
 */
import type { Socket } from 'node:dgram';

export type SrtpProfile = 'AEAD_AES_128_GCM' | 'AES128_CM_HMAC_SHA1_80';

/** Where the packets of a lane go. */
export interface Destination {
  /** Plain UDP socket; undefined where datagrams must go through `sendDatagram`. */
  readonly socket?: Socket;
  readonly address: string;
  readonly port: number;
  /** Sends one protected datagram where there is no plain socket. */
  readonly sendDatagram: (datagram: Uint8Array) => void;
}

/** One-way keys and destination of one session. */
export interface LaneOptions extends Destination {
  readonly profile: SrtpProfile;
  /** 16 bytes. */
  readonly masterKey: Uint8Array;
  /** 12 bytes for GCM, 14 for the other. */
  readonly masterSalt: Uint8Array;
}

export interface LaneCounters {
  packets: number;
  bytes: number;
  /** Packets that the socket refused, or that made no sense. */
  dropped: number;
}

/** RTP packet templates. */
export interface Templates {
  readonly bytes: Uint8Array;
}

/**
 * What to send: `count` ops of 16 words. Lane; template offset; template length; SSRC; roll-over counter; marker << 31 |
 * payload type << 16 | sequence number; timestamp; number of patches (0..4); four patches of two words each: offset in the
 * packet << 8 | length (1..4), value.
 */
export interface Ops {
  readonly words: Uint32Array;
  readonly count: number;
}

export interface BatchSenderOptions {
  /** Let the system cut one large datagram into many (UDP GSO, Linux). Default true; given up by itself where it is refused. */
  readonly segmentation?: boolean;
  /**
   * Protect and send on a thread of its own, so that the caller's thread does not stand still meanwhile. Default false: a
   * batch has left when `send` returns.
   */
  readonly thread?: boolean;
}

/** What the sender did, over all lanes. */
export interface BatchSenderStats {
  readonly systemCalls: number;
  /** Handed to the system; several datagrams for one destination may be one message. */
  readonly messages: number;
  readonly datagrams: number;
}

/** Protects and sends batches of RTP packets. */
export interface BatchSender {
  /** Throws a `TypeError` where the keys do not have the profile's length, an `Error` after `close`. */
  addLane(options: LaneOptions): number;
  /** Unknown lanes are ignored. */
  setDestination(lane: number, destination: Destination): void;
  removeLane(lane: number): void;
  /**
   * Protects and sends; returns how many packets were handed to the system or wait for it to have room (with a thread: were
   * handed to that). Unknown lanes are skipped, and what makes no sense is dropped and counted.
   */
  send(templates: Templates, ops: Ops): number;
  /** Zeros for an unknown lane. */
  counters(lane: number): LaneCounters;
  stats(): BatchSenderStats;
  /** Frees everything. Idempotent. */
  close(): void;
}
