/**
 * Opus into RTP (RFC 7587), with a clock of 48 kHz whatever is inside; libwebrtc's multi-channel Opus differs in the payload alone,
 * which is several streams, of which the first begins it (RFC 7845 §3).
 */
import type { TemplateWriter } from '../template.ts';
import { SoundPacketiser } from './sound.ts';
import type { EncodedFrameInput } from './types.ts';

export class OpusPacketiser extends SoundPacketiser {
  constructor(writer?: TemplateWriter) {
    super(48_000, writer);
  }

  protected durationOf({ data }: EncodedFrameInput): number {
    return opusDuration(data);
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
