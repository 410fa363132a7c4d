/**
 * Packets of the application, which it encoded itself or got from elsewhere: passed on as they are to who takes the codec, decoded for
 * whoever needs something else. It alone can make keyframes, and is asked for them.
 */
import type { MessagePort } from 'node:worker_threads';
import { Emitter } from '../../common/emitter.ts';
import { TsWebRTCError } from '../../common/errors.ts';
import { readKeyframe } from '../../rtp/keyframes/keyframe.ts';
import { NalUnits } from '../../rtp/packetisers/annex-b.ts';
import { opusDuration } from '../../rtp/packetisers/opus.ts';
import type { Tap, TapHandlers } from '../engine-input.ts';
import { CODEC_KINDS, invalid } from '../options.ts';
import type { CodecName, VideoCodecName } from '../types.ts';
import type { StartTime, WorkerInputTrack } from '../worker/messages.ts';
import { monotonicNow, Timeline } from '../worker/timeline.ts';
import { bytesOf, checkSide } from './bytes.ts';
import type { PushClock, TrackClock } from './push-clock.ts';
import type { PushHooks, PushSource } from './pushed-track.ts';
import { Transcoding } from './transcoding.ts';
import { type Wait, WriteQueue } from './write-queue.ts';

export interface PushedVideoPacketsOptions {
  readonly codec: VideoCodecName;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  /** Frames per second, where known. */
  readonly framerate?: number;
  /** H264, where known: as session descriptions have it, such as `42e01f`. */
  readonly profileLevelId?: string;
}

export interface PushedAudioPacketsOptions {
  readonly codec: 'OPUS';
  /** Default 2. */
  readonly channels?: number;
}

export interface PacketWriteOptions {
  /** µs, on the clock that the tracks of a sink may share; default: the time of the call, or what Opus packets before add up to. */
  readonly timestamp?: number;
  /** Nothing before it is needed. Default: what the bytes say. */
  readonly keyframe?: boolean;
}

/** A packet in an iterable. */
export interface PushedPacket extends PacketWriteOptions {
  readonly data: ArrayBufferView;
}

export type PushedPacketsEvents = {
  /**
   * A keyframe is needed: somebody has come, or has lost something. Close requests are one. Nothing is passed on to who has just
   * come until there is one.
   */
  'keyframe-request': [];
};

interface Packet {
  readonly data: Uint8Array;
  readonly keyframe: boolean;
  /** µs on the monotonic clock. */
  readonly due: number;
}

interface OpenTap extends TapHandlers {
  waitsForKeyframe: boolean;
}

/** Packets that are further ahead of time wait, µs: far enough that those of a live source never do, however late its first one was. */
const LEAD = 1_000_000;
/** Packets that may wait where the application does not wait for its writes. */
const MAX_WAITING = 300;
/** Sound that is later than what was counted by more had a pause before it, µs. */
const PAUSE = 100_000;
/** Requests are one within, ms. */
const REQUEST_INTERVAL = 100;
/** µs, where nothing tells. */
const DEFAULT_DURATION = 33_333;

export class PushedPackets extends Emitter<PushedPacketsEvents> implements PushSource {
  readonly type = 'push';
  readonly kind: 'video' | 'audio';
  readonly codec: CodecName;
  /** @internal */
  readonly description: WorkerInputTrack;
  readonly #clock: TrackClock;
  readonly #taps = new Set<OpenTap>();
  readonly #queue = new WriteQueue<Packet>({ attempt: (packet) => this.#attempt(packet), cost: () => 1, limit: MAX_WAITING });
  #timeline: Timeline | undefined;
  /** µs on the monotonic clock. */
  #origin = 0;
  #transcoding: Transcoding | undefined;
  #hooks: PushHooks | undefined;
  /** When the next packet of sound is due by those before it, µs on the monotonic clock. */
  #next = Number.NEGATIVE_INFINITY;
  /** Of the last packet passed on, µs on the timeline. */
  #last = Number.NEGATIVE_INFINITY;
  #lost = 0;
  #requested = Number.NEGATIVE_INFINITY;
  #closed = false;

