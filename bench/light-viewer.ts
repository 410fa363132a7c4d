/**
 * A viewer that decodes nothing and so costs little: to the sink it is a consumer like a browser, with feedback on when each
 * packet came, requests for those that are missing and for keyframes, and receiver reports. It remembers when which frame
 * was complete.
 */
import { once } from 'node:events';
import { type ClientMessage, parseServerMessage, type ServerMessage } from '@tswebrtc/protocol';
import WebSocket from 'ws';
import type { Connection } from '../packages/tswebrtc/dist/connection/connection.js';
import type { NodeSrtpSender } from '../packages/tswebrtc/dist/connection/srtp/node-srtp-sender.js';
import type { CodecParameters } from '../packages/tswebrtc/dist/connection/types.js';
import type { RtcpPacket } from '../packages/tswebrtc/dist/rtp/rtcp/types.js';
import { sharedClock } from './child.ts';
import { readStart } from './light-viewer-codecs.ts';
import { type Frame, LightStream } from './light-viewer-stream.ts';
import { load } from './tswebrtc.ts';

const { Connection: Connections } = await load('connection/connection');
const { ArrivalRecorder } = await load('rtp/receive/arrival-recorder');
const { HeaderExtensionReader } = await load('rtp/header-extensions');
const { parseRtp, RtpHeader } = await load('rtp/packet');
const { writeRtcp } = await load('rtp/rtcp/rtcp');

/** ms, as Chromium does: feedback; requests for packets that did not come; receiver reports of video. */
const FEEDBACK_INTERVAL = 100;
const REQUEST_INTERVAL = 20;
const REPORT_INTERVAL = 1000;
/** Chromium's guess at a round trip where it sends nothing itself, ms. */
const ROUND_TRIP = 100;
/** ms without a frame after which a keyframe is asked for: at first, and later. */
const FIRST_PATIENCE = 200;
const PATIENCE = 3000;
/** ms */
export const BIN = 100;

export interface LightViewerOptions {
  /** Of the signalling server. */
  readonly uri: string;
  /** `VP8` or `H264` */
  readonly codec: string;
  readonly srtpSender: NodeSrtpSender;
  readonly gatherLoopback: boolean;
}

/** What one viewer saw so far. Times are ms of `sharedClock()`. */
export interface Seen {
  readonly peerId: string;
  /** When it asked for its session, and when it was connected. */
  readonly asked: number;
  readonly connected: number | undefined;
  readonly frames: readonly Frame[];
  /** Bytes of RTP, everything included, in each `BIN` ms from `asked` on. */
  readonly bins: readonly number[];
  /** Packets of video: expected, those that did not come by themselves, and those of them that came when asked for. */
  readonly expected: number;
  readonly lost: number;
  readonly recovered: number;
  readonly nacks: number;
  readonly plis: number;
  /** Feedback messages that were sent. */
  readonly feedbacks: number;
}

export class LightViewer {
  readonly #options: LightViewerOptions;
  readonly #socket: WebSocket;
  readonly #ssrc = 1 + Math.floor(Math.random() * 0xfffffffe);
  readonly #cname = Math.random().toString(36).slice(2);
  readonly #arrivals = new ArrivalRecorder();
  readonly #header = new RtpHeader();
  readonly #extensions = new HeaderExtensionReader();
  readonly #frames: Frame[] = [];
  readonly #bins: number[] = [];
  /** From `performance.now()` to the shared clock. */
  readonly #offset = sharedClock() - performance.now();
  #connection: Connection | undefined;
  #sessionId = '';
  #peerId = '';
  #asked = Number.NaN;
  #connected: number | undefined;
  #video: LightStream | undefined;
  #audio: LightStream | undefined;
  #codec: CodecParameters | undefined;
  #transportCc = -1;
  #timer: NodeJS.Timeout | undefined;
  #feedbackAt = 0;
  #reportAt = 0;
  #lastFrame = 0;
  #nacks = 0;
  #plis = 0;
  #feedbacks = 0;

  private constructor(socket: WebSocket, options: LightViewerOptions) {
    this.#socket = socket;
    this.#options = options;
  }

