/** Opus into RTP (RFC 7587): one Opus packet per RTP packet, clock rate always 48 kHz, marker on the start of a talk spurt. */
import type { PacketArena } from '../packet-arena.ts';
import type { PacketisedFrame } from '../packetised-frame.ts';
import { TEMPLATE_LAYOUT, TemplateWriter } from '../template.ts';
import { timestampDelta, toRtpTimestamp } from '../timestamp.ts';
import type { EncodedFrameInput, Packetiser } from './types.ts';

/**
 * An Opus packet cannot be split. Above about 450 kbit/s one of 20 ms exceeds the usual packet size (1275 bytes at most, RFC
 * 6716 §3.2.1): sent as it is, since an Ethernet frame still takes it. Longer ones are given up.
 */
const LONGEST_PACKET = 1400;

export class OpusPacketiser implements Packetiser {
  readonly clockRate = 48_000;
  readonly #writer = new TemplateWriter();
  /** RTP timestamp at which the next packet continues the last one. */
  #expected: number | undefined;

  packetise(frame: EncodedFrameInput, arena: PacketArena): PacketisedFrame | undefined {
    const { data } = frame;
    if (data.length === 0 || data.length > LONGEST_PACKET - TEMPLATE_LAYOUT.headerLength) return undefined;
    if (!this.#writer.begin(arena, data.length)) return undefined;
    arena.bytes.set(data, this.#writer.addPacket(data.length));
    const timestamp = toRtpTimestamp(frame.timestamp, this.clockRate);
    const gap = this.#expected === undefined ? undefined : timestampDelta(timestamp, this.#expected);
    // 120 units = 2.5 ms, the shortest Opus frame: less is rounding in the source's timestamps.
    const marker = gap === undefined || gap >= 120 || gap <= -120;
    this.#expected = (timestamp + opusDuration(data)) >>> 0;
    return this.#writer.end({ timestamp, captureTime: frame.captureTime, keyframe: true, marker, temporalLayer: 0 });
  }
}

/** Duration of an Opus packet in units of 48 kHz, from its first bytes (RFC 6716 §3.1, §3.2). */
export function opusDuration(packet: Uint8Array): number {
  if (packet.length === 0) return 0;
  const toc = packet[0]!;
  const configuration = toc >> 3;
  let frame: number;
  if (configuration < 12) frame = [480, 960, 1920, 2880][configuration & 3]!;
  else if (configuration < 16) frame = configuration & 1 ? 960 : 480;
  else frame = 120 << (configuration & 3);
  const code = toc & 3;
  if (code === 0) return frame;
  if (code < 3) return 2 * frame;
  return packet.length < 2 ? 0 : frame * (packet[1]! & 0x3f);
}