  /** Throws `INVALID_OPTION`. */
  constructor(kind: 'video' | 'audio', options: PushedVideoPacketsOptions | PushedAudioPacketsOptions, clock: PushClock) {
    super();
    const { codec } = options;
    if (CODEC_KINDS[codec] !== kind) {
      const codecs = Object.keys(CODEC_KINDS).filter((name) => CODEC_KINDS[name as CodecName] === kind);
      throw invalid('codec', codec, `one of ${codecs.join(', ')}`);
    }
    this.kind = kind;
    this.codec = codec;
    this.#clock = clock.join();
    if ('width' in options) {
      const { width, height, framerate = 0, profileLevelId } = options;
      checkSide('width', width);
      checkSide('height', height);
      const encoded = { codec, ...(profileLevelId === undefined ? {} : { profileLevelId }) };
      this.description = { kind: 'video', format: { width, height, framerate }, colorSpace: 2, encoded };
    } else {
      const { channels = 2 } = options as PushedAudioPacketsOptions;
      if (codec !== 'OPUS') throw invalid('codec', codec, '"OPUS": other sound is written as samples');
      if (channels !== 1 && channels !== 2) throw invalid('channels', channels, '1 or 2');
      this.description = { kind: 'audio', format: { sampleRate: 48_000, channels }, encoded: { codec } };
    }
  }

  /** Somebody takes the packets. While this is false they are given up. */
  get watched(): boolean {
    return this.#taps.size > 0 || this.#transcoding !== undefined;
  }

