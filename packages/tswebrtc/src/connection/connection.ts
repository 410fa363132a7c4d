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
import type { MediaDescription } from '../sdp/description.ts';
import type { NegotiatedExtensions } from '../sdp/negotiate.ts';
import { writeDescription } from '../sdp/write.ts';
import { DataChannelCount } from './data-channel-count.ts';
import { IceRestarts } from './ice-restarts.ts';
import { type IceCandidate, LocalCandidates } from './local-candidates.ts';
import { type Agreement, Negotiation, type SessionDescriptionInit, type SignalingState } from './negotiation.ts';
import { RemoteCandidates } from './remote-candidates.ts';
import { type ReceptionReport, RtcpSession } from './rtcp-session.ts';
import type { RtpReceiver } from './rtp-receiver.ts';
import { RtpReception } from './rtp-reception.ts';
import type { RtpSender } from './rtp-sender.ts';
import { buildStats } from './stats.ts';
import { Transceiver } from './transceiver.ts';
import type {
  DataChannel,
  DataChannelInit,
  RestartReason,
  RTCStatsEntry,
  Transport,
  TransportFactory,
} from './transport/types.ts';
import type { ConnectionOptions, ConnectionState, IceCandidateInit, IceServer, Lane, TransceiverInit } from './types.ts';

export type { IceCandidate } from './local-candidates.ts';
export type { SessionDescriptionInit, SignalingState } from './negotiation.ts';
export type { ReceptionReport } from './rtcp-session.ts';
export { Transceiver } from './transceiver.ts';

const NO_EXTENSIONS: NegotiatedExtensions = {};

