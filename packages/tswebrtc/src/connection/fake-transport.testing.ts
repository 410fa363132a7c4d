/** A transport without a network, for tests of what a connection does with one. */
import { Emitter } from '../common/emitter.ts';
import type {
  DataChannel,
  DataChannelEvents,
  RTCStatsEntry,
  Transport,
  TransportEvents,
  TransportParameters,
} from './transport/types.ts';
import type { ConnectionState, Lane } from './types.ts';

class FakeDataChannel extends Emitter<DataChannelEvents> implements DataChannel {
  readonly label: string;
  readonly id = null;
  readyState: DataChannel['readyState'] = 'connecting';
  readonly bufferedAmount = 0;

  constructor(label: string) {
    super();
    this.label = label;
  }

  open(): void {
    this.readyState = 'open';
    this.emit('open');
  }

  async send(): Promise<void> {}

  async close(): Promise<void> {
    this.readyState = 'closed';
    this.emit('close');
  }
}

export class FakeTransport extends Emitter<TransportEvents> implements Transport {
  local: TransportParameters = {
    usernameFragment: 'fake',
    password: 'fakepasswordfakepassword',
    fingerprints: [{ algorithm: 'sha-256', value: Array.from({ length: 32 }, () => 'AB').join(':') }],
  };
  state: ConnectionState = 'new';
  failure: string | undefined;
  lane: Lane | undefined;
  gatheringState: 'new' | 'gathering' | 'complete' = 'new';
  readonly started: Parameters<Transport['start']>[] = [];
  readonly restarted: Parameters<Transport['restart']>[] = [];
  prepared: TransportParameters | undefined;
  cancelled = 0;
  readonly remoteCandidates: string[] = [];
  readonly sent: Uint8Array[] = [];
  readonly channels: FakeDataChannel[] = [];
  stats: RTCStatsEntry[] = [];
  closed = 0;
  dataChannelsStarted = 0;

  async gather(): Promise<void> {
    this.gatheringState = 'gathering';
  }

  setIceServers(): void {}

  start(...start: Parameters<Transport['start']>): void {
    this.started.push(start);
    this.become('connecting');
  }

  prepareRestart(): TransportParameters {
    this.prepared ??= { ...this.local, usernameFragment: `fake${this.restarted.length + this.cancelled + 1}` };
    return this.prepared;
  }

  cancelRestart(): void {
    this.prepared = undefined;
    this.cancelled++;
  }

  restart(...restart: Parameters<Transport['restart']>): void {
    this.restarted.push(restart);
    this.local = this.prepared ?? this.local;
    this.prepared = undefined;
  }

  startDataChannels(): void {
    this.dataChannelsStarted++;
  }

  async addRemoteCandidate(candidate: string): Promise<void> {
    this.remoteCandidates.push(candidate);
  }

  sendRtcp(compound: Uint8Array): void {
    if (this.state === 'connected') this.sent.push(compound);
  }

  createDataChannel(label: string): DataChannel {
    const channel = new FakeDataChannel(label);
    this.channels.push(channel);
    return channel;
  }

  getStats(): RTCStatsEntry[] {
    return this.stats;
  }

  async close(): Promise<void> {
    this.closed++;
    this.become('closed');
  }

  become(state: ConnectionState): void {
    this.state = state;
    if (state === 'connected') this.lane = 0;
    this.emit('statechange', state);
  }

  discover(candidate: string): void {
    this.emit('candidate', candidate);
  }

  receiveRtcp(compound: Uint8Array, arrival = performance.now()): void {
    this.emit('rtcp', compound, arrival);
  }
}