  /** Asks the server's first producer for a session; resolves when it is asked. */
  static async watch(options: LightViewerOptions): Promise<LightViewer> {
    const socket = new WebSocket(options.uri);
    const viewer = new LightViewer(socket, options);
    const asked = new Promise<void>((resolve, reject) => {
      // One after the other: a candidate must not overtake the offer it belongs to.
      let handled = Promise.resolve();
      socket.on('message', (data) => {
        const parsed = parseServerMessage(String(data));
        if (!parsed.ok) return;
        handled = handled
          .then(() => viewer.#handle(parsed.message))
          .catch((error: unknown) => {
            console.error('a light viewer failed:', error);
            reject(error);
          });
        if (parsed.message.type === 'list') resolve();
      });
      socket.on('error', reject);
    });
    await once(socket, 'open');
    viewer.#send({ type: 'list' });
    await asked;
    return viewer;
  }

  get seen(): Seen {
    const video = this.#video;
    const { expected = 0, received = 0, recovered = 0 } = video ?? {};
    return {
      peerId: this.#peerId,
      asked: this.#asked,
      connected: this.#connected,
      frames: this.#frames,
      bins: Array.from(this.#bins, (bytes) => bytes ?? 0),
      expected,
      lost: expected - received,
      recovered,
      nacks: this.#nacks,
      plis: this.#plis,
      feedbacks: this.#feedbacks,
    };
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#connection?.close();
    this.#socket.close();
  }

  #send(message: ClientMessage): void {
    this.#socket.send(JSON.stringify(message));
  }

  async #handle(message: ServerMessage): Promise<void> {
    switch (message.type) {
      case 'welcome':
        this.#peerId = message.peerId;
        break;
      case 'list':
        this.#asked = sharedClock();
        this.#send({ type: 'startSession', peerId: message.producers[0]!.id, offer: null });
        break;
      case 'sessionStarted':
        this.#sessionId = message.sessionId;
        break;
      case 'peer':
        if ('sdp' in message) await this.#answer(message.sdp.sdp);
        else await this.#connection?.addIceCandidate(message.ice);
        break;
    }
  }

