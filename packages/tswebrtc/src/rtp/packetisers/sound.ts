/** What packetisers of sound have in common: one encoded packet per RTP packet, marker on the start of a talk spurt (RFC 3551 §4.1). */
import type { PacketArena } from '../packet-arena.ts';
import type { PacketisedFrame } from '../packetised-frame.ts';
import { TEMPLATE_LAYOUT, TemplateWriter } from '../template.ts';
import { timestampDelta, toRtpTimestamp } from '../timestamp.ts';
import type { EncodedFrameInput, Packetiser } from './types.ts';

/**
 * A packet cannot be split. Opus above about 450 kbit/s exceeds the usual packet size with 20 ms (1275 bytes a stream at most, RFC
 * 6716 §3.2.1): sent as it is, since an Ethernet frame still takes it. Longer ones are given up.
 */
const LONGEST_PACKET = 1400;
/** Less than this is rounding in the source's timestamps: 2.5 ms, the shortest Opus frame. s */
const ROUNDING = 0.0025;

export abstract class SoundPacketiser implements Packetiser {
  readonly clockRate: number;
  readonly #writer: TemplateWriter;
  /** RTP timestamp at which the next packet continues the last one. */
  #expected: number | undefined;

  constructor(clockRate: number, writer = new TemplateWriter()) {
    this.clockRate = clockRate;
    this.#writer = writer;
  }

  /** How long a packet lasts, in units of the clock. */
  protected abstract durationOf(frame: EncodedFrameInput): number;

  packetise(frame: EncodedFrameInput, arena: PacketArena): PacketisedFrame | undefined {
    const { data } = frame;
    if (data.length === 0 || data.length > LONGEST_PACKET - TEMPLATE_LAYOUT.headerLength) return undefined;
    if (!this.#writer.begin(arena, data.length)) return undefined;
    arena.bytes.set(data, this.#writer.addPacket(data.length));
    const timestamp = toRtpTimestamp(frame.timestamp, this.clockRate);
    const gap = this.#expected === undefined ? undefined : timestampDelta(timestamp, this.#expected);
    const marker = gap === undefined || Math.abs(gap) >= ROUNDING * this.clockRate;
    this.#expected = (timestamp + this.durationOf(frame)) >>> 0;
    return this.#writer.end({ timestamp, captureTime: frame.captureTime, keyframe: true, marker, temporalLayer: 0 });
  }
}
