/**
 * One WebRTC connection: negotiation (JSEP, RFC 8829) over one bundled transport, its senders, their RTCP and statistics.
 * Frames do not pass through it: whoever paces writes to `transceiver.sender.stream` and hands the batch to the `SrtpSender`
 * under `connection.lane`; the connection keeps what belongs to the peer as a whole.
 */
import { randomBytes } from 'node:crypto';
import { Emitter } from '../common/emitter.ts';
import { asError, TsWebRTCError } from '../common/errors.ts';
import { type Logger, silentLogger } from '../common/logger.ts';
import type { RtcpPacket, TransportFeedback } from '../rtp/rtcp/types.ts';
import { createAnswer } from '../sdp/answer.ts';
import { assertConnectable, assertSameShape } from '../sdp/checks.ts';
import type { MediaDescription, SessionDescription } from '../sdp/description.ts';
import { type MediaAgreement, type NegotiatedExtensions, negotiate } from '../sdp/negotiate.ts';
import { createOffer } from '../sdp/offer.ts';
import { PayloadTypes } from '../sdp/payload-types.ts';
import { parseDescription } from '../sdp/read.ts';
import { writeDescription } from '../sdp/write.ts';
import { DataChannelCount } from './data-channel-count.ts';
import { type IceCandidate, LocalCandidates } from './local-candidates.ts';
import { RemoteCandidates } from './remote-candidates.ts';
import { type ReceptionReport, RtcpSession } from './rtcp-session.ts';
import type { RtpReceiver } from './rtp-receiver.ts';
import { RtpReception } from './rtp-reception.ts';
import type { RtpSender } from './rtp-sender.ts';
import { Sections } from './sections.ts';
import { buildStats } from './stats.ts';
import { Transceiver } from './transceiver.ts';
import type { DataChannel, DataChannelInit, RTCStatsEntry, Transport, TransportFactory } from './transport/types.ts';
import type { ConnectionOptions, ConnectionState, IceCandidateInit, Lane, TransceiverInit } from './types.ts';

export type { IceCandidate } from './local-candidates.ts';
export type { ReceptionReport } from './rtcp-session.ts';
export { Transceiver } from './transceiver.ts';

const NO_EXTENSIONS: NegotiatedExtensions = {};

export interface SessionDescriptionInit {
  readonly type: 'offer' | 'answer';
  readonly sdp: string;
}

export type SignalingState = 'stable' | 'have-local-offer' | 'have-remote-offer' | 'closed';

export type ConnectionEvents = {
  /** Never before `setLocalDescription` has resolved, so that a candidate cannot overtake the description it belongs to. */
  icecandidate: [candidate: IceCandidate];
  statechange: [state: ConnectionState];
  signalingstatechange: [state: SignalingState];
  /** The peer opened a data channel. */
  datachannel: [channel: DataChannel];
  /** Offer and answer are complete: codecs, directions and streams of the transceivers are set. */
  negotiated: [];
  /** One unprotected RTP packet. Valid during the call only. `arrival` in ms of `performance.now()`. */
  rtp: [packet: Uint8Array, arrival: number];
  /** One compound RTCP packet, parsed. */
  rtcp: [packets: readonly RtcpPacket[], arrival: number];
  /**
   * One transport-wide congestion control feedback packet; RFC 8888 feedback of a peer that sends that comes in the same shape,
   * as several where it skips packets.
   */
  'transport-feedback': [feedback: TransportFeedback, arrival: number];
  /** The peer's own estimate of what it can receive (REMB), bit/s. */
  remb: [bitrate: number, arrival: number];
  /** What the peer reports of one of our streams, in a report block of its sender or receiver reports. */
  report: [report: ReceptionReport, arrival: number];
};

export interface ConnectionInit extends ConnectionOptions {
  /** Whether data channels may be used. Default true. */
  readonly dataChannels?: boolean;
  /**
   * Whether what comes is put together to frames and reported on. Default true; otherwise it comes as `rtp` alone, and all
   * feedback is the application's.
   */
  readonly reception?: boolean;
  /** For tests: another transport. */
  readonly createTransport?: TransportFactory;
}

