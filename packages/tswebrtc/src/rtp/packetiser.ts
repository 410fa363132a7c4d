/** The packetiser of a codec, by the codec's name in SDP. */
import { TsWebRTCError } from '../common/errors.ts';
import { Av1Packetiser } from './packetisers/av1.ts';
import { H264Packetiser } from './packetisers/h264.ts';
import { H265Packetiser } from './packetisers/h265.ts';
import { OpusPacketiser } from './packetisers/opus.ts';
import { PcmPacketiser } from './packetisers/pcm.ts';
import type { Packetiser } from './packetisers/types.ts';
import { Vp8Packetiser } from './packetisers/vp8.ts';
import { Vp9Packetiser } from './packetisers/vp9.ts';

export type { EncodedFrameInput, Packetiser } from './packetisers/types.ts';

export interface PacketiserOptions {
  /** H264: 0 puts each NAL unit into a packet of its own, however many there are. Default 1. */
  readonly packetizationMode?: 0 | 1;
  /** L16 and L24, Hz. Default 48000. */
  readonly clockRate?: number;
}

/** A new packetiser for `codec` (any case). Throws `INVALID_OPTION` where there is none. */
export function createPacketiser(
  codec: string,
  { packetizationMode = 1, clockRate = 48_000 }: PacketiserOptions = {},
): Packetiser {
  switch (codec.toUpperCase()) {
    case 'VP8':
      return new Vp8Packetiser();
    case 'H264':
      return new H264Packetiser(packetizationMode);
    case 'VP9':
      return new Vp9Packetiser();
    case 'H265':
      return new H265Packetiser();
    case 'AV1':
      return new Av1Packetiser();
    case 'OPUS':
    case 'MULTIOPUS':
      return new OpusPacketiser();
    case 'L16':
    case 'L24':
      return new PcmPacketiser(clockRate);
    case 'PCMA':
    case 'PCMU':
      return new PcmPacketiser(8000);
    default:
      throw new TsWebRTCError(
        'INVALID_OPTION',
        `There is no RTP packetiser for codec "${codec}": use VP8, H264, VP9, H265, AV1, OPUS, MULTIOPUS, L16, L24, PCMU or PCMA.`,
      );
  }
}
