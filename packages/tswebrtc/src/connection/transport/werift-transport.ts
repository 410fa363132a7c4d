/**
 * ICE, DTLS, SRTP and SCTP of one connection put together: the order in which they come up, what each datagram is
 * (RFC 7983), when the peer counts as gone, and the end.
 */
import { performance } from 'node:perf_hooks';
import { Emitter } from '../../common/emitter.ts';
import { TsWebRTCError } from '../../common/errors.ts';
import type { Logger } from '../../common/logger.ts';
import { SrtcpProtector, SrtpReceiver } from '../srtp/srtp-context.ts';
import type { ConnectionOptions, ConnectionState, IceServer, Lane, LaneCounters, LaneOptions } from '../types.ts';
import type { LocalCertificate } from './certificate.ts';
import { DataChannels } from './data-channels.ts';
import type { Address } from './datagram-port.ts';
import { DtlsEndpoint, type SrtpKeys } from './dtls-endpoint.ts';
import type { SelectedPair } from './ice-agent.ts';
import { IceTransport } from './ice-transport.ts';
import { watchAddresses } from './network-monitor.ts';
import { transportStats } from './transport-stats.ts';
import type {
  DataChannel,
  DataChannelInit,
  IceParameters,
  RTCStatsEntry,
  Transport,
  TransportEvents,
  TransportParameters,
  TransportRole,
} from './types.ts';

const DISCONNECTED_TIMEOUT = 5000;
const FAILED_TIMEOUT = 30_000;
/** ms from `start` to `connected` at most. */
const CONNECT_DEADLINE = 30_000;
/** ms from one restart against silence to the next, doubling: the first may have come before there was a network again. */
const FIRST_RESTART_INTERVAL = 4000;
/** DTLS datagrams kept while ICE is not ready: a peer whose checks end first speaks first. */
const MOST_EARLY_DATAGRAMS = 16;
/** Media that came before the keys: a peer may send them right behind its last handshake message, and the first is a keyframe. */
const MOST_EARLY_MEDIA = 256;

export type TransportOptions = ConnectionOptions & { dataChannels: boolean };

export class WeriftTransport extends Emitter<TransportEvents> implements Transport {
  readonly #options: TransportOptions;
  readonly #certificate: LocalCertificate;
  readonly #log: Logger;
  readonly #ice: IceTransport;
  readonly #channels: DataChannels;
  readonly #disconnectedTimeout: number;
  readonly #failedTimeout: number;
  #state: ConnectionState = 'new';
  #failure: string | undefined;
  #lane: Lane | undefined;
  #remote: TransportParameters | undefined;
  #role: TransportRole | undefined;
  /** Both sides have data channels. */
  #sctpAgreed = false;
  #sctpStarted = false;
  #dtls: DtlsEndpoint | undefined;
  #profile: SrtpKeys['profile'] | undefined;
  #receiver: SrtpReceiver | undefined;
  #rtcpProtector: SrtcpProtector | undefined;
  #selected: SelectedPair | undefined;
  /** What the lane had sent when the pair in use came into use. */
  #laneBefore: LaneCounters = { packets: 0, bytes: 0, dropped: 0 };
  #early: { datagram: Buffer; from: Address }[] = [];
  #earlyMedia: { readonly datagram: Buffer; readonly arrival: number }[] = [];
  #lastHeard = 0;
  #lastWatch = 0;
  #deadline: NodeJS.Timeout | undefined;
  #silence: NodeJS.Timeout | undefined;
  #nextRestart = 0;
  #restartInterval = FIRST_RESTART_INTERVAL;
  /** ms for which the peer, though heard, has answered none of our checks. */
  #unanswered = 0;
  /** When the addresses of this host last changed. */
  #addressesChanged = Number.NEGATIVE_INFINITY;
  #unwatch: (() => void) | undefined;
  #released = false;
  #closing: Promise<void> | undefined;

