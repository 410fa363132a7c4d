/**
 * What runs on from frame to frame of one outgoing stream, whatever encodings its frames come from and whichever are left out: RTP
 * timestamps, and for VP8 and VP9 PictureID and TL0PICIDX, which receivers want without gaps.
 */
import type { OutboundStreamOptions } from './outbound-options.ts';
import type { PacketHistory } from './packet-history.ts';
import type { PacketisedFrame } from './packetised-frame.ts';

export class FrameNumbers {
  /** RTP timestamp of the frame in hand. */
  timestamp = 0;
  readonly #clockRate: number;
  #offset: number;
  #epoch: number | undefined;
  /** As its input has it, of the frame in hand. */
  #trueTimestamp = 0;
  #captureTime: number | undefined;
  #pictureId: number;
  #tl0PictureIndex: number;

  constructor(options: Pick<OutboundStreamOptions, 'clockRate' | 'timestampOffset' | 'timestampEpoch' | 'initialPictureId'>) {
    this.#clockRate = options.clockRate;
    this.#offset = options.timestampOffset;
    this.#epoch = options.timestampEpoch;
    this.#pictureId = options.initialPictureId & 0x7fff;
    // Any start will do (RFC 7741 §4.2); taken from the random picture id.
    this.#tl0PictureIndex = options.initialPictureId & 0xff;
  }

  begin(frame: PacketisedFrame): void {
    if (this.#epoch !== undefined) this.#countFrom(this.#epoch, frame);
    const timestamp = (frame.timestamp + this.#offset) >>> 0;
    // Where the stream changes to another encoder, that one's first frame may be older than the last of the one before: time
    // must not go back for the receiver, though reports go by the true one.
    const goesOn = this.#captureTime === undefined || ((timestamp - this.timestamp) | 0) > 0;
    this.timestamp = goesOn ? timestamp : (this.timestamp + 1) >>> 0;
    this.#trueTimestamp = timestamp;
    this.#captureTime = frame.captureTime;
    if (!frame.pictureIdOffset) return;
    this.#pictureId = (this.#pictureId + 1) & 0x7fff;
    if (frame.temporalLayer === 0) this.#tl0PictureIndex = (this.#tl0PictureIndex + 1) & 0xff;
  }

  /** The RTP timestamp that a frame captured at `wallTime`, ms since the Unix epoch, would have; undefined before the first frame. */
  timestampAt(wallTime: number): number | undefined {
    if (this.#captureTime === undefined) return undefined;
    const sinceCapture = Math.round(((wallTime - this.#captureTime) * this.#clockRate) / 1000);
    return (this.#trueTimestamp + sinceCapture) >>> 0;
  }

  /** Notes what is patched into the payload descriptor: PictureID and TL0PICIDX, with the byte of the layers between them in VP9. */
  recordPictureId(history: PacketHistory, slot: number, layerByte: number | undefined): void {
    const pictureId = 0x8000 | this.#pictureId;
    history.pictureIdLengths[slot] = layerByte === undefined ? 3 : 4;
    history.pictureIds[slot] =
      layerByte === undefined
        ? (pictureId << 8) | this.#tl0PictureIndex
        : ((pictureId << 16) | (layerByte << 8) | this.#tl0PictureIndex) >>> 0;
  }

  /** From the first frame on the timeline is that of the clock: capture times and timestamps are linear. */
  #countFrom(epoch: number, { captureTime, timestamp }: PacketisedFrame): void {
    this.#epoch = undefined;
    const since = captureTime - epoch;
    const seconds = Math.floor(since / 1000);
    const count = (seconds * this.#clockRate) % 0x1_0000_0000;
    this.#offset = (count + Math.round(((since - 1000 * seconds) * this.#clockRate) / 1000) - timestamp) >>> 0;
  }
}
