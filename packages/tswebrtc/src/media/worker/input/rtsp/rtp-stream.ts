/** One stream of an RTSP server: from RTP packets to the packets of its codec, each as soon as it is whole. */
import { createDepacketiser } from '../../../../rtp/depacketiser.ts';
import { parseRtp, RtpHeader } from '../../../../rtp/packet.ts';
import { opusDuration } from '../../../../rtp/packetisers/opus.ts';
import { JitterBuffer } from '../../../../rtp/receive/jitter-buffer.ts';
import { SequenceUnwrapper } from '../../../../rtp/sequence.ts';
import { TimestampUnwrapper } from '../../../../rtp/timestamp.ts';
import { monotonicNow } from '../../timeline.ts';
import { BytesUnit } from '../encoded-unit.ts';
import type { FeedPacket } from '../feed.ts';
import { AccessUnits } from './access-units.ts';
import type { MediaSection } from './media-sections.ts';

/** Samples of an AAC access unit. */
const AAC_FRAME = 1024;

export class RtpStream {
  readonly #section: MediaSection;
  readonly #index: number;
  readonly #handOn: (packet: FeedPacket, data: Uint8Array) => void;
  readonly #header = new RtpHeader();
  readonly #sequences = new SequenceUnwrapper();
  readonly #video: JitterBuffer | undefined;
  readonly #units: AccessUnits | undefined;
  readonly #timestamps = new TimestampUnwrapper();
  #newest = Number.NEGATIVE_INFINITY;
  /** RTP timestamp that is time 0, unwrapped. */
  #origin: number | undefined;
  /** Its time in µs. */
  #start = 0;

  constructor(section: MediaSection, index: number, handOn: (packet: FeedPacket, data: Uint8Array) => void) {
    this.#section = section;
    this.#index = index;
    this.#handOn = handOn;
    if (section.kind === 'video') {
      this.#video = new JitterBuffer({
        depacketiser: createDepacketiser(section.codec, section.size),
        clockRate: section.clockRate,
        // Whoever watches evens it out; here nothing waits.
        bounds: { floor: 0, ceiling: 0 },
        mayCome: () => false,
        repairable: false,
      });
    } else if (section.codec === 'MPEG4-GENERIC') this.#units = new AccessUnits(section.fmtp);
  }

  /** The server says which RTP timestamp is the beginning, for all of its streams. */
  setOrigin(timestamp: number): void {
    this.#origin = this.#timestamps.unwrap(timestamp);
  }

  /** An RTP packet; `elapsed`: µs since the beginning, where the server does not tell. */
  push(data: Uint8Array, elapsed: number): void {
    const header = this.#header;
    if (!parseRtp(data, header) || header.payloadType !== this.#section.payloadType || header.payloadLength === 0) return;
    const sequence = this.#sequences.unwrap(header.sequenceNumber);
    const payload = data.subarray(header.payloadOffset, header.payloadOffset + header.payloadLength);
    if (this.#origin === undefined) {
      this.#origin = this.#timestamps.unwrap(header.timestamp);
      this.#start = elapsed;
    }
    if (this.#video) this.#pushVideo(this.#video, sequence, payload);
    else if (sequence > this.#newest) {
      this.#newest = sequence;
      this.#pushAudio(payload, this.#time(this.#timestamps.unwrap(header.timestamp)));
    }
  }

  #pushVideo(buffer: JitterBuffer, sequence: number, payload: Uint8Array): void {
    const now = monotonicNow();
    buffer.insert(sequence, this.#header.timestamp, this.#header.marker, payload, now);
    for (let frame = buffer.take(now); frame; frame = buffer.take(now)) {
      // Both unwrap from the same first packets.
      const time = this.#time(this.#timestamps.unwrap(frame.timestamp % 0x1_0000_0000));
      this.#give(frame.data, time, 0, frame.keyframe);
    }
  }

  #pushAudio(payload: Uint8Array, time: number): void {
    const { codec, clockRate } = this.#section;
    if (!this.#units) {
      const duration = codec === 'OPUS' ? (opusDuration(payload) * 1e6) / 48_000 : 0;
      // It lies where the next packet is read to.
      this.#give(Uint8Array.from(payload), time, duration, true);
      return;
    }
    const duration = (AAC_FRAME * 1e6) / clockRate;
    for (const [index, unit] of this.#units.push(payload).entries()) {
      this.#give(Uint8Array.from(unit), time + index * duration, duration, true);
    }
  }

  #time(timestamp: number): number {
    return this.#start + ((timestamp - this.#origin!) * 1e6) / this.#section.clockRate;
  }

  #give(data: Uint8Array, time: number, duration: number, keyframe: boolean): void {
    this.#handOn({ stream: this.#index, unit: new BytesUnit(data, keyframe), time, due: time, duration }, data);
  }
}