  async #answer(offer: string): Promise<void> {
    const { srtpSender, gatherLoopback, codec } = this.#options;
    const connection = await Connections.create({ srtpSender, gatherLoopback, dataChannels: false, reception: false });
    this.#connection = connection;
    const peer = (content: { ice: object } | { sdp: object }): void => {
      this.#send({ type: 'peer', sessionId: this.#sessionId, ...content } as ClientMessage);
    };
    connection.on('icecandidate', ({ candidate, sdpMLineIndex }) => peer({ ice: { candidate, sdpMLineIndex } }));
    connection.on('statechange', (state) => {
      if (state === 'connected') this.#begin();
    });
    connection.on('rtp', (packet, arrival) => this.#receive(packet, arrival));
    connection.on('rtcp', (packets, arrival) => this.#reported(packets, arrival));
    const video = connection.addTransceiver({
      kind: 'video',
      direction: 'recvonly',
      codecs: [{ name: codec, clockRate: 90000 }],
      fec: true,
    });
    connection.addTransceiver({
      kind: 'audio',
      direction: 'recvonly',
      codecs: [{ name: 'opus', clockRate: 48000, channels: 2 }],
      fec: true,
    });
    await connection.setRemoteDescription({ type: 'offer', sdp: offer });
    const { sdp } = await connection.createAnswer();
    await connection.setLocalDescription({ type: 'answer', sdp });
    this.#codec = video.codec;
    this.#transportCc = video.extensions.transportCc ?? -1;
    peer({ sdp: { type: 'answer', sdp } });
  }

  #begin(): void {
    if (this.#connected !== undefined) return;
    this.#connected = sharedClock();
    const now = performance.now();
    this.#lastFrame = now;
    // Not all at the same moment.
    this.#feedbackAt = now + Math.random() * FEEDBACK_INTERVAL;
    this.#reportAt = now + Math.random() * REPORT_INTERVAL;
    this.#timer = setInterval(() => this.#tick(performance.now()), REQUEST_INTERVAL);
  }

  #receive(packet: Uint8Array, arrival: number): void {
    const header = this.#header;
    if (!parseRtp(packet, header)) return;
    const bin = Math.max(0, Math.floor((arrival + this.#offset - this.#asked) / BIN));
    this.#bins[bin] = (this.#bins[bin] ?? 0) + packet.length;
    this.#extensions.reset(packet, header);
    if (this.#transportCc >= 0 && this.#extensions.find(this.#transportCc)) {
      const at = this.#extensions.offset;
      this.#arrivals.arrived((packet[at]! << 8) | packet[at + 1]!, arrival);
    }
    const { payloadType, ssrc } = header;
    if (!this.#codec) return;
    if (payloadType === this.#codec.payloadType || payloadType === this.#codec.redPayloadType) {
      this.#video ??= this.#stream(ssrc, 90_000);
      this.#take(this.#video, packet, header.sequenceNumber, true, payloadType === this.#codec.redPayloadType, arrival);
    } else if (payloadType === this.#codec.rtxPayloadType || payloadType === this.#codec.redRtxPayloadType) {
      // RFC 4588 §4: the original's sequence number, then its payload. One of nothing is padding.
      if (!this.#video || header.payloadLength <= 2) return;
      const at = header.payloadOffset;
      header.payloadOffset += 2;
      header.payloadLength -= 2;
      const sequenceNumber = (packet[at]! << 8) | packet[at + 1]!;
      this.#take(this.#video, packet, sequenceNumber, false, payloadType === this.#codec.redRtxPayloadType, arrival);
    } else {
      this.#audio ??= this.#stream(ssrc, 48_000);
      if (ssrc === this.#audio.ssrc) this.#audio.packet(header, header.sequenceNumber, true, undefined, arrival);
    }
  }

  #take(stream: LightStream, packet: Uint8Array, number: number, original: boolean, red: boolean, arrival: number): void {
    const header = this.#header;
    if (red && header.payloadLength > 0) {
      // RFC 2198 §3: one block of video, or of FEC, which takes a number and belongs to no frame.
      const fec = (packet[header.payloadOffset]! & 0x7f) === this.#codec?.ulpfecPayloadType;
      if (fec) header.marker = false;
      header.payloadOffset++;
      header.payloadLength = fec ? 0 : header.payloadLength - 1;
    }
    const { payloadOffset: at, payloadLength: length } = header;
    const start = length > 0 ? readStart(this.#options.codec, packet.subarray(at, at + length)) : undefined;
    stream.packet(header, number, original, start, arrival);
  }

  #stream(ssrc: number, clockRate: number): LightStream {
    return new LightStream(ssrc, clockRate, (frame) => {
      this.#lastFrame = frame.time;
      this.#frames.push({ ...frame, time: frame.time + this.#offset });
    });
  }

  #reported(packets: readonly RtcpPacket[], arrival: number): void {
    for (const packet of packets) {
      if (packet.type !== 'sr') continue;
      for (const stream of [this.#video, this.#audio]) if (stream?.ssrc === packet.ssrc) stream.senderReported(packet, arrival);
    }
  }

  #tick(now: number): void {
    const out: RtcpPacket[] = [];
    const senderSsrc = this.#ssrc;
    if (now >= this.#reportAt) {
      this.#reportAt = Math.max(this.#reportAt, now - REPORT_INTERVAL) + REPORT_INTERVAL;
      const reports = [this.#video, this.#audio].flatMap((stream) => stream?.report(now) ?? []);
      const chunks = [{ ssrc: senderSsrc, cname: this.#cname }];
      if (reports.length > 0) out.push({ type: 'rr', ssrc: senderSsrc, reports }, { type: 'sdes', chunks });
    }
    const mediaSsrc = this.#video?.ssrc ?? 0;
    if (now >= this.#feedbackAt) {
      this.#feedbackAt = Math.max(this.#feedbackAt, now - FEEDBACK_INTERVAL) + FEEDBACK_INTERVAL;
      const feedback = this.#arrivals.take(senderSsrc, mediaSsrc);
      if (feedback) {
        out.push(feedback);
        this.#feedbacks++;
      }
    }
    const video = this.#video;
    if (video) {
      const sequenceNumbers = video.due(now, ROUND_TRIP);
      if (sequenceNumbers.length > 0) {
        out.push({ type: 'nack', senderSsrc, mediaSsrc, sequenceNumbers });
        this.#nacks++;
      }
      if (now - this.#lastFrame > (video.needsKeyframe ? FIRST_PATIENCE : PATIENCE)) {
        this.#lastFrame = now;
        out.push({ type: 'pli', senderSsrc, mediaSsrc });
        this.#plis++;
      }
    }
    if (out.length > 0) this.#connection?.sendRtcp(writeRtcp(out));
  }
}
