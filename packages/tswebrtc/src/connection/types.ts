/**
 * What the elements know of a connection: W3C names where the W3C has one. A `Connection` (connection.ts) is one WebRTC
 * connection: ICE, DTLS, SRTP, SCTP, its senders and its statistics.
 */
import type { Socket } from 'node:dgram';
import type { Logger } from '../common/logger.ts';
import type { TlsOptions } from '../common/tls-options.ts';
import type { PacketArena } from '../rtp/packet-arena.ts';
import type { SendOps } from '../rtp/send-ops.ts';
import type { CodecPreference } from '../sdp/codecs.ts';
import type { TcpMux } from './transport/ice-tcp/tcp-mux.ts';
import type { UdpMux } from './transport/udp-mux.ts';

export type { CodecParameters, CodecPreference } from '../sdp/codecs.ts';

export type SrtpProfile = 'AEAD_AES_128_GCM' | 'AES128_CM_HMAC_SHA1_80';

/** One-way keys of one session: protects what we send. */
export interface LaneOptions {
  readonly profile: SrtpProfile;
  /** 16 bytes. */
  readonly masterKey: Uint8Array;
  /** 12 bytes for GCM, 14 for the other. */
  readonly masterSalt: Uint8Array;
  /** Plain UDP socket of the selected pair; undefined where datagrams must go through `sendDatagram` (relay, TCP). */
  readonly socket?: Socket;
  readonly address: string;
  readonly port: number;
  /** Sends one protected datagram where there is no plain socket. */
  readonly sendDatagram: (datagram: Uint8Array) => void;
}

/** Index of a session's SRTP context in its `SrtpSender`. */
export type Lane = number;

export interface LaneCounters {
  packets: number;
  bytes: number;
  /** Packets that the socket refused. */
  dropped: number;
}

/** Protects and sends batches. One per shard; several implementations (plain TypeScript, native). */
export interface SrtpSender {
  addLane(options: LaneOptions): Lane;
  /** After a change of the selected pair. */
  setDestination(lane: Lane, destination: Pick<LaneOptions, 'socket' | 'address' | 'port' | 'sendDatagram'>): void;
  removeLane(lane: Lane): void;
  /** Protects and sends `ops` over `arena`'s templates; returns how many packets were handed to the system. Unknown lanes are skipped. */
  send(arena: PacketArena, ops: SendOps): number;
  counters(lane: Lane): LaneCounters;
  close(): void;
}

export type ConnectionState = 'new' | 'connecting' | 'connected' | 'disconnected' | 'failed' | 'closed';

export interface IceServer {
  readonly urls: string | readonly string[];
  readonly username?: string;
  readonly credential?: string;
}

export interface ConnectionOptions {
  readonly srtpSender: SrtpSender;
  readonly iceServers?: readonly IceServer[];
  readonly iceTransportPolicy?: 'all' | 'relay';
  /** How certificates of TURN servers are verified; default: against the well-known authorities. */
  readonly turnTls?: Pick<TlsOptions, 'ca' | 'insecureTls'>;
  /** Lowest and highest local UDP port. Default: the system chooses. */
  readonly portRange?: readonly [min: number, max: number];
  /** One port for all connections, in place of ports of their own. Whoever opened it closes it, after the connections. */
  readonly udpMux?: UdpMux;
  /** One TCP port for all connections, beside UDP; default: none. Whoever opened it closes it, after the connections. */
  readonly tcpMux?: TcpMux;
  /**
   * Addresses or names to announce in place of those of this host, which a NAT or a container's host maps to them one to one;
   * `local` among them: beside those.
   */
  readonly hostCandidates?: readonly string[];
  /** Gather on 127.0.0.1 too, with `IPv6` also on ::1. Default: only where there is no other address. */
  readonly gatherLoopback?: boolean | 'IPv6';
  /** ms of silence from the peer after which the state is `disconnected`. Default 5000. */
  readonly disconnectedTimeout?: number;
  /** ms of silence after which the state is `failed`. Default 30000. */
  readonly failedTimeout?: number;
  /** CNAME of all streams; default random. */
  readonly cname?: string;
  readonly logger?: Logger;
}

export interface IceCandidateInit {
  /** Without `a=`; empty = end of candidates. */
  readonly candidate: string;
  readonly sdpMLineIndex?: number | null;
  readonly sdpMid?: string | null;
}

export interface TransceiverInit {
  readonly kind: 'audio' | 'video';
  readonly direction: 'sendonly' | 'recvonly' | 'sendrecv';
  /** What to send or receive, most wanted first. */
  readonly codecs: readonly CodecPreference[];
  /** Offer NACK and rtx. Default: video only. */
  readonly retransmission?: boolean;
  /** Agree to RED and ULPFEC for video, and to RED for audio where the peer offers it. Default false. */
  readonly fec?: boolean;
  /** Offer transport-wide-cc header extension. Default true. */
  readonly transportCc?: boolean;
  /** Of what is sent: how long the receiver is to wait before it shows a frame, at least and at most, ms. Default: as it sees fit. */
  readonly advisedDelay?: readonly [min: number, max: number];
  /** Of what is sent: whether the receiver is told when frames were captured, which their packetiser has to write. Default false. */
  readonly captureTime?: boolean;
  /** Of what is sent: whether the receiver is told the same as in sender reports, in the place of the capture time (RFC 6051). Default false. */
  readonly ntp64?: boolean;
  /** Of what is sent: largest packet, to which their packetiser has to keep as well, bytes. Default 1200. */
  readonly mtu?: number;
  /** Of what is sent: where the numbers begin. Default: anywhere. A stream that follows on another begins anywhere. */
  readonly seqnumOffset?: number | undefined;
  readonly timestampOffset?: number | undefined;
  /**
   * What is said of the clock of what is sent (RFC 7273), and where that clock began, in ms since the Unix epoch: its RTP timestamps
   * count from there. Default: nothing, and a random start.
   */
  readonly clock?: { readonly reference: string; readonly media: string; readonly epoch?: number } | undefined;
  /** Of what is sent: how many encodings at once where the peer takes them (RFC 8853), up to three. Default: one. */
  readonly simulcast?: number;
  /** MediaStream id to announce. */
  readonly streamId?: string;
  /**
   * Of what is received: `floor` is waited in any case so that frames come evenly, beyond `ceiling` nothing lost is waited for.
   * ms; default 0 and 1000.
   */
  readonly playoutDelay?: { readonly floor: number; readonly ceiling: number };
}
