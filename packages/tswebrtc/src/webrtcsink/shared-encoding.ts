/**
 * One running encoder of a track for one codec, and the sessions that send what it makes: encoded once, packetised once,
 * however many watch. It answers their keyframe requests within bounds and makes pictures smaller where the bitrate is low.
 */
import type { Logger } from '../common/logger.ts';
import { BitrateWindow } from '../congestion/bitrate-window.ts';
import type { EncodedFrame, Encoding, InputTrack } from '../media/types.ts';
import type { PacketisedFrame } from '../rtp/packetised-frame.ts';
import { createPacketiser, type Packetiser } from '../rtp/packetiser.ts';
import type { EncodedFilter } from './encoded-filter.ts';
import { KeyframeGovernor, type KeyframeUrgency } from './keyframe-governor.ts';
import { MeanBitrate } from './mean-bitrate.ts';
import type { Shard } from './shard.ts';
import { Mitigation, type MitigationMode, type MitigationRule } from './sharing/mitigation.ts';

export interface FrameSubscriber {
  /** Takes a frame of `from`; false when it could not use it. */
  onFrame(frame: PacketisedFrame, from: SharedEncoding): boolean;
}

export interface SharedEncodingOptions {
  readonly track: InputTrack;
  /** bit/s. */
  readonly bitrate: number;
  /** Of sound, Hz. */
  readonly sampleRate?: number | undefined;
  /** H264: 0 for one NAL unit a packet. */
  readonly packetizationMode?: 0 | 1;
  /** Largest packet, bytes. */
  readonly mtu?: number | undefined;
  /** What it makes at which bitrate. Video only; default: what the source has. */
  readonly mitigationRule?: MitigationRule | undefined;
  /** How many times smaller than the track's pictures these were opened to be. */
  readonly scale?: number | undefined;
  /** Whether its packets tell when their frames were captured. */
  readonly captureTimes: boolean;
  /** Whether frames say the time code that their pictures have. Default false. */
  readonly timeCodes?: boolean;
  /** Changes frames before they are packetised. */
  readonly filter?: EncodedFilter | null | undefined;
  /** The input's own packets: bitrate, size and frame rate are what they are. */
  readonly passthrough?: boolean;
  readonly shard: Shard;
  readonly logger: Logger;
  readonly onError: (error: Error) => void;
  readonly onEnded: () => void;
}

/** Pixels; `scale` is how many times smaller than `height`. */
export function scaledHeight(height: number, scale: number): number {
  return Math.max(2, Math.round(height / scale / 2) * 2);
}

/** An encoder that makes less than this part of its bitrate for so long, ms, has nothing more to say, until it makes more than that part. */
const CONTENT_PART = 0.6;
const FULL_PART = 0.8;
const CONTENT_TIME = 2000;
/** Weight of the newest frame in the mean size. */
const SIZE_WEIGHT = 1 / 16;

export class SharedEncoding {
  readonly id: string;
  readonly codec: Encoding['codec'];
  /** Keyframes made. */
  keyframes = 0;
  readonly #encoding: Encoding;
  readonly #options: SharedEncodingOptions;
  readonly #packetiser: Packetiser;
  readonly #subscribers = new Set<FrameSubscriber>();
  readonly #governor: KeyframeGovernor;
  readonly #mitigation: Mitigation | undefined;
  #scaled: { readonly height: number } | undefined;
  readonly #made = new BitrateWindow();
  readonly #mean: MeanBitrate | undefined;
  #contentLimitedSince: number | undefined;
  #bitrate: number;
  #keyframeTimer: NodeJS.Timeout | undefined;
  /** Of the frames between keyframes, bytes. */
  #meanSize = 0;
  /** No frame was made yet: the first one is a keyframe without being asked. */
  #fresh = true;
  #closed = false;

