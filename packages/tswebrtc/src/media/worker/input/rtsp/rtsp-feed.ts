/**
 * An RTSP server's stream (RFC 2326): interleaved or over UDP. Read here and not by the media library, which holds each frame
 * back until the next one begins, and holds a thread while it waits.
 */
import type { CodecParameters } from 'node-av/lib';
import { readKeyframe } from '../../../../rtp/keyframes/keyframe.ts';
import { monotonicNow } from '../../timeline.ts';
import type { Feed, FeedPacket, FeedStream } from '../feed.ts';
import { PacketQueue } from '../packet-queue.ts';
import { isReadable, parametersOf } from './codec-parameters.ts';
import { type MediaSection, parseDescription } from './media-sections.ts';
import { RtpStream } from './rtp-stream.ts';
import { RtspConnection } from './rtsp-connection.ts';
import type { RtspResponse } from './rtsp-messages.ts';
import { openUdpPair, type UdpPair } from './udp-pair.ts';

/** s; RFC 2326 §12.37 */
const SESSION_TIMEOUT = 60;

/** RFC 2435 §3.1.5 has 8 bits for the blocks of 8 pixels. */
const UNSIZED_JPEG =
  'it sent no whole picture whose size it tells (JPEG tells up to 2040 pixels: choose a smaller picture there, or H264)';

export interface RtspFeedOptions {
  readonly url: string;
  readonly transport: 'tcp' | 'udp';
  /** ms without a packet, or without an answer, after which it counts as lost. */
  readonly timeout: number;
  readonly insecureTls: boolean;
}

