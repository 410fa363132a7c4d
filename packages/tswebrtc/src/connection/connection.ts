/**
 * One WebRTC connection: negotiation (JSEP, RFC 8829) over one bundled transport, its senders, their RTCP and statistics.
 * Frames do not pass through it: whoever paces writes to `transceiver.sender.stream` and hands the batch to the `SrtpSender`
 * under `connection.lane`; the connection keeps what belongs to the peer as a whole.
 */
import { Emitter } from '../common/emitter.ts';
import { TsWebRTCError } from '../common/errors.ts';
import type { MediaDescription } from '../sdp/description.ts';
import type { Transceiver } from './transceiver.ts';
import type { DataChannel, DataChannelInit, RTCStatsEntry, TransportFactory } from './transport/types.ts';
import type { ConnectionOptions, ConnectionState, IceCandidateInit, Lane, TransceiverInit } from './types.ts';

export interface SessionDescriptionInit {
  readonly type: 'offer' | 'answer';
  readonly sdp: string;
}

/** A local candidate as it travels in signalling. */
export interface IceCandidate {
  /** Without `a=`; empty = end of candidates. */
  readonly candidate: string;
  readonly sdpMLineIndex: number;
  readonly sdpMid: string | undefined;
}

export type SignalingState = 'stable' | 'have-local-offer' | 'have-remote-offer' | 'closed';

export type ConnectionEvents = {
  icecandidate: [candidate: IceCandidate];
  statechange: [state: ConnectionState];
  signalingstatechange: [state: SignalingState];
  datachannel: [channel: DataChannel];
  /** Offer and answer are complete: codecs, directions and streams of the transceivers are set. */
  negotiated: [];
  /** One unprotected RTP packet. Valid during the call only. `arrival` in ms of `performance.now()`. */
  rtp: [packet: Uint8Array, arrival: number];
  /** One compound RTCP packet, parsed. */
  rtcp: [packets: readonly import('../rtp/rtcp/types.ts').RtcpPacket[], arrival: number];
  /** One transport-wide congestion control feedback packet. */
  'transport-feedback': [feedback: import('../rtp/rtcp/types.ts').TransportFeedback, arrival: number];
};

export interface ConnectionInit extends ConnectionOptions {
  /** Whether data channels may be used. Default true. */
  readonly dataChannels?: boolean;
  /** For tests: another transport. */
  readonly createTransport?: TransportFactory;
}

export class Connection extends Emitter<ConnectionEvents> {
  static async create(_init: ConnectionInit): Promise<Connection> {
    throw new TsWebRTCError('INTERNAL', 'not written yet');
  }

  /** Sum of ICE and DTLS, as in the W3C's `connectionState`. */
  get state(): ConnectionState {
    return 'new';
  }

  get signalingState(): SignalingState {
    return 'stable';
  }

  /** What to send under; set from `connected` on. */
  get lane(): Lane | undefined {
    return undefined;
  }

  get transceivers(): readonly Transceiver[] {
    return [];
  }

  /** The media sections of the peer's last description, for choosing what to answer with. */
  get remoteMedia(): readonly MediaDescription[] {
    return [];
  }

  /** The last local description, with the candidates gathered so far. */
  get localDescription(): SessionDescriptionInit | undefined {
    return undefined;
  }

  get remoteDescription(): SessionDescriptionInit | undefined {
    return undefined;
  }

  /** Latest round-trip time, seconds; undefined before the first report. */
  get roundTripTime(): number | undefined {
    return undefined;
  }

  /** Next number of the transport-wide sequence (16 bit), one count for all streams. */
  nextTransportSequenceNumber(): number {
    return 0;
  }

  addTransceiver(_init: TransceiverInit): Transceiver {
    throw new TsWebRTCError('INTERNAL', 'not written yet');
  }

  createDataChannel(_label: string, _init?: DataChannelInit): DataChannel {
    throw new TsWebRTCError('INTERNAL', 'not written yet');
  }

  async createOffer(): Promise<SessionDescriptionInit> {
    throw new TsWebRTCError('INTERNAL', 'not written yet');
  }

  async createAnswer(): Promise<SessionDescriptionInit> {
    throw new TsWebRTCError('INTERNAL', 'not written yet');
  }

  async setLocalDescription(_description: SessionDescriptionInit): Promise<void> {}

  async setRemoteDescription(_description: SessionDescriptionInit): Promise<void> {}

  /** Takes a candidate of the peer; before the remote description it waits. Unusable ones are ignored. */
  async addIceCandidate(_candidate: IceCandidateInit): Promise<void> {}

  /** W3C statistics by id. */
  async getStats(): Promise<Map<string, RTCStatsEntry>> {
    return new Map();
  }

  /** Sends one compound RTCP packet; ignored while not connected. */
  sendRtcp(_compound: Uint8Array): void {}

  /** Says goodbye and frees everything. Idempotent. */
  async close(): Promise<void> {}
}
