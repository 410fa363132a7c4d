/** One track on its way into one session: takes an encoding, waits for a keyframe, then hands frames to the session's queue. */
import { asError } from '../common/errors.ts';
import type { Transceiver } from '../connection/transceiver.ts';
import type { OutboundStream } from '../rtp/outbound-stream.ts';
import type { PacketisedFrame } from '../rtp/packetised-frame.ts';
import { codecNameOf } from './codecs.ts';
import type { EncodingLease, EncodingPool } from './encoding-pool.ts';
import type { FrameSubscriber } from './shared-encoding.ts';
import type { SinkTrack } from './tracks.ts';

/** An encoder that failed sooner than this after it opened is not opened again, ms. */
const REOPEN_AFTER = 2000;

/** What the track needs of its session. */
export interface SessionTrackOwner {
  /** Whether frames can leave. */
  readonly sending: boolean;
  enqueue(kind: 'audio' | 'video', stream: OutboundStream, frame: PacketisedFrame): void;
  /** Packets wait to be sent again. */
  flush(): void;
  fail(reason: 'error', error: ReturnType<typeof asError>): void;
}

export class SessionTrack implements FrameSubscriber {
  readonly track: SinkTrack;
  readonly transceiver: Transceiver;
  readonly #session: SessionTrackOwner;
  readonly #encodings: EncodingPool;
  /** Bit/s. */
  readonly #bitrate: number;
  stream: OutboundStream | undefined;
  lease: EncodingLease | undefined;
  #waitsForKeyframe: boolean;
  #openedAt = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(
    track: SinkTrack,
    transceiver: Transceiver,
    session: SessionTrackOwner,
    options: { encodings: EncodingPool; bitrate: number },
  ) {
    this.track = track;
    this.transceiver = transceiver;
    this.#session = session;
    this.#encodings = options.encodings;
    this.#bitrate = options.bitrate;
    this.#waitsForKeyframe = track.kind === 'video';
  }

  /** Begins to send in the negotiated codec. Rejects with `ENCODER_FAILED`. */
  async open(): Promise<void> {
    const { sender } = this.transceiver;
    if (this.stream || !sender || this.#closed) return;
    this.stream = sender.stream;
    sender.on('keyframe-request', () => this.requestKeyframe());
    sender.on('retransmission-request', () => this.#session.flush());
    await this.#acquire();
  }

  async #acquire(): Promise<void> {
    const { codec } = this.transceiver;
    if (!codec) return;
    const options = { codec: codecNameOf(codec.name), bitrate: this.#bitrate };
    const lease = await this.#encodings.acquire(this.track, options, this);
    if (this.#closed) return lease.release();
    this.lease = lease;
    this.#openedAt = performance.now();
    this.requestKeyframe();
  }

  requestKeyframe(): void {
    if (this.track.kind === 'video' && this.#session.sending) this.lease?.encoding.requestKeyframe();
  }

  onFrame(frame: PacketisedFrame): boolean {
    if (!this.stream || !this.#session.sending) return false;
    if (this.#waitsForKeyframe && !frame.keyframe) return false;
    this.#waitsForKeyframe = false;
    this.#session.enqueue(this.track.kind, this.stream, frame);
    return true;
  }

  /** Goes on with a new encoder, unless this one was new itself: then it would fail for ever. */
  onFailure(error: Error): void {
    const lived = performance.now() - this.#openedAt;
    this.lease?.release();
    this.lease = undefined;
    if (this.#closed) return;
    this.#waitsForKeyframe = this.track.kind === 'video';
    const fail = (reason: unknown): void => this.#session.fail('error', asError(reason, 'ENCODER_FAILED'));
    if (lived < REOPEN_AFTER) fail(error);
    else this.#acquire().catch(fail);
  }

  close(): void {
    this.#closed = true;
    this.lease?.release();
    this.lease = undefined;
  }
}