  /**
   * Passes a packet on: one whole frame (H264 and H265 as an access unit in Annex B, AV1 as a temporal unit), or an Opus packet. Resolves
   * when the buffer is free: at once, unless the packet is more than a second ahead of time. Frames come in the order in which they are
   * decoded, and shown in that order, too. Rejects with `INVALID_OPTION` for bytes that are no such packet, with `INVALID_STATE` after `end` and
   * `close`.
   */
  async write(packet: ArrayBufferView, { timestamp, keyframe }: PacketWriteOptions = {}): Promise<void> {
    const data = bytesOf(packet);
    if (timestamp !== undefined && !Number.isFinite(timestamp)) throw invalid('timestamp', timestamp, 'a number of µs');
    if (data.length === 0) throw new TsWebRTCError('INVALID_OPTION', 'The packet is empty.');
    if (this.#isAnnexB && !beginsWithStartCode(data)) {
      throw new TsWebRTCError(
        'INVALID_OPTION',
        `The ${this.codec} access unit does not begin with a start code: write Annex B, not the length-prefixed units of mp4 files.`,
      );
    }
    const write = this.#queue.write({
      data,
      keyframe: keyframe ?? isKeyframe(this.codec, data),
      due: this.#dueTime(data, timestamp),
    });
    if (this.#queue.dropped > this.#lost) this.#breakOff();
    return write;
  }

  /** Writes what comes; resolves at its end. The track goes on: call `end`. */
  async pipeFrom(packets: AsyncIterable<PushedPacket> | Iterable<PushedPacket>): Promise<void> {
    for await (const packet of packets) await this.write(packet.data, packet);
  }

  /** No more packets come: the track ends after those written before. */
  async end(): Promise<void> {
    await this.#queue.end();
    if (!this.#closed) this.#finish();
  }

  /** Ends at once; writes that wait are rejected. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#queue.close();
    this.#finish();
    this.#taps.clear();
    this.removeAllListeners();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** @internal */
  attach(hooks: PushHooks): void {
    if (this.#closed) throw new TsWebRTCError('INVALID_STATE', `The pushed ${this.kind} track is closed: make another.`);
    if (this.#hooks)
      throw new TsWebRTCError('INVALID_STATE', `The pushed ${this.kind} track is in a sink already: make another.`);
    this.#hooks = hooks;
  }

  /** @internal */
  start(at: StartTime): void {
    this.#timeline = new Timeline(at);
    this.#origin = at.monotonic * 1000;
  }

  /** @internal */
  tap(handlers: TapHandlers): Tap {
    const tap: OpenTap = { ...handlers, waitsForKeyframe: true };
    this.#taps.add(tap);
    this.#requestKeyframe();
    return {
      requestKeyframe: () => this.#requestKeyframe(),
      close: () => this.#taps.delete(tap),
    };
  }

  /** @internal Who subscribes wants raw frames: the packets are decoded meanwhile. */
  subscribe(subscriber: number, port: MessagePort): void {
    if (!this.#transcoding && this.#hooks) {
      const { description, codec } = this;
      this.#transcoding = new Transcoding(description, codec, this.#hooks.openDecoding, () => this.#requestKeyframe());
      if (this.#timeline) this.#transcoding.timeline = this.#timeline;
    }
    if (this.#transcoding) this.#transcoding.subscribe(subscriber, port);
    else port.close();
  }

  /** @internal */
  unsubscribe(subscriber: number): void {
    this.#transcoding?.unsubscribe(subscriber);
    if (this.#transcoding?.wanted !== false) return;
    this.#transcoding.close();
    this.#transcoding = undefined;
  }

  get #isAnnexB(): boolean {
    return this.codec === 'H264' || this.codec === 'H265';
  }

  #dueTime(data: Uint8Array, timestamp: number | undefined): number {
    const now = monotonicNow() * 1000;
    if (timestamp !== undefined) return this.#clock.due(timestamp, now);
    if (this.kind === 'video') return now;
    const due = now - this.#next > PAUSE ? now : this.#next;
    this.#next = due + (opusDuration(data) * 1e6) / 48_000;
    return due;
  }

  #attempt({ data, keyframe, due }: Packet): Wait {
    const early = due - monotonicNow() * 1000 - LEAD;
    if (early > 0) return early;
    const timeline = this.#timeline;
    if (!timeline || !this.watched) return 0;
    const timestamp = Math.max(due - this.#origin, this.#last + 1);
    const since = timestamp - this.#last;
    this.#last = timestamp;
    const duration = this.kind === 'audio' ? (opusDuration(data) * 1e6) / 48_000 : since < 1e6 ? since : DEFAULT_DURATION;
    const captureTime = timeline.captureTime(timestamp);
    const frame = { data, timestamp, duration, captureTime, keyframe: keyframe || this.kind === 'audio', temporalLayer: 0 };
    for (const tap of this.#taps) {
      if (frame.keyframe) tap.waitsForKeyframe = false;
      // A copy each: who takes it keeps it until it releases it, and the application goes on with its buffer.
      if (!tap.waitsForKeyframe) tap.frame({ ...frame, data: data.slice(), release: () => {} });
    }
    this.#transcoding?.decode(frame);
    return 0;
  }

  /** What comes does not build on what came. */
  #breakOff(): void {
    this.#lost = this.#queue.dropped;
    for (const tap of this.#taps) tap.waitsForKeyframe = true;
    this.#requestKeyframe();
  }

  #requestKeyframe(): void {
    const now = performance.now();
    if (this.kind === 'audio' || now - this.#requested < REQUEST_INTERVAL) return;
    this.#requested = now;
    this.emit('keyframe-request');
  }

  #finish(): void {
    this.#transcoding?.end();
    const hooks = this.#hooks;
    this.#hooks = undefined;
    hooks?.ended();
  }
}

function beginsWithStartCode(data: Uint8Array): boolean {
  return data[0] === 0 && data[1] === 0 && (data[2] === 1 || (data[2] === 0 && data[3] === 1));
}

const nalUnits = new NalUnits();

function isKeyframe(codec: CodecName, data: Uint8Array): boolean {
  if (codec !== 'H264') return readKeyframe(codec, data) !== undefined;
  // Of an IDR picture (ITU-T H.264 table 7-1), whether or not its parameter sets come with it.
  nalUnits.find(data);
  for (let i = 0; i < nalUnits.count; i++) if ((data[nalUnits.offsets[2 * i]!]! & 0x1f) === 5) return true;
  return false;
}
