/** The packetiser of a codec, by the codec's name in SDP. */
import { TsWebRTCError } from '../common/errors.ts';
import { H264Packetiser } from './packetisers/h264.ts';
import { OpusPacketiser } from './packetisers/opus.ts';
import type { Packetiser } from './packetisers/types.ts';
import { Vp8Packetiser } from './packetisers/vp8.ts';

export type { EncodedFrameInput, Packetiser } from './packetisers/types.ts';

/** A new packetiser for `codec` (any case). Throws `INVALID_OPTION` where there is none. */
export function createPacketiser(codec: string): Packetiser {
  switch (codec.toUpperCase()) {
    case 'H264':
      return new H264Packetiser();
    case 'VP8':
      return new Vp8Packetiser();
    case 'OPUS':
      return new OpusPacketiser();
    default:
      throw new TsWebRTCError('INVALID_OPTION', `There is no RTP packetiser for codec "${codec}": use H264, VP8 or OPUS.`);
  }
}
