/**
 * The transport under a connection: one ICE agent, one DTLS association, one SRTP session and one SCTP association, shared
 * by all m-lines (BUNDLE, RFC 9143). It knows neither SDP nor codecs. werift lives behind this interface and nowhere else.
 */
import type { Emitter } from '../../common/emitter.ts';
import type { ConnectionOptions, ConnectionState, IceServer, Lane } from '../types.ts';

export interface Fingerprint {
  /** `sha-256`, … */
  readonly algorithm: string;
  /** Upper-case hex bytes joined by colons. */
  readonly value: string;
}

/** ICE credentials of one side (RFC 8445 §5.3), which a restart changes. */
export interface IceParameters {
  readonly usernameFragment: string;
  readonly password: string;
}

export interface TransportParameters extends IceParameters {
  readonly fingerprints: readonly Fingerprint[];
  readonly iceLite?: boolean;
}

export type TransportEvents = {
  /** A local candidate, without `a=`; empty = gathering is complete. */
  candidate: [candidate: string];
  /** `connected` means ICE and DTLS are up and `lane` is set. */
  statechange: [state: ConnectionState];
  /** One unprotected, replay-checked RTP packet. Valid during the call only. `arrival` in ms of `performance.now()`. */
  rtp: [packet: Uint8Array, arrival: number];
  /** One unprotected compound RTCP packet. Valid during the call only. */
  rtcp: [compound: Uint8Array, arrival: number];
  /** The peer opened a data channel. */
  datachannel: [channel: DataChannel];
  /** Only an ICE restart can help: nothing is heard from the peer, or this host lost the address in use. Again while that lasts. */
  restartneeded: [reason: RestartReason];
};

export type RestartReason = 'silence' | 'network-change';

/** What offer and answer decided about the transport. */
export interface TransportRole {
  readonly ice: 'controlling' | 'controlled';
  readonly dtls: 'client' | 'server';
  /** Whether both descriptions have a data channel m-line: a peer without one expects no SCTP (RFC 8841). */
  readonly dataChannels: boolean;
}

export interface DataChannelInit {
  /** Default true. */
  readonly ordered?: boolean;
  /** ms. */
  readonly maxPacketLifeTime?: number;
  readonly maxRetransmits?: number;
  readonly protocol?: string;
  readonly priority?: 'very-low' | 'low' | 'medium' | 'high';
}

export type DataChannelEvents = {
  open: [];
  message: [data: string | Uint8Array];
  error: [error: Error];
  close: [];
};

export interface DataChannel extends Pick<Emitter<DataChannelEvents>, 'on' | 'once' | 'off'> {
  readonly label: string;
  readonly id: number | null;
  readonly readyState: 'connecting' | 'open' | 'closing' | 'closed';
  /** Bytes handed over and not yet sent. */
  readonly bufferedAmount: number;
  /** Rejects with `INVALID_STATE` unless open. */
  send(data: string | Uint8Array): Promise<void>;
  close(): Promise<void>;
}

export interface Transport extends Pick<Emitter<TransportEvents>, 'on' | 'once' | 'off'> {
  /** In force; those of a restart from `restart` on. */
  readonly local: TransportParameters;
  readonly state: ConnectionState;
  /** Why the state is `failed`, for people; without a full stop. */
  readonly failure: string | undefined;
  /** Our context in the connection's `SrtpSender`, from `connected` on. */
  readonly lane: Lane | undefined;
  readonly gatheringState: 'new' | 'gathering' | 'complete';
  /** Gathers, for what `prepareRestart` has returned after that; candidates come as events. */
  gather(): Promise<void>;
  /** Begins connectivity checks and then DTLS. Called once, when the remote description is known. */
  start(remote: TransportParameters, role: TransportRole): void;
  /** Other credentials, to be told to the peer; the same ones until `restart` or `cancelRestart`. Changes nothing of what is in use. */
  prepareRestart(): TransportParameters;
  /** Takes back what `prepareRestart` has returned, and frees what was gathered for it. */
  cancelRestart(): void;
  /** Begins connectivity checks under the credentials that `prepareRestart` has returned. The pair in use stays until they find another. */
  restart(remote: IceParameters & { readonly iceLite?: boolean }): void;
  /** Begins SCTP when data channels were agreed on only after `start`. Idempotent; nothing without the option `dataChannels`. */
  startDataChannels(): void;
  /** Takes a remote candidate, with or without `a=`; unusable ones are ignored with a debug line. Empty = no more. */
  addRemoteCandidate(candidate: string): Promise<void>;
  /** Other STUN and TURN servers, or newer credentials, from now on. Throws `INVALID_OPTION` for malformed URLs. */
  setIceServers(servers: readonly IceServer[]): void;
  /** Protects and sends one compound RTCP packet. Ignored while not connected. */
  sendRtcp(compound: Uint8Array): void;
  createDataChannel(label: string, init?: DataChannelInit): DataChannel;
  /** W3C statistics: transport, candidate-pair, local-candidate, remote-candidate, certificate, data-channel. */
  getStats(timestamp: number): RTCStatsEntry[];
  /** Says goodbye (DTLS close_notify, SCTP abort) and frees everything. Idempotent. */
  close(): Promise<void>;
}

/** One entry of a W3C statistics report (webrtc-stats). */
export interface RTCStatsEntry {
  readonly id: string;
  readonly type: string;
  /** ms since the Unix epoch. */
  readonly timestamp: number;
  readonly [key: string]: unknown;
}

export type TransportFactory = (options: ConnectionOptions & { dataChannels: boolean }) => Promise<Transport>;