/** Opens it and lets it play; rejects with a reason without a full stop. */
export async function openRtspFeed(options: RtspFeedOptions, signal: AbortSignal): Promise<Feed> {
  const feed = new RtspFeed(options);
  const abort = (): void => feed.close();
  signal.addEventListener('abort', abort, { once: true });
  try {
    await feed.open(signal);
    return feed;
  } catch (error) {
    feed.close();
    throw error;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

class RtspFeed implements Feed {
  readonly streams: (FeedStream & { readonly parameters: CodecParameters })[] = [];
  readonly #options: RtspFeedOptions;
  readonly #queue = new PacketQueue();
  readonly #received: RtpStream[] = [];
  readonly #byChannel = new Map<number, RtpStream>();
  readonly #pairs: UdpPair[] = [];
  #connection: RtspConnection | undefined;
  #control = '';
  #started = 0;
  #lastPacket = 0;
  #keepAlive: NodeJS.Timeout | undefined;
  #watchdog: NodeJS.Timeout | undefined;
  /** Video streams of which the size of the picture is not known yet. */
  readonly #unsized = new Map<number, string>();
  #sized: (() => void) | undefined;

  constructor(options: RtspFeedOptions) {
    this.#options = options;
  }

  read(): Promise<FeedPacket | undefined> {
    return this.#queue.take();
  }

  close(): void {
    clearInterval(this.#keepAlive);
    clearInterval(this.#watchdog);
    this.#queue.end();
    for (const { parameters } of this.streams.splice(0)) parameters.free();
    for (const pair of this.#pairs.splice(0)) pair.close();
    this.#connection?.close(this.#control);
    this.#sized?.();
  }

  async open(signal: AbortSignal): Promise<void> {
    const { url, timeout, insecureTls } = this.#options;
    const address = new URL(url);
    const connection = await RtspConnection.open(
      {
        url: address,
        timeout,
        insecureTls,
        onPacket: (channel, data) => this.#onPacket(this.#byChannel.get(channel), data),
        onLost: (error) => this.#queue.fail(error),
      },
      signal,
    );
    this.#connection = connection;
    const plain = new URL(url);
    plain.username = plain.password = plain.hash = '';
    const described = await this.#request('DESCRIBE', plain.href, { Accept: 'application/sdp' });
    const base = described.headers.get('content-base') ?? described.headers.get('content-location') ?? plain.href;
    const { control, media } = parseDescription(described.body, base);
    this.#control = control;
    const readable = media.filter(isReadable);
    if (readable.length === 0) {
      const codecs = media.map(({ codec }) => codec).join(', ');
      throw new Error(codecs ? `of what it has (${codecs}) nothing can be read` : 'it has neither pictures nor sound');
    }
    let sessionTimeout = SESSION_TIMEOUT;
    for (const section of readable) sessionTimeout = await this.#setUp(connection, section);
    this.#started = this.#lastPacket = monotonicNow();
    const playing = await this.#request('PLAY', this.#control, { Range: 'npt=0.000-' });
    this.#readOrigins(playing.headers.get('rtp-info'), readable);
    this.#keepAlive = setInterval(() => this.#stayAlive(connection), (sessionTimeout * 1000) / 2);
    this.#watchdog = setInterval(() => this.#watch(), Math.min(1000, timeout / 4));
    if (this.#unsized.size > 0) await this.#untilSized(timeout);
  }

  async #setUp(connection: RtspConnection, section: MediaSection): Promise<number> {
    const index = this.#received.length;
    const stream = new RtpStream(section, index, (packet, data) => this.#onFrame(packet, data));
    this.#received.push(stream);
    const parameters = parametersOf(section);
    this.streams.push({ parameters, timeBase: { num: 1, den: 1_000_000 }, framerate: section.framerate });
    if (section.kind === 'video' && !setSize(parameters, section.codec, parameters.extradata)) {
      this.#unsized.set(index, section.codec);
    }
    const answer = await this.#request('SETUP', section.control, { Transport: await this.#transport(connection, stream, index) });
    const channels = /interleaved=(\d+)/.exec(answer.headers.get('transport') ?? '');
    if (channels) {
      this.#byChannel.delete(2 * index);
      this.#byChannel.set(Number(channels[1]), stream);
    }
    return Number(/timeout=(\d+)/.exec(answer.headers.get('session') ?? '')?.[1] ?? SESSION_TIMEOUT) || SESSION_TIMEOUT;
  }

  async #transport(connection: RtspConnection, stream: RtpStream, index: number): Promise<string> {
    if (this.#options.transport === 'tcp') {
      this.#byChannel.set(2 * index, stream);
      return `RTP/AVP/TCP;unicast;interleaved=${2 * index}-${2 * index + 1}`;
    }
    const { localAddress = '0.0.0.0', remoteAddress = '' } = connection;
    const pair = await openUdpPair(localAddress, remoteAddress, (data) => this.#onPacket(stream, data));
    this.#pairs.push(pair);
    return `RTP/AVP;unicast;client_port=${pair.port}-${pair.port + 1}`;
  }

  /** Rejects unless it is granted. */
  async #request(method: string, uri: string, headers: Readonly<Record<string, string>>): Promise<RtspResponse> {
    const response = await this.#connection!.request(method, uri, headers);
    if (response.status === 401) throw new Error('it wants a user name and a password, or others than those in the URL');
    if (response.status !== 200) throw new Error(`it answers ${response.status} ${response.reason} to ${method}`);
    return response;
  }

  /** `RTP-Info` (RFC 2326 §12.33): which RTP timestamps belong together. Of use only where it is there for all. */
  #readOrigins(info: string | undefined, sections: readonly MediaSection[]): void {
    const origins = (info ?? '').split(/,(?=\s*url=)/).map((part) => /rtptime=(\d+)/.exec(part)?.[1]);
    if (origins.length !== sections.length || origins.includes(undefined)) return;
    for (const [index, origin] of origins.entries()) this.#received[index]!.setOrigin(Number(origin));
  }

  #onPacket(stream: RtpStream | undefined, data: Uint8Array): void {
    this.#lastPacket = monotonicNow();
    stream?.push(data, (this.#lastPacket - this.#started) * 1000);
  }

  #onFrame(packet: FeedPacket, data: Uint8Array): void {
    const codec = this.#unsized.get(packet.stream);
    if (codec !== undefined && setSize(this.streams[packet.stream]!.parameters, codec, data)) {
      this.#unsized.delete(packet.stream);
      if (this.#unsized.size === 0) this.#sized?.();
    }
    this.#queue.push(packet);
  }

  #untilSized(timeout: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const what = [...this.#unsized.values()].includes('JPEG') ? UNSIZED_JPEG : 'it sent no keyframe';
      const timer = setTimeout(() => reject(new Error(`${what} within ${timeout / 1000} s`)), timeout);
      this.#sized = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #stayAlive(connection: RtspConnection): void {
    // The answer does not matter, a lost connection is noticed anyway.
    connection.request('GET_PARAMETER', this.#control).catch(() => {});
  }

  #watch(): void {
    const { timeout } = this.#options;
    if (monotonicNow() - this.#lastPacket > timeout) this.#queue.fail(new Error(`nothing came for ${timeout / 1000} s`));
  }
}

/** Takes the size of the picture from a keyframe; false where it is none. */
function setSize(parameters: CodecParameters, codec: string, data: Uint8Array | null): boolean {
  const keyframe = data && readKeyframe(codec, data);
  if (!keyframe) return false;
  parameters.width = keyframe.width;
  parameters.height = keyframe.height;
  if (keyframe.configuration.length > 0 && !parameters.extradata) parameters.extradata = Buffer.from(keyframe.configuration);
  return true;
}
