/**
 * One running encoder of a track for one codec, and the sessions that send what it makes: encoded once, packetised once,
 * however many watch.
 */
import type { Logger } from '../common/logger.ts';
import type { EncodedFrame, Encoding } from '../media/types.ts';
import type { PacketisedFrame } from '../rtp/packetised-frame.ts';
import { createPacketiser, type Packetiser } from '../rtp/packetiser.ts';
import { KeyframeGovernor } from './keyframe-governor.ts';
import type { Shard } from './shard.ts';

export interface FrameSubscriber {
  /** Takes a frame; false when it could not use it. */
  onFrame(frame: PacketisedFrame): boolean;
  /** The encoding failed and makes no more frames. */
  onFailure(error: Error): void;
}

export interface SharedEncodingCallbacks {
  onError(error: Error): void;
  onEnded(): void;
}

export class SharedEncoding {
  readonly id: string;
  readonly codec: Encoding['codec'];
  readonly #encoding: Encoding;
  readonly #packetiser: Packetiser;
  readonly #shard: Shard;
  readonly #subscribers = new Set<FrameSubscriber>();
  readonly #governor = new KeyframeGovernor();
  #keyframeTimer: NodeJS.Timeout | undefined;
  /** No frame was made yet: the first one is a keyframe without being asked. */
  #fresh = true;
  #closed = false;

  constructor(encoding: Encoding, shard: Shard, callbacks: SharedEncodingCallbacks, logger: Logger) {
    this.id = encoding.id;
    this.codec = encoding.codec;
    this.#encoding = encoding;
    this.#shard = shard;
    this.#packetiser = createPacketiser(encoding.codec);
    encoding.on('frame', (frame) => this.#onFrame(frame, logger));
    encoding.on('error', (error) => {
      // Dropped first, so that whoever asks for the encoding again gets a new one.
      callbacks.onError(error);
      for (const subscriber of [...this.#subscribers]) subscriber.onFailure(error);
    });
    encoding.on('ended', () => callbacks.onEnded());
  }

  subscribe(subscriber: FrameSubscriber): void {
    this.#subscribers.add(subscriber);
  }

  unsubscribe(subscriber: FrameSubscriber): void {
    this.#subscribers.delete(subscriber);
  }

  /** Asks for a keyframe; close requests share one. */
  requestKeyframe(): void {
    if (this.#fresh || this.#closed) return;
    const now = performance.now();
    const due = this.#governor.request(now);
    if (due === undefined) return;
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

  #onFrame(frame: EncodedFrame, logger: Logger): void {
    try {
      this.#fresh = false;
      if (this.#subscribers.size === 0) return;
      const packetised = this.#packetiser.packetise(frame, this.#shard.arena);
      if (!packetised) return;
      let taken = false;
      for (const subscriber of this.#subscribers) taken = subscriber.onFrame(packetised) || taken;
      if (packetised.keyframe && taken) this.#governor.made(performance.now());
    } catch (error) {
      logger.error({ err: error, encoding: this.id }, 'a frame could not be packetised and is lost');
    } finally {
      frame.release();
    }
    this.#shard.flush();
  }
}