export type ConnectionEvents = {
  /** Never before `setLocalDescription` has resolved, so that a candidate cannot overtake the description it belongs to. */
  icecandidate: [candidate: IceCandidate];
  statechange: [state: ConnectionState];
  signalingstatechange: [state: SignalingState];
  /**
   * An ICE restart is due, because nothing is heard from the peer or this host lost the address in use: whoever can offer calls
   * `restartIce` and negotiates. Again, less and less often, while nothing is heard.
   */
  restartneeded: [reason: RestartReason];
  /** There are no candidates of ours, because no socket could be opened: `ADDRESS_IN_USE` where the ports allowed are all taken. */
  gatheringfailed: [error: TsWebRTCError];
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
  readonly #negotiation: Negotiation;
  readonly #transceivers: Transceiver[] = [];
  #senders: readonly RtpSender[] = [];
  #receivers: readonly RtpReceiver[] = [];
  readonly #rtcp: RtcpSession;
  readonly #reception: RtpReception;
  readonly #remoteCandidates: RemoteCandidates;
  readonly #localCandidates = new LocalCandidates();
  readonly #restarts = new IceRestarts();
  readonly #channelCount = new DataChannelCount();

  #setup: 'active' | 'passive' | undefined;
  #wantsApplication = false;
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
    this.#negotiation = new Negotiation({
      cname: this.#cname,
      dataChannels: this.#dataChannels,
      onStateChange: (state) => this.emit('signalingstatechange', state),
    });
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
    transport.on('restartneeded', (reason) => this.emit('restartneeded', reason));
    transport.on('datachannel', (channel) => {
      this.#channelCount.watch(channel);
      this.emit('datachannel', channel);
    });
  }

  /** Sum of ICE and DTLS, as in the W3C's `connectionState`. */
  get state(): ConnectionState {
    return this.#closing ? 'closed' : this.#transport.state;
  }

  /** Why the state is `failed`, for people; without a full stop. */
  get failure(): string | undefined {
    return this.#transport.failure;
  }

  get signalingState(): SignalingState {
    return this.#negotiation.state;
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
    return this.#negotiation.remoteMedia;
  }

  /** The media sections of our last description. */
  get localMedia(): readonly MediaDescription[] {
    return this.#negotiation.local?.description.media ?? [];
  }

  /** The last local description, with the candidates gathered so far in the m-line they belong to. */
  get localDescription(): SessionDescriptionInit | undefined {
    const { local } = this.#negotiation;
    if (!local) return undefined;
    const { type, description } = local;
    return { type, sdp: writeDescription(this.#localCandidates.fill(description)) };
  }

  get remoteDescription(): SessionDescriptionInit | undefined {
    return this.#negotiation.remote;
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
    this.#sortTransceivers();
    return transceiver;
  }

  /**
   * Sends nothing more of a medium, says goodbye for it and frees what it took. Its m-line turns inactive with the next offer
   * (RFC 8829 §5.2.2) and keeps its place.
   */
  stopSending(transceiver: Transceiver): void {
    const { senders } = transceiver;
    transceiver.direction = transceiver.direction === 'sendrecv' ? 'recvonly' : 'inactive';
    if (this.lane !== undefined) this.#rtcp.goodbye(senders);
    for (const sender of senders) sender.stop();
  }

  /** Takes back a transceiver that has no m-line, so that it never gets one. Others stay. */
  withdraw(transceiver: Transceiver): void {
    const index = this.#transceivers.indexOf(transceiver);
    if (index < 0 || transceiver.mid !== undefined) return;
    this.#transceivers.splice(index, 1);
    this.#sortTransceivers();
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

  /**
   * Lets the next offer restart ICE: other credentials and candidates, while what runs over the pair in use goes on until
   * there is another one. Before the first offer and answer there is nothing to restart.
   */
  restartIce(): void {
    this.#restarts.request();
  }

  /** Whether `restartIce` was called, and the restart is neither agreed on nor in an offer of ours that waits for its answer. */
  get restartDue(): boolean {
    return this.#restarts.due;
  }

  /** Lets the next offer be one without a restart, as if none had been asked for. */
  forgetRestart(): void {
    this.#restarts.forget();
  }

  /**
   * Takes back our offer that waits for its answer: what was agreed before is in force, candidates of a restart in it are void, and
   * the restart is still due. Throws `INVALID_STATE` without such an offer, and where it is the first.
   */
  rollback(): void {
    this.#assertOpen();
    this.#negotiation.rollback();
    this.#transport.cancelRestart();
    if (this.#restarts.rollback()) this.#localCandidates.rollback();
  }

  /** An offer of all transceivers and, where a channel was created, data channels. Rejects with `INVALID_STATE`. */
  async createOffer(): Promise<SessionDescriptionInit> {
    this.#assertOpen();
    const parameters = this.#restarts.inNextOffer ? this.#transport.prepareRestart() : this.#transport.local;
    return this.#negotiation.createOffer(this.#transceivers, this.#wantsApplication, parameters);
  }

  /** An answer to the offer of the peer with what the transceivers can take of it. Rejects with `INVALID_STATE`. */
  async createAnswer(): Promise<SessionDescriptionInit> {
    this.#assertOpen();
    const parameters = this.#restarts.areIn(this.remoteMedia) ? this.#transport.prepareRestart() : this.#transport.local;
    return this.#negotiation.createAnswer(this.#transceivers, parameters, this.#setup);
  }

  /** Puts an offer or answer of ours in force and begins to gather. Rejects with `INVALID_STATE` or `INVALID_SDP`. */
  async setLocalDescription(init: SessionDescriptionInit): Promise<void> {
    this.#assertOpen();
    const agreement = this.#negotiation.setLocal(init);
    if (agreement) this.#apply(agreement);
    else this.#restarts.offered(this.localMedia);
    this.#gather();
  }

  /** Takes the peer's offer or answer. Rejects with `INVALID_STATE` or `INVALID_SDP`; nothing has changed then. */
  async setRemoteDescription(init: SessionDescriptionInit): Promise<void> {
    this.#assertOpen();
    const agreement = this.#negotiation.setRemote(init);
    if (agreement) this.#apply(agreement);
  }

  /** Takes a candidate of the peer; before the descriptions are complete it waits. Unusable ones are ignored. */
  async addIceCandidate(candidate: IceCandidateInit): Promise<void> {
    if (this.#closing) return;
    this.#remoteCandidates.add(candidate.candidate);
  }

  /**
   * Other STUN and TURN servers, or newer credentials: relays that there are take credentials for their server when they need
   * them, everything else counts when a relay has to be replaced or candidates are gathered again. Throws `INVALID_OPTION`.
   */
  setIceServers(servers: readonly IceServer[]): void {
    if (!this.#closing) this.#transport.setIceServers(servers);
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
    this.#negotiation.close();
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
  #apply(agreement: Agreement): void {
    // One number for all m-lines of a bundle (RFC 8843 §9.2, RFC 8285 §5).
    this.#extensions = Object.assign({}, ...agreement.media.map(({ extensions }) => extensions));
    const index = agreement.media.findIndex(({ accepted }) => accepted);
    if (index >= 0) this.#connect(agreement, index);
    this.#logger.debug({ media: agreement.media.map(({ direction, codec }) => [direction, codec?.name]) }, 'negotiated');
    this.emit('negotiated');
  }

  /** `index`: the m-line that carries the bundle. */
  #connect(agreement: Agreement, index: number): void {
    const { local, remote, answer } = agreement;
    const dataChannels = hasDataChannels(agreement);
    const theirs = remote.media[index]!;
    const { usernameFragment, password } = theirs;
    if (usernameFragment === undefined || password === undefined) return;
    const credentials = { local: local.media[index]!.usernameFragment, remote: { usernameFragment, password } };
    const restarted = this.#restarts.agreed(credentials, answer);
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
    } else {
      if (restarted) {
        this.#transport.restart({ ...credentials.remote, iceLite: remote.iceLite });
        this.#remoteCandidates.open(usernameFragment);
      }
      if (dataChannels) this.#transport.startDataChannels();
    }
    for (const media of remote.media) {
      if (media.usernameFragment !== usernameFragment) continue;
      for (const candidate of media.candidates) this.#remoteCandidates.add(candidate);
    }
    if (theirs.endOfCandidates) this.#remoteCandidates.add('');
  }

  /** Gathers once for each restart, after the caller of `setLocalDescription` had the chance to send the description. */
  #gather(): void {
    const due = this.#restarts.gather(this.localMedia);
    if (due === undefined) return;
    if (due === 'restart') this.#localCandidates.restart();
    setImmediate(() => {
      if (this.#closing) return;
      this.#transport.gather().catch((error: unknown) => {
        this.#logger.warn({ err: asError(error) }, 'gathering candidates failed');
        this.emit('gatheringfailed', asError(error));
      });
    });
  }

  #onLocalCandidate(candidate: string): void {
    const { local } = this.#negotiation;
    if (this.#closing || !local) return;
    this.emit('icecandidate', this.#localCandidates.add(candidate, local.description));
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

  #sortTransceivers(): void {
    this.#senders = this.#transceivers.flatMap(({ senders }) => senders);
    if (this.#receives) this.#receivers = this.#transceivers.flatMap(({ receiver }) => receiver ?? []);
  }

  #assertOpen(): void {
    if (this.#closing) throw new TsWebRTCError('INVALID_STATE', 'The connection is closed.');
  }
}

function hasDataChannels({ media, local }: Agreement): boolean {
  return media.some(({ accepted }, index) => accepted && local.media[index]!.kind === 'application');
}
