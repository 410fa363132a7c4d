/** The data channels of one connection (RFC 8831), set up in-band (RFC 8832), over one SCTP association. */
import { Emitter } from '../../common/emitter.ts';
import { TsWebRTCError } from '../../common/errors.ts';
import type { Logger } from '../../common/logger.ts';
import { checkDataChannel } from '../data-channel-init.ts';
import { decodeDcep, encodeAck, encodeOpen, PPID } from './dcep.ts';
import { type Reliability, SctpAssociation } from './sctp-association.ts';
import type { DataChannel, DataChannelEvents, DataChannelInit, RTCStatsEntry } from './types.ts';

/** Bytes that may wait in one channel; browsers have the same bound. */
const MOST_BUFFERED = 16 << 20;
const LAST_STREAM = 65534;
/** Channels that a peer may open: it could otherwise open 65534 with one small packet each. */
const MOST_CHANNELS = 1024;
const RELIABLE: Reliability = { ordered: true };

interface Outgoing {
  readonly channel: Channel;
  readonly payloadProtocolId: number;
  readonly data: Buffer;
  /** What `bufferedAmount` counts for it. */
  readonly size: number;
}

class Channel extends Emitter<DataChannelEvents> implements DataChannel {
  readonly label: string;
  readonly init: DataChannelInit;
  readonly #channels: DataChannels;
  id: number | null = null;
  readyState: 'connecting' | 'open' | 'closing' | 'closed' = 'connecting';
  bufferedAmount = 0;
  readonly counters = { messagesSent: 0, bytesSent: 0, messagesReceived: 0, bytesReceived: 0 };

  constructor(channels: DataChannels, label: string, init: DataChannelInit) {
    super();
    this.#channels = channels;
    this.label = label;
    this.init = init;
  }

  async send(data: string | Uint8Array): Promise<void> {
    if (this.readyState !== 'open') {
      throw new TsWebRTCError('INVALID_STATE', `data channel "${this.label}" is ${this.readyState}; send while it is open`);
    }
    const bytes = typeof data === 'string' ? Buffer.from(data) : Buffer.from(data);
    if (this.bufferedAmount + bytes.length > MOST_BUFFERED) {
      throw new TsWebRTCError('INVALID_STATE', `data channel "${this.label}" is full; wait until bufferedAmount falls`);
    }
    this.counters.messagesSent++;
    this.counters.bytesSent += bytes.length;
    this.bufferedAmount += bytes.length;
    const string = typeof data === 'string';
    // RFC 8831 §6.6: SCTP has no empty messages, so one byte stands for them.
    if (bytes.length === 0) this.#channels.enqueue(this, string ? PPID.emptyString : PPID.emptyBinary, Buffer.alloc(1), 0);
    else this.#channels.enqueue(this, string ? PPID.string : PPID.binary, bytes, bytes.length);
  }

  async close(): Promise<void> {
    this.#channels.closeChannel(this);
  }

  opened(): void {
    if (this.readyState !== 'connecting') return;
    this.readyState = 'open';
    this.emit('open');
  }

  received(data: string | Uint8Array, size: number): void {
    if (this.readyState === 'closed') return;
    this.counters.messagesReceived++;
    this.counters.bytesReceived += size;
    this.emit('message', data);
  }

  ended(): void {
    if (this.readyState === 'closed') return;
    this.readyState = 'closed';
    this.bufferedAmount = 0;
    this.emit('close');
  }
}

export class DataChannels {
  readonly #log: Logger;
  readonly #announce: (channel: DataChannel) => void;
  readonly #channels = new Map<number, Channel>();
  /** Made before it was known which stream numbers are ours. */
  #waiting: Channel[] = [];
  #queue: Outgoing[] = [];
  #sending = false;
  #association: SctpAssociation | undefined;
  #established = false;
  #closed = false;
  #nextId = 0;

  /** `announce` is called for each channel that the peer opens. */
  constructor(logger: Logger, announce: (channel: DataChannel) => void) {
    this.#log = logger;
    this.#announce = announce;
  }

