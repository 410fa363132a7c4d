/** A consumer for tests of the sink: a WebSocket to a signalling server and a connection of our own that only receives. */
import { once } from 'node:events';
import { parseServerMessage, type ServerMessage } from '@tswebrtc/protocol';
import WebSocket from 'ws';
import { Connection } from '../connection/connection.ts';
import { NodeSrtpSender } from '../connection/srtp/node-srtp-sender.ts';
import { HeaderExtensionReader } from '../rtp/header-extensions.ts';
import { parseRtp, RtpHeader } from '../rtp/packet.ts';

export interface ReceivedPacket {
  readonly payloadType: number;
  readonly sequenceNumber: number;
  readonly ssrc: number;
  readonly marker: boolean;
  readonly timestamp: number;
  /** Bytes. */
  readonly length: number;
  /** Ids of its header extensions. */
  readonly extensions: readonly number[];
}

export interface TestConsumerOptions {
  /** Changes an answer before it is sent; undefined keeps it from being sent. `count`: of the answers before it. */
  readonly mungeAnswer?: (sdp: string, count: number) => string | undefined;
  /** Reports what arrives, as real receivers do. Default false: nobody tells the sink what the path carries. */
  readonly reports?: boolean;
  /** Makes the offer itself, and changes it before it is sent. */
  readonly offer?: (sdp: string) => string;
  /** Sees the connection before it is negotiated. */
  readonly onConnection?: (connection: Connection) => void;
}

export class TestConsumer {
  readonly messages: ServerMessage[] = [];
  readonly packets: ReceivedPacket[] = [];
  connection: Connection | undefined;
  sessionId = '';
  /** How many m-lines each offer had. */
  readonly offers: number[] = [];
  #answers = 0;
  readonly #srtpSender = new NodeSrtpSender();
  readonly #socket: WebSocket;
  readonly #options: TestConsumerOptions;
  /** Candidates gathered before the session has an id. */
  readonly #early: object[] = [];

  private constructor(socket: WebSocket, options: TestConsumerOptions) {
    this.#socket = socket;
    this.#options = options;
  }

  /** Connects to the server and asks its first producer for a session; resolves when that is asked. */
  static async watch(uri: string, options: TestConsumerOptions = {}): Promise<TestConsumer> {
    const socket = new WebSocket(uri);
    const consumer = new TestConsumer(socket, options);
    socket.on('message', (data) => {
      const parsed = parseServerMessage(String(data));
      if (!parsed.ok) throw new Error(`the server sent ${String(data)}`);
      consumer.messages.push(parsed.message);
      void consumer.#handle(parsed.message);
    });
    await once(socket, 'open');
    consumer.#send({ type: 'setProtocolVersion', version: 'v1_1' });
    consumer.#send({ type: 'list' });
    return consumer;
  }

  /** Resolves when `condition` holds; rejects after `timeout` ms. */
  async until(condition: () => boolean, what: string, timeout = 20_000): Promise<void> {
    const deadline = performance.now() + timeout;
    while (!condition()) {
      if (performance.now() > deadline) throw new Error(`not within ${timeout} ms: ${what}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  message<T extends ServerMessage['type']>(type: T): Extract<ServerMessage, { type: T }> | undefined {
    return this.messages.find((message) => message.type === type) as Extract<ServerMessage, { type: T }> | undefined;
  }

  /** Sends something to the server as it is. */
  sendRaw(text: string): void {
    this.#socket.send(text);
  }

  async close(): Promise<void> {
    await this.connection?.close();
    this.#srtpSender.close();
    if (this.#socket.readyState !== WebSocket.CLOSED) {
      this.#socket.close();
      await once(this.#socket, 'close');
    }
  }

  /** Falls silent without a word to anybody. */
  terminate(): void {
    this.#socket.terminate();
  }

  #send(message: object): void {
    this.#socket.send(JSON.stringify(message));
  }

  async #handle(message: ServerMessage): Promise<void> {
    if (message.type === 'list') {
      const offer = this.#options.offer ? this.#options.offer(await this.#makeOffer()) : null;
      this.#send({ type: 'startSession', peerId: message.producers[0]!.id, offer });
    } else if (message.type === 'sessionStarted') {
      this.sessionId = message.sessionId;
      for (const ice of this.#early.splice(0)) this.#sendCandidate(ice);
    } else if (message.type === 'peer' && 'sdp' in message) {
      if (message.sdp.type === 'offer') await this.#answer(message.sdp.sdp);
      else await this.connection?.setRemoteDescription(message.sdp);
    } else if (message.type === 'peer' && 'ice' in message) await this.connection?.addIceCandidate(message.ice);
  }

  async #connect(): Promise<Connection> {
    const connection = await Connection.create({
      srtpSender: this.#srtpSender,
      gatherLoopback: true,
      reception: this.#options.reports ?? false,
    });
    this.connection = connection;
    this.#options.onConnection?.(connection);
    connection.on('icecandidate', ({ candidate, sdpMLineIndex }) => {
      const ice = { candidate, sdpMLineIndex };
      if (this.sessionId) this.#sendCandidate(ice);
      else this.#early.push(ice);
    });
    connection.on('rtp', (packet) => {
      const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
      this.packets.push({
        payloadType: view.getUint8(1) & 0x7f,
        marker: (view.getUint8(1) & 0x80) !== 0,
        sequenceNumber: view.getUint16(2),
        ssrc: view.getUint32(8),
        timestamp: view.getUint32(4),
        length: packet.length,
        extensions: extensionsOf(packet),
      });
    });
    return connection;
  }

  /** Transceivers until there are so many of a kind. */
  #receive(connection: Connection, kind: 'video' | 'audio', count: number): void {
    const codecs = kind === 'video' ? [{ name: 'VP8', clockRate: 90000 }] : [{ name: 'opus', clockRate: 48000, channels: 2 }];
    const there = connection.transceivers.filter((transceiver) => transceiver.kind === kind).length;
    for (let i = there; i < count; i++) connection.addTransceiver({ kind, direction: 'recvonly', codecs });
  }

  async #makeOffer(): Promise<string> {
    const connection = await this.#connect();
    for (const kind of ['video', 'audio'] as const) this.#receive(connection, kind, 1);
    const offer = await connection.createOffer();
    await connection.setLocalDescription(offer);
    return offer.sdp;
  }

  async #answer(sdp: string): Promise<void> {
    const connection = this.connection ?? (await this.#connect());
    await connection.setRemoteDescription({ type: 'offer', sdp });
    this.offers.push(connection.remoteMedia.length);
    for (const kind of ['video', 'audio'] as const) {
      this.#receive(connection, kind, connection.remoteMedia.filter((media) => media.kind === kind).length);
    }
    const answer = await connection.createAnswer();
    await connection.setLocalDescription(answer);
    const { mungeAnswer = (text: string) => text } = this.#options;
    const munged = mungeAnswer(answer.sdp, this.#answers++);
    if (munged === undefined) return;
    this.#send({ type: 'peer', sessionId: this.sessionId, sdp: { type: 'answer', sdp: munged } });
  }

  #sendCandidate(ice: object): void {
    this.#send({ type: 'peer', sessionId: this.sessionId, ice });
  }
}

function extensionsOf(packet: Uint8Array): number[] {
  const header = new RtpHeader();
  if (!parseRtp(packet, header)) throw new Error('no RTP packet arrived');
  const reader = new HeaderExtensionReader();
  reader.reset(packet, header);
  const ids: number[] = [];
  while (reader.next()) ids.push(reader.id);
  return ids;
}