  constructor(options: TransportOptions, certificate: LocalCertificate, logger: Logger) {
    super();
    checkPortRange(options.portRange);
    this.#options = options;
    this.#certificate = certificate;
    this.#log = logger;
    this.#disconnectedTimeout = options.disconnectedTimeout ?? DISCONNECTED_TIMEOUT;
    this.#failedTimeout = Math.max(options.failedTimeout ?? FAILED_TIMEOUT, this.#disconnectedTimeout);
    this.#ice = new IceTransport(
      { ...options, logger },
      {
        candidate: (line) => this.emit('candidate', line),
        datagram: (datagram, from) => this.#receive(datagram, from),
        alive: () => this.#heard(performance.now()),
        selected: (selected) => this.#useSelectedPair(selected),
        failed: (error) => this.#fail('ICE failed', error),
      },
    );
    this.#channels = new DataChannels(logger, (channel) => this.emit('datachannel', channel));
  }

  get local(): TransportParameters {
    return { ...this.#ice.local, fingerprints: [this.#certificate.fingerprint] };
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get failure(): string | undefined {
    return this.#failure;
  }

  get lane(): Lane | undefined {
    return this.#lane;
  }

  get gatheringState(): 'new' | 'gathering' | 'complete' {
    return this.#ice.gatheringState;
  }

  async gather(): Promise<void> {
    if (this.#released) return;
    await this.#ice.gather();
    const { iceTransportPolicy } = this.#options;
    const isFirst = this.#state === 'new' || this.#state === 'connecting';
    if (isFirst && iceTransportPolicy === 'relay' && this.#ice.localCandidates.length === 0)
      this.#fail('no TURN server gave a relay, and nothing else may be used');
  }

  start(remote: TransportParameters, role: TransportRole): void {
    if (this.#state !== 'new') {
      throw new TsWebRTCError('INVALID_STATE', `the transport is ${this.#state}; it can be started only once`);
    }
    this.#remote = remote;
    this.#role = role;
    this.#sctpAgreed = role.dataChannels;
    this.#setState('connecting');
    this.#deadline = setTimeout(() => this.#fail(`not connected after ${CONNECT_DEADLINE / 1000} s`), CONNECT_DEADLINE);
    this.#ice.connect(remote, role.ice);
  }

  prepareRestart(): TransportParameters {
    if (this.#released) return this.local;
    return { ...this.#ice.prepareRestart(), fingerprints: [this.#certificate.fingerprint] };
  }

  cancelRestart(): void {
    this.#ice.cancelRestart();
  }

  restart(remote: IceParameters & { readonly iceLite?: boolean }): void {
    if (this.#released) return;
    this.#log.debug({}, 'ICE restarts');
    this.#ice.connect(remote);
  }

  startDataChannels(): void {
    this.#sctpAgreed = true;
    this.#startSctp();
  }

  async addRemoteCandidate(candidate: string): Promise<void> {
    if (candidate.trim() === '' || this.#released) return;
    await this.#ice
      .addRemoteCandidate(candidate)
      .catch((error) => this.#log.debug({ error: String(error) }, 'remote candidate ignored'));
  }

  setIceServers(servers: readonly IceServer[]): void {
    this.#ice.setServers(servers);
  }

  sendRtcp(compound: Uint8Array): void {
    if (this.#state !== 'connected' && this.#state !== 'disconnected') return;
    const datagram = this.#rtcpProtector?.protect(compound);
    if (datagram) this.#ice.send(datagram);
  }

  createDataChannel(label: string, init: DataChannelInit = {}): DataChannel {
    return this.#channels.create(label, init);
  }

  getStats(timestamp: number): RTCStatsEntry[] {
    const stats = transportStats({
      timestamp,
      ice: this.#ice,
      selected: this.#selected,
      dtls: this.#dtls,
      dtlsRole: this.#role?.dtls,
      state: this.#state,
      profile: this.#profile,
      lane: this.#laneCounters(),
      laneBefore: this.#laneBefore,
      local: this.#certificate,
    });
    return [...stats, ...this.#channels.getStats(timestamp, 'transport')];
  }

  close(): Promise<void> {
    this.#closing ??= this.#release('closed');
    return this.#closing;
  }

  /** The first pair, over which DTLS begins, or another one, over which everything goes on. */
  #useSelectedPair(selected: SelectedPair): void {
    if (this.#released || !this.#remote || !this.#role) return;
    const [before, lane] = [this.#selected?.pair, this.#laneCounters()];
    if (before && lane) {
      before.packetsSent += lane.packets - this.#laneBefore.packets;
      before.bytesSent += lane.bytes - this.#laneBefore.bytes;
      this.#laneBefore = lane;
    }
    this.#selected = selected;
    this.#log.debug({ remote: selected.remote.join(':') }, before ? 'ICE uses another pair' : 'ICE connected');
    if (!before) this.#startDtls(selected, this.#remote, this.#role);
    else if (this.#lane !== undefined) this.#options.srtpSender.setDestination(this.#lane, this.#destination(selected));
    this.#heard(performance.now());
  }

  #laneCounters(): LaneCounters | undefined {
    return this.#lane === undefined ? undefined : this.#options.srtpSender.counters(this.#lane);
  }

  #startDtls(selected: SelectedPair, remote: TransportParameters, role: TransportRole): void {
    const dtls = new DtlsEndpoint(
      {
        role: role.dtls,
        certificate: this.#certificate,
        remoteFingerprints: remote.fingerprints,
        roundTripTime: selected.pair.rtt,
        logger: this.#log,
        send: (datagram) => this.#ice.send(datagram),
      },
      {
        connected: (keys) => this.#dtlsConnected(keys),
        data: (message) => {
          this.#heard(performance.now());
          this.#channels.receive(message);
        },
        closed: () => {
          this.#log.info({}, 'the peer closed the connection');
          void this.close();
        },
        failed: (reason) => this.#fail('DTLS failed', reason),
      },
    );
    this.#dtls = dtls;
    const early = this.#early;
    this.#early = [];
    for (const { datagram, from } of early) if (this.#ice.isPeer(from)) dtls.receive(datagram);
    dtls.start();
  }

  #dtlsConnected(keys: SrtpKeys): void {
    if (this.#released || !this.#selected || !this.#role) return;
    clearTimeout(this.#deadline);
    this.#profile = keys.profile;
    this.#receiver = new SrtpReceiver(keys.profile, keys.remoteKey, keys.remoteSalt);
    this.#rtcpProtector = new SrtcpProtector(keys.profile, keys.localKey, keys.localSalt);
    try {
      this.#lane = this.#options.srtpSender.addLane({
        profile: keys.profile,
        masterKey: keys.localKey,
        masterSalt: keys.localSalt,
        ...this.#destination(this.#selected),
      });
    } catch (error) {
      this.#fail('the SRTP sender took no lane', error);
      return;
    }
    this.#lastHeard = this.#lastWatch = performance.now();
    const period = Math.min(500, Math.max(20, this.#disconnectedTimeout / 10));
    this.#silence = setInterval(() => this.#watch(period), period);
    this.#unwatch = watchAddresses((added, removed) => this.#onAddresses(added, removed));
    this.#startSctp();
    this.#log.info({ profile: keys.profile, remote: this.#selected.remote.join(':') }, 'connected');
    this.#setState('connected');
    const early = this.#earlyMedia;
    this.#earlyMedia = [];
    for (const { datagram, arrival } of early) this.#receiveMedia(datagram, arrival);
  }

  /** Once DTLS is up and both sides have said that they want it. */
  #startSctp(): void {
    const dtls = this.#dtls;
    if (this.#sctpStarted || !this.#sctpAgreed || !this.#options.dataChannels) return;
    if (this.#lane === undefined || !dtls || !this.#role) return;
    this.#sctpStarted = true;
    this.#channels.start(this.#role.dtls, (packet) => dtls.send(packet));
  }

  #destination({ port, remote }: SelectedPair): Pick<LaneOptions, 'socket' | 'address' | 'port' | 'sendDatagram'> {
    return {
      ...(port.socket ? { socket: port.socket } : {}),
      address: remote[0],
      port: remote[1],
      sendDatagram: (datagram) => void port.send(datagram, remote).catch(ignore),
    };
  }

  /** RFC 7983 §7: the first byte says what a datagram is. STUN has gone to ICE already. */
  #receive(datagram: Buffer, from: Address): void {
    const first = datagram[0];
    if (first === undefined || this.#released) return;
    if (first >= 128 && first <= 191) this.#receiveMedia(datagram);
    else if (first >= 20 && first <= 63) this.#receiveDtls(datagram, from);
  }

  #receiveMedia(datagram: Buffer, arrival = performance.now()): void {
    if (datagram.length < 8) return;
    if (!this.#receiver) {
      if (this.#earlyMedia.length < MOST_EARLY_MEDIA) this.#earlyMedia.push({ datagram, arrival });
      return;
    }
    const payloadType = datagram[1]! & 0x7f;
    // RFC 5761 §4.
    if (payloadType >= 64 && payloadType <= 95) {
      const compound = this.#receiver.unprotectRtcp(datagram);
      if (!compound) return;
      this.#heard(arrival);
      this.emit('rtcp', compound, arrival);
    } else {
      const packet = this.#receiver.unprotectRtp(datagram);
      if (!packet) return;
      this.#heard(arrival);
      this.emit('rtp', packet, arrival);
    }
  }

  #receiveDtls(datagram: Buffer, from: Address): void {
    if (!this.#dtls) {
      if (this.#early.length < MOST_EARLY_DATAGRAMS) this.#early.push({ datagram, from });
    } else if (this.#ice.isPeer(from)) {
      this.#dtls.receive(datagram);
    }
  }

  #heard(now: number): void {
    this.#lastHeard = now;
    if (this.#state === 'disconnected' && !this.#released) this.#setState('connected');
  }

  /** The silence timer: ICE's own consent would notice a silent peer only after 30 s. */
  #watch(period: number): void {
    const now = performance.now();
    // While this process did not run nobody could be heard: what came then is still to be read.
    const stalled = now - this.#lastWatch - period;
    if (stalled > period) this.#lastHeard = Math.min(now, this.#lastHeard + stalled);
    this.#lastWatch = now;
    this.#ice.watch(now, this.#disconnectedTimeout, now - this.#lastHeard > this.#disconnectedTimeout / 3);
    const silence = now - this.#lastHeard;
    const isOverdue = this.#ice.isOverdue(now, this.#disconnectedTimeout);
    // By the time that is watched: an answer may lie unread behind a time in which this process did not run.
    this.#unanswered = isOverdue ? this.#unanswered + period : 0;
    if (silence >= this.#failedTimeout) this.#fail(`nothing heard from the peer for ${this.#failedTimeout} ms`);
    else if (this.#unanswered >= this.#failedTimeout) this.#fail('the peer has stopped answering connectivity checks');
    else if (silence >= this.#disconnectedTimeout) {
      if (this.#state === 'connected') this.#setState('disconnected');
      this.#needRestart(now);
    } else if (isOverdue) this.#needRestart(now);
    else if (silence > this.#disconnectedTimeout / 2 && this.#lastHeard < this.#addressesChanged) this.#followAddresses();
    else {
      this.#restartInterval = FIRST_RESTART_INTERVAL;
      this.#nextRestart = now;
    }
  }

  #needRestart(now: number): void {
    if (now < this.#nextRestart || this.#released) return;
    this.#nextRestart = now + this.#restartInterval;
    this.#restartInterval *= 2;
    this.emit('restartneeded', 'silence');
  }

  #onAddresses(added: readonly string[], removed: readonly string[]): void {
    this.#log.debug({ added, removed }, 'the addresses of this host have changed');
    const own = this.#selected?.port.localAddress;
    this.#addressesChanged = performance.now();
    if (this.#state === 'disconnected' || (own !== undefined && removed.includes(own))) this.#followAddresses();
  }

  /** The path does not work, and there may be another one from the addresses that there are now. */
  #followAddresses(): void {
    this.#addressesChanged = Number.NEGATIVE_INFINITY;
    this.emit('restartneeded', 'network-change');
  }

  #fail(what: string, cause?: unknown): void {
    if (this.#released) return;
    const reason = cause instanceof Error ? cause.message : undefined;
    this.#failure = what;
    this.#log.warn({ ...(reason ? { reason } : {}) }, `connection failed: ${what}`);
    void this.#release('failed');
  }

  /** Frees everything; both ends of a transport's life come through here. */
  async #release(state: 'failed' | 'closed'): Promise<void> {
    const first = !this.#released;
    this.#released = true;
    clearTimeout(this.#deadline);
    clearInterval(this.#silence);
    this.#unwatch?.();
    this.#early = [];
    this.#earlyMedia = [];
    if (this.#lane !== undefined) this.#options.srtpSender.removeLane(this.#lane);
    this.#lane = undefined;
    if (first) {
      const freed = this.#free();
      this.#setState(state);
      return freed;
    }
    this.#setState(state);
    await this.#freed;
  }

  #freed: Promise<void> | undefined;

  #free(): Promise<void> {
    this.#freed ??= (async () => {
      await this.#channels.close().catch(() => {});
      this.#dtls?.close();
      await this.#ice.close();
    })();
    return this.#freed;
  }

  #setState(state: ConnectionState): void {
    if (this.#state === state || this.#state === 'closed') return;
    this.#state = state;
    this.emit('statechange', state);
  }
}

function checkPortRange(range: ConnectionOptions['portRange']): void {
  if (!range) return;
  const [min, max] = range;
  if (!Number.isInteger(min) || !Number.isInteger(max) || min < 1 || max > 65535 || min > max) {
    throw new TsWebRTCError('INVALID_OPTION', `the port range ${min} to ${max} is not within 1 to 65535, lowest first`);
  }
}

const ignore = (): void => {};
