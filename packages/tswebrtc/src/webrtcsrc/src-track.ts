/** One medium of a producer, as it comes: its frames, encoded, whole and in order. */
import { Emitter } from '../common/emitter.ts';
import type { Transceiver } from '../connection/transceiver.ts';
import type { InboundFrame, InboundStreamStats } from '../rtp/receive/inbound-stream.ts';
import { FrameQueue } from './frame-queue.ts';

export type SrcTrackEvents = {
  /** For who takes each at once; `frames()` waits for its reader. */
  frame: [frame: InboundFrame];
  /** The producer took the track away, or the session is over. */
  ended: [];
};

export class SrcTrack extends Emitter<SrcTrackEvents> {
  /** `video_0`, `audio_0`, …: the reference's pad names, never used twice in a session. */
  readonly name: string;
  readonly kind: 'audio' | 'video';
  readonly #transceiver: Transceiver;
  readonly #queues = new Set<FrameQueue>();
  #ended = false;

  constructor(name: string, transceiver: Transceiver) {
    super();
    this.name = name;
    this.kind = transceiver.kind;
    this.#transceiver = transceiver;
    transceiver.receiver?.on('frame', (frame) => this.#onFrame(frame));
    transceiver.receiver?.on('ended', () => this.end());
  }

  /** Name of its m-line. */
  get mid(): string | undefined {
    return this.#transceiver.mid;
  }

  /** MediaStream id that the producer gave it. */
  get msid(): string | undefined {
    return this.#transceiver.remoteSources[0]?.streamId;
  }

  /** Encoding name of the codec that comes, or that will: the producer may use any of those agreed on. */
  get codec(): string {
    return this.#transceiver.codec?.name ?? '';
  }

  /** Parameters of that codec from the session description, such as `sprop-parameter-sets`. */
  get fmtp(): Readonly<Record<string, string>> {
    return this.#transceiver.codec?.fmtp ?? {};
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Figures of the stream; undefined before its first packet. */
  get stats(): InboundStreamStats | undefined {
    return this.#transceiver.receiver?.stream?.stats();
  }

  /** Asks the producer for a keyframe, of which one may come in any case. */
  requestKeyframe(): void {
    this.#transceiver.receiver?.requestKeyframe();
  }

  /**
   * Frames from now on, one by one; ends with the track. A reader who is too slow loses frames, and goes on with a keyframe:
   * nothing grows.
   */
  frames(): AsyncIterableIterator<InboundFrame> {
    const queue = new FrameQueue(
      () => this.requestKeyframe(),
      () => this.#queues.delete(queue),
    );
    if (this.#ended) queue.end();
    else this.#queues.add(queue);
    return queue;
  }

  /** @internal */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const queue of this.#queues) queue.end();
    this.#queues.clear();
    this.emit('ended');
  }

  #onFrame(frame: InboundFrame): void {
    for (const queue of this.#queues) queue.push(frame);
    this.emit('frame', frame);
  }
}