  constructor(encoding: Encoding, options: SharedEncodingOptions) {
    const { track, bitrate } = options;
    this.id = encoding.id;
    this.codec = encoding.codec;
    this.#encoding = encoding;
    this.#options = options;
    this.#bitrate = bitrate;
    this.#governor = new KeyframeGovernor(bitrate);
    this.#mean = options.passthrough ? new MeanBitrate() : undefined;
    this.#packetiser = createPacketiser(encoding.codec, {
      ...(options.sampleRate ? { clockRate: options.sampleRate } : {}),
      captureTimes: options.captureTimes,
      ...(options.mtu === undefined ? {} : { mtu: options.mtu }),
      ...(options.packetizationMode === undefined ? {} : { packetizationMode: options.packetizationMode }),
    });
    const { mitigationRule = () => ({}) } = options;
    this.#mitigation = track.kind === 'video' ? new Mitigation(track.format, mitigationRule, bitrate) : undefined;
    if (this.#mitigation && this.#mitigation.active.length > 0) encoding.setFormat(this.#mitigation.format);
    const { scale = 1 } = options;
    if (track.kind === 'video' && scale > 1) this.#scaled = { height: scaledHeight(track.format.height, scale) };
    encoding.on('frame', (frame) => this.#onFrame(frame));
    encoding.on('error', (error) => options.onError(error));
    encoding.on('ended', () => options.onEnded());
  }

  /** bit/s. */
  get bitrate(): number {
    return this.#mean?.bitrate ?? this.#bitrate;
  }

  get passthrough(): boolean {
    return this.#mean !== undefined;
  }

  /**
   * What the content needs where it needs much less than the bitrate, which then is no more than a bound: a still picture
   * costs little at any. Bit/s; undefined where the encoder makes use of its bitrate.
   */
  contentBitrate(now: number): number | undefined {
    const made = this.#made.bitrate(now);
    if (made > FULL_PART * this.#bitrate) this.#contentLimitedSince = undefined;
    else if (made < CONTENT_PART * this.#bitrate) this.#contentLimitedSince ??= now;
    const limited = this.#contentLimitedSince !== undefined && now - this.#contentLimitedSince >= CONTENT_TIME;
    return limited ? made : undefined;
  }

  /** Size and frame rate of what it makes; undefined for audio. */
  get format(): { readonly width: number; readonly height: number; readonly framerate: number } | undefined {
    const { track } = this.#options;
    if (track.kind !== 'video' || !this.#mitigation) return undefined;
    const { width, height } = track.format;
    const {
      width: toWidth,
      height: toHeight,
      framerate = track.format.framerate,
    } = { ...this.#mitigation.format, ...this.#scaled };
    const even = (pixels: number): number => Math.round(pixels / 2) * 2;
    return {
      width: toWidth ?? (toHeight ? even((width * toHeight) / height) : width),
      height: toHeight ?? (toWidth ? even((height * toWidth) / width) : height),
      framerate,
    };
  }

  get mitigation(): readonly MitigationMode[] {
    return this.#mitigation?.active ?? [];
  }

  subscribe(subscriber: FrameSubscriber): void {
    this.#subscribers.add(subscriber);
  }

  unsubscribe(subscriber: FrameSubscriber): void {
    this.#subscribers.delete(subscriber);
  }

  /** Brings it to another bitrate, bit/s; size and frame rate follow. */
  setBitrate(bitrate: number, now: number): void {
    if (this.#closed || this.passthrough) return;
    if (bitrate !== this.#bitrate) {
      this.#bitrate = bitrate;
      this.#governor.bitrate = bitrate;
      this.#encoding.setBitrate(bitrate);
    }
    if (this.#mitigation?.setBitrate(bitrate, now)) this.#encoding.setFormat(this.#mitigation.format);
  }

  /** Asks for a keyframe; close requests share one. */
  requestKeyframe(urgency: KeyframeUrgency = 'normal'): void {
    if (this.#fresh || this.#closed) return;
    const now = performance.now();
    const due = this.#governor.request(now, urgency);
    if (due === undefined) return;
    clearTimeout(this.#keyframeTimer);
    if (due <= now) this.#makeKeyframe();
    // One more: a timer may fire a little before its time.
    else this.#keyframeTimer = setTimeout(() => this.#makeKeyframe(), Math.ceil(due - now) + 1);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#keyframeTimer);
    this.#subscribers.clear();
    await this.#encoding.close();
  }

  #makeKeyframe(): void {
    this.#keyframeTimer = undefined;
    if (this.#governor.take(performance.now())) this.#encoding.requestKeyframe();
  }

  #onFrame(frame: EncodedFrame): void {
    const { shard, logger, track, timeCodes } = this.#options;
    try {
      this.#fresh = false;
      const now = performance.now();
      this.#made.add(frame.data.length, now);
      this.#mean?.add(frame.data.length, now);
      if (this.#subscribers.size === 0) return;
      const filtered = this.#filter(frame);
      const packetised = filtered && this.#packetiser.packetise(filtered, shard.arena);
      if (!packetised) return;
      if (timeCodes) packetised.timeCode = track.timeCodes?.at(frame.timestamp);
      let taken = false;
      for (const subscriber of this.#subscribers) taken = subscriber.onFrame(packetised, this) || taken;
      this.#book(packetised, taken);
    } catch (error) {
      logger.error({ err: error, encoding: this.id }, 'a frame could not be packetised and is lost');
    } finally {
      frame.release();
    }
    shard.flush();
  }

  #filter(frame: EncodedFrame): EncodedFrame | undefined {
    const { filter } = this.#options;
    if (!filter) return frame;
    const { timestamp, duration, captureTime, keyframe, temporalLayer } = frame;
    const data = filter({ data: frame.data, timestamp, captureTime, keyframe, temporalLayer });
    return data ? { data, timestamp, duration, captureTime, keyframe, temporalLayer, release: () => {} } : undefined;
  }

  #book({ keyframe, size }: PacketisedFrame, taken: boolean): void {
    if (!keyframe) {
      this.#meanSize += (size - this.#meanSize) * (this.#meanSize === 0 ? 1 : SIZE_WEIGHT);
      return;
    }
    this.keyframes++;
    if (taken) this.#governor.made(performance.now(), size - this.#meanSize);
  }
}