  /** Sets up the association over a DTLS association that is up. RFC 8832 §6: the DTLS client has the even streams. */
  start(role: 'client' | 'server', send: (packet: Buffer) => void): void {
    if (this.#closed) return;
    this.#nextId = role === 'client' ? 0 : 1;
    this.#association = new SctpAssociation(
      { client: role === 'client', send, logger: this.#log },
      {
        established: () => this.#onEstablished(),
        message: (streamId, payloadProtocolId, data) => this.#onMessage(streamId, payloadProtocolId, data),
        streamsReset: (streamIds) => this.#onReset(streamIds),
        closed: () => this.#end(),
      },
    );
    this.#association.start();
  }

  receive(packet: Buffer): void {
    this.#association?.receive(packet);
  }

  create(label: string, init: DataChannelInit): DataChannel {
    if (this.#closed) throw new TsWebRTCError('INVALID_STATE', 'the connection is closed; make a new one for a data channel');
    checkDataChannel(label, init);
    const channel = new Channel(this, label, init);
    if (this.#established) this.#open(channel);
    else this.#waiting.push(channel);
    return channel;
  }

  /** @internal Used by `Channel`. */
  enqueue(channel: Channel, payloadProtocolId: number, data: Buffer, size: number): void {
    this.#queue.push({ channel, payloadProtocolId, data, size });
    void this.#flush();
  }

  /** @internal Used by `Channel`. */
  closeChannel(channel: Channel): void {
    if (channel.readyState === 'closing' || channel.readyState === 'closed') return;
    if (channel.id === null || !this.#association) {
      this.#waiting = this.#waiting.filter((other) => other !== channel);
      channel.ended();
      return;
    }
    channel.readyState = 'closing';
    // RFC 8831 §6.7: what was sent before is delivered first.
    if (!this.#queue.some((item) => item.channel === channel)) this.#association.reset(channel.id);
  }

  getStats(timestamp: number, transportId: string): RTCStatsEntry[] {
    return [...this.#channels.values(), ...this.#waiting].map((channel, i) => ({
      id: `data-channel_${channel.id ?? `waiting-${i}`}`,
      type: 'data-channel',
      timestamp,
      transportId,
      label: channel.label,
      protocol: channel.init.protocol ?? '',
      dataChannelIdentifier: channel.id,
      state: channel.readyState,
      ...channel.counters,
    }));
  }

  /** Ends all channels with an SCTP ABORT. Idempotent. */
  async close(): Promise<void> {
    const association = this.#association;
    this.#end();
    await association?.close();
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#established = false;
    this.#queue = [];
    const channels = [...this.#channels.values(), ...this.#waiting];
    this.#channels.clear();
    this.#waiting = [];
    for (const channel of channels) channel.ended();
  }

  #onEstablished(): void {
    if (this.#established || this.#closed) return;
    this.#established = true;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const channel of waiting) this.#open(channel);
  }

  #open(channel: Channel): void {
    while (this.#channels.has(this.#nextId)) this.#nextId += 2;
    if (this.#nextId > LAST_STREAM) {
      channel.ended();
      return;
    }
    channel.id = this.#nextId;
    this.#channels.set(channel.id, channel);
    this.#nextId += 2;
    this.enqueue(channel, PPID.dcep, encodeOpen(channel.label, channel.init), 0);
  }

  #onMessage(streamId: number, payloadProtocolId: number, data: Buffer): void {
    if (payloadProtocolId === PPID.dcep) {
      this.#onDcep(streamId, data);
      return;
    }
    const channel = this.#channels.get(streamId);
    if (!channel) return;
    // RFC 8832 §6: user messages may overtake the acknowledgement of the channel.
    channel.opened();
    if (payloadProtocolId === PPID.string) channel.received(data.toString('utf8'), data.length);
    else if (payloadProtocolId === PPID.binary) channel.received(data, data.length);
    else if (payloadProtocolId === PPID.emptyString) channel.received('', 0);
    else if (payloadProtocolId === PPID.emptyBinary) channel.received(new Uint8Array(0), 0);
    else this.#log.debug({ payloadProtocolId }, 'a data channel message of an unknown kind was ignored');
  }

  #onDcep(streamId: number, data: Buffer): void {
    const message = decodeDcep(data);
    if (message?.type === 'ack') this.#channels.get(streamId)?.opened();
    if (message?.type !== 'open' || this.#channels.has(streamId)) return;
    if (this.#channels.size >= MOST_CHANNELS) {
      this.#log.warn({ channels: MOST_CHANNELS }, 'the peer opens too many data channels');
      this.#association?.reset(streamId);
      return;
    }
    const channel = new Channel(this, message.label, message.init);
    channel.id = streamId;
    this.#channels.set(streamId, channel);
    this.enqueue(channel, PPID.dcep, encodeAck(), 0);
    this.#announce(channel);
    channel.opened();
  }

  #onReset(streamIds: readonly number[]): void {
    for (const id of streamIds) {
      const channel = this.#channels.get(id);
      if (!channel) continue;
      this.#channels.delete(id);
      this.#queue = this.#queue.filter((item) => item.channel !== channel);
      // Our numbers are used again only after all others, so that nothing of the old channel meets the new one.
      channel.ended();
    }
  }

  async #flush(): Promise<void> {
    if (this.#sending) return;
    this.#sending = true;
    try {
      while (this.#established) {
        const item = this.#queue[0];
        if (!item) break;
        const { channel } = item;
        if (channel.id !== null && channel.readyState !== 'closed') {
          const reliability = item.payloadProtocolId === PPID.dcep ? RELIABLE : reliabilityOf(channel.init);
          await this.#association?.send(channel.id, item.payloadProtocolId, item.data, reliability);
        }
        this.#sent(item);
      }
    } catch (error) {
      this.#log.debug({ error: String(error) }, 'data channel messages were not sent');
    } finally {
      this.#sending = false;
    }
  }

  #sent(item: Outgoing): void {
    if (this.#queue[0] === item) this.#queue.shift();
    const { channel } = item;
    if (channel.readyState === 'closed') return;
    channel.bufferedAmount -= item.size;
    const last = !this.#queue.some((other) => other.channel === channel);
    if (last && channel.readyState === 'closing' && channel.id !== null) this.#association?.reset(channel.id);
  }
}

function reliabilityOf(init: DataChannelInit): Reliability {
  return { ordered: init.ordered ?? true, maxPacketLifeTime: init.maxPacketLifeTime, maxRetransmits: init.maxRetransmits };
}