export class Connection extends Emitter<ConnectionEvents> {
  readonly #transport: Transport;
  readonly #logger: Logger;
  readonly #cname: string;
  readonly #dataChannels: boolean;
  readonly #receives: boolean;
  readonly #sections = new Sections();
  readonly #payloadTypes = new PayloadTypes();
  readonly #transceivers: Transceiver[] = [];
  #senders: readonly RtpSender[] = [];
  #receivers: readonly RtpReceiver[] = [];
  readonly #rtcp: RtcpSession;
  readonly #reception: RtpReception;
  readonly #remoteCandidates: RemoteCandidates;
  readonly #localCandidates = new LocalCandidates();
  readonly #channelCount = new DataChannelCount();
  /** A positive 63-bit number (RFC 8829 §5.2.1). */
  readonly #sessionId = (randomBytes(8).readBigUInt64BE() >> 1n).toString();
  #sessionVersion = 0;

  #signalingState: SignalingState = 'stable';
  #local: { readonly type: 'offer' | 'answer'; readonly description: SessionDescription } | undefined;
  #remote: { readonly init: SessionDescriptionInit; readonly description: SessionDescription } | undefined;
  /** What was last agreed on, which a pending offer does not change. */
  #agreed: SessionDescription | undefined;
  #setup: 'active' | 'passive' | undefined;
  #wantsApplication = false;
  #gathering = false;
  #extensions: NegotiatedExtensions = {};
  #transportSequenceNumber = randomBytes(2).readUInt16BE();
  #closing: Promise<void> | undefined;

  /** Makes a connection. Rejects when no transport can be made. */
  static async create(init: ConnectionInit): Promise<Connection> {
    const { createTransport, dataChannels = true, ...options } = init;
    const factory = createTransport ?? (await import('./transport/transport.ts')).createTransport;
    return new Connection(await factory({ ...options, dataChannels }), init);
  }

