/** G.711 and linear PCM into RTP (RFC 3551 §4.5, RFC 3190): samples in network byte order, in packets that the encoder makes to fit. */
import { SoundPacketiser } from './sound.ts';
import type { EncodedFrameInput } from './types.ts';

export class PcmPacketiser extends SoundPacketiser {
  protected durationOf({ duration }: EncodedFrameInput): number {
    return Math.round((duration * this.clockRate) / 1e6);
  }
}