  private constructor(transport: Transport, init: ConnectionInit) {
    super();
    this.#transport = transport;
    this.#logger = (init.logger ?? silentLogger).child({ subsystem: 'connection' });
    this.#cname = init.cname ?? randomBytes(12).toString('base64url');
    this.#dataChannels = init.dataChannels ?? true;
    this.#receives = init.reception ?? true;
    this.#remoteCandidates = new RemoteCandidates((candidate) => {
      transport.addRemoteCandidate(candidate).catch((error: unknown) => {
        this.#logger.debug({ err: asError(error) }, 'a candidate of the peer is of no use');
      });
    });
    this.#rtcp = new RtcpSession({
      cname: this.#cname,
      senders: () => this.#senders,
      send: (compound) => transport.sendRtcp(compound),
      onTransportFeedback: (feedback, arrival) => this.emit('transport-feedback', feedback, arrival),
      onReceiverEstimate: (bitrate, arrival) => this.emit('remb', bitrate, arrival),
      onReport: (report, arrival) => this.emit('report', report, arrival),
    });
    this.#reception = new RtpReception({
      cname: this.#cname,
      receivers: () => this.#receivers,
      extensions: () => (this.#receives ? this.#extensions : NO_EXTENSIONS),
      roundTripTime: () => (this.#rtcp.roundTripTime === undefined ? undefined : this.#rtcp.roundTripTime * 1000),
      send: (compound) => transport.sendRtcp(compound),
    });
    transport.on('candidate', (candidate) => this.#onLocalCandidate(candidate));
    transport.on('statechange', (state) => this.#onTransportState(state));
    transport.on('rtp', (packet, arrival) => {
      this.#reception.receive(packet, arrival);
      this.emit('rtp', packet, arrival);
    });
    transport.on('rtcp', (compound, arrival) => {
      const packets = this.#rtcp.receive(compound, arrival);
      this.#reception.handle(packets, arrival);
      this.emit('rtcp', packets, arrival);
    });
    transport.on('datachannel', (channel) => {
      this.#channelCount.watch(channel);
      this.emit('datachannel', channel);
    });
  }

  /** Sum of ICE and DTLS, as in the W3C's `connectionState`. */
  get state(): ConnectionState {
    return this.#closing ? 'closed' : this.#transport.state;
  }

  get signalingState(): SignalingState {
    return this.#signalingState;
  }

  get gatheringState(): 'new' | 'gathering' | 'complete' {
    return this.#transport.gatheringState;
  }

  /** What to send under; set from `connected` on. */
  get lane(): Lane | undefined {
    return this.#closing ? undefined : this.#transport.lane;
  }

  get transceivers(): readonly Transceiver[] {
    return this.#transceivers;
  }

  /** CNAME of all our streams, and their MediaStream id where the transceiver names none. */
  get cname(): string {
    return this.#cname;
  }

  /** The media sections of the peer's last description, for choosing what to answer with. */
  get remoteMedia(): readonly MediaDescription[] {
    return this.#remote?.description.media ?? [];
  }

  /** The last local description, with the candidates gathered so far in the m-line they belong to. */
  get localDescription(): SessionDescriptionInit | undefined {
    if (!this.#local) return undefined;
    const { type, description } = this.#local;
    return { type, sdp: writeDescription(this.#localCandidates.fill(description)) };
  }

  get remoteDescription(): SessionDescriptionInit | undefined {
    return this.#remote?.init;
  }

  /** Latest round-trip time, seconds; undefined before the first measurement. */
  get roundTripTime(): number | undefined {
    return this.#rtcp.roundTripTime;
  }

  /** Next number of the transport-wide sequence (16 bit), one count for all streams. */
  nextTransportSequenceNumber(): number {
    return (this.#transportSequenceNumber = (this.#transportSequenceNumber + 1) & 0xffff);
  }

  /**
   * Adds a medium. In an offer of ours it gets an m-line of its own; of an offer of the peer it takes the first m-line of its
   * kind that is free and fits. Throws `INVALID_OPTION` without codecs, `INVALID_STATE` after `close`.
   */
  addTransceiver(init: TransceiverInit): Transceiver {
    this.#assertOpen();
    const transceiver = new Transceiver(init);
    this.#transceivers.push(transceiver);
    this.#senders = this.#transceivers.flatMap((t) => t.sender ?? []);
    if (this.#receives) this.#receivers = this.#transceivers.flatMap((t) => t.receiver ?? []);
    return transceiver;
  }

  /** Opens a data channel. Before the first offer this also gives the offer its data channel m-line. Throws `INVALID_STATE`. */
  createDataChannel(label: string, init?: DataChannelInit): DataChannel {
    this.#assertOpen();
    if (!this.#dataChannels) {
      throw new TsWebRTCError(
        'INVALID_STATE',
        'This connection was made without data channels: create it with dataChannels: true.',
      );
    }
    const channel = this.#transport.createDataChannel(label, init);
    this.#wantsApplication = true;
    this.#channelCount.watch(channel);
    return channel;
  }

  /** An offer of all transceivers and, where a channel was created, data channels. Rejects with `INVALID_STATE`. */
  async createOffer(): Promise<SessionDescriptionInit> {
    this.#assertOpen();
    if (this.#signalingState === 'have-remote-offer')
      throw this.#wrongState('create an offer', 'answer the offer of the peer first');
    this.#sections.extend(this.#transceivers, this.#wantsApplication);
    const description = createOffer({
      sessionId: this.#sessionId,
      sessionVersion: String(this.#sessionVersion++),
      transport: this.#transport.local,
      sections: this.#sections.describe(this.#cname),
      payloadTypes: this.#payloadTypes,
      ...(this.#agreed ? { previous: this.#agreed } : {}),
    });
    return { type: 'offer', sdp: writeDescription(description) };
  }

  /** An answer to the offer of the peer with what the transceivers can take of it. Rejects with `INVALID_STATE`. */
  async createAnswer(): Promise<SessionDescriptionInit> {
    this.#assertOpen();
    if (this.#signalingState !== 'have-remote-offer') throw this.#wrongState('create an answer', 'set a remote offer first');
    const offer = this.#remote!.description;
    this.#sections.adopt(offer, this.#transceivers, this.#transport.local, this.#cname, this.#dataChannels);
    const description = createAnswer({
      offer,
      transport: this.#transport.local,
      sections: this.#sections.answerSections(this.#cname),
      ...(this.#setup ? { setup: this.#setup } : {}),
    });
    return { type: 'answer', sdp: writeDescription(description) };
  }

  /** Puts an offer or answer of ours in force and begins to gather. Rejects with `INVALID_STATE` or `INVALID_SDP`. */
  async setLocalDescription(init: SessionDescriptionInit): Promise<void> {
    this.#assertOpen();
    const description = parseDescription(init.sdp);
    if (init.type === 'offer') {
      if (this.#signalingState === 'have-remote-offer')
        throw this.#wrongState('set a local offer', 'answer the offer of the peer first');
      this.#local = { type: 'offer', description };
      this.#setSignalingState('have-local-offer');
    } else {
      if (this.#signalingState !== 'have-remote-offer') throw this.#wrongState('set a local answer', 'set a remote offer first');
      const remote = this.#remote!.description;
      assertSameShape(remote, description);
      this.#local = { type: 'answer', description };
      this.#agree(description, remote, 'local');
    }
    this.#gather();
  }

  /** Takes the peer's offer or answer. Rejects with `INVALID_STATE` or `INVALID_SDP`; nothing has changed then. */
  async setRemoteDescription(init: SessionDescriptionInit): Promise<void> {
    this.#assertOpen();
    if (init.type === 'offer') {
      if (this.#signalingState === 'have-local-offer') throw this.#wrongState('take an offer', 'wait for the answer to ours');
      const description = parseDescription(init.sdp);
      assertConnectable(description, 'offer');
      const known = this.#agreed?.media.length ?? 0;
      if (description.media.length < known) {
        throw new TsWebRTCError(
          'INVALID_SDP',
          `The offer has ${description.media.length} m-lines where the session has ${known}.`,
        );
      }
      for (const { formats } of description.media) for (const { payloadType } of formats) this.#payloadTypes.reserve(payloadType);
      this.#remote = { init, description };
      this.#setSignalingState('have-remote-offer');
      return;
    }
    if (this.#signalingState !== 'have-local-offer') throw this.#wrongState('take an answer', 'set a local offer first');
    const description = parseDescription(init.sdp);
    const local = this.#local!.description;
    assertSameShape(local, description);
    assertConnectable(description, 'answer');
    this.#remote = { init, description };
    this.#agree(local, description, 'remote');
  }

  /** Takes a candidate of the peer; before the descriptions are complete it waits. Unusable ones are ignored. */
  async addIceCandidate(candidate: IceCandidateInit): Promise<void> {
    if (this.#closing) return;
    this.#remoteCandidates.add(candidate.candidate);
  }

  /** W3C statistics by id. */
  async getStats(): Promise<Map<string, RTCStatsEntry>> {
    const timestamp = performance.timeOrigin + performance.now();
    return buildStats({
      roundTripTime: this.#reception.roundTripTime === undefined ? undefined : this.#reception.roundTripTime / 1000,
      transceivers: this.#transceivers,
      transport: this.#transport.getStats(timestamp),
      dataChannelsOpened: this.#channelCount.opened,
      dataChannelsClosed: this.#channelCount.closed,
      timestamp,
    });
  }

  /** Sends one compound RTCP packet; ignored while not connected. */
  sendRtcp(compound: Uint8Array): void {
    if (!this.#closing) this.#transport.sendRtcp(compound);
  }

  /** Says goodbye and frees everything. Idempotent. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#rtcp.stop();
    this.#reception.stop();
    if (this.#transport.lane !== undefined) this.#rtcp.goodbye();
    this.#signalingState = 'closed';
    this.emit('signalingstatechange', 'closed');
    try {
      await this.#transport.close();
    } catch (error) {
      this.#logger.warn({ err: asError(error) }, 'the transport did not close cleanly');
    }
    for (const sender of this.#senders) sender.close();
    for (const receiver of this.#receivers) receiver.close();
    this.removeAllListeners();
  }

  /** Both descriptions are known: hands everyone what was agreed and, the first time, sets the transport going. */
  #agree(local: SessionDescription, remote: SessionDescription, answer: 'local' | 'remote'): void {
    const current = local.media.map((_, index) => this.#sections.transceiverAt(index)?.codec);
    const agreements = negotiate(local, remote, answer, current);
    this.#agreed = local;
    this.#sections.apply(agreements, local);
    // One number for all m-lines of a bundle (RFC 8843 §9.2, RFC 8285 §5).
    // One transport has one numbering of them (RFC 8843 §9.1).
    this.#extensions = Object.assign({}, ...agreements.map(({ extensions }) => extensions));
    this.#setSignalingState('stable');
    const index = agreements.findIndex((agreement) => agreement.accepted);
    if (index >= 0) this.#connect(local, remote, index, answer, hasDataChannels(agreements, local));
    this.#logger.debug({ media: agreements.map((a) => [a.direction, a.codec?.name]) }, 'negotiated');
    this.emit('negotiated');
  }

  #connect(
    local: SessionDescription,
    remote: SessionDescription,
    index: number,
    answer: 'local' | 'remote',
    dataChannels: boolean,
  ): void {
    const theirs = remote.media[index]!;
    const { usernameFragment, password } = theirs;
    if (usernameFragment === undefined || password === undefined) return;
    if (this.#setup === undefined) {
      const setup = answer === 'local' ? local.media[index]!.setup : theirs.setup;
      // RFC 5763 §5: who is active is the DTLS client. An answer that says nothing useful means active.
      const weAreActive = answer === 'local' ? setup !== 'passive' : setup === 'passive';
      this.#setup = weAreActive ? 'active' : 'passive';
      this.#transport.start(
        { usernameFragment, password, fingerprints: theirs.fingerprints, iceLite: remote.iceLite },
        {
          ice: answer === 'remote' || remote.iceLite ? 'controlling' : 'controlled',
          dtls: weAreActive ? 'client' : 'server',
          dataChannels,
        },
      );
      this.#remoteCandidates.open(usernameFragment);
    } else if (dataChannels) this.#transport.startDataChannels();
    for (const media of remote.media) {
      if (media.usernameFragment !== usernameFragment) continue;
      for (const candidate of media.candidates) this.#remoteCandidates.add(candidate);
    }
    if (theirs.endOfCandidates) this.#remoteCandidates.add('');
  }

  /** Gathers once, after the caller of `setLocalDescription` had the chance to send the description. */
  #gather(): void {
    if (this.#gathering) return;
    this.#gathering = true;
    setImmediate(() => {
      if (this.#closing) return;
      this.#transport.gather().catch((error: unknown) => {
        this.#logger.warn({ err: asError(error) }, 'gathering candidates failed');
      });
    });
  }

  #onLocalCandidate(candidate: string): void {
    if (this.#closing || !this.#local) return;
    this.emit('icecandidate', this.#localCandidates.add(candidate, this.#local.description));
  }

  #onTransportState(state: ConnectionState): void {
    this.#logger.debug({ state }, 'connection state');
    if (state === 'connected') {
      this.#estimateRoundTripTime();
      this.#rtcp.start();
    } else if (state === 'failed' || state === 'closed') {
      this.#rtcp.stop();
    }
    this.emit('statechange', state);
  }

  /** Until the first report block, the connectivity checks know the round-trip time. */
  #estimateRoundTripTime(): void {
    for (const entry of this.#transport.getStats(0)) {
      const seconds = entry.type === 'candidate-pair' ? entry.currentRoundTripTime : undefined;
      if (typeof seconds !== 'number' || !Number.isFinite(seconds)) continue;
      this.#rtcp.suggestRoundTripTime(seconds);
      return;
    }
  }

  #setSignalingState(state: SignalingState): void {
    if (this.#signalingState === state) return;
    this.#signalingState = state;
    this.emit('signalingstatechange', state);
  }

  #assertOpen(): void {
    if (this.#closing) throw new TsWebRTCError('INVALID_STATE', 'The connection is closed.');
  }

  #wrongState(what: string, remedy: string): TsWebRTCError {
    return new TsWebRTCError('INVALID_STATE', `Cannot ${what} in signalling state ${this.#signalingState}: ${remedy}.`);
  }
}

function hasDataChannels(agreements: readonly MediaAgreement[], local: SessionDescription): boolean {
  return agreements.some(({ accepted }, index) => accepted && local.media[index]!.kind === 'application');
}
