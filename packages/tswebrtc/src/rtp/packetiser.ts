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
import { TemplateWriter } from './template.ts';

export type { EncodedFrameInput, Packetiser } from './packetisers/types.ts';

export interface PacketiserOptions {
  /** H264: 0 puts each NAL unit into a packet of its own, however many there are. Default 1. */
  readonly packetizationMode?: 0 | 1;
  /** L16 and L24, Hz. Default 48000. */
  readonly clockRate?: number;
  /** Whether the first packet of each frame tells when it was captured (abs-capture-time), to sessions that negotiated it. Default false. */
  readonly captureTimes?: boolean;
  /** Largest packet of what can be divided, bytes. Default 1200. */
  readonly mtu?: number;
}

/** A new packetiser for `codec` (any case). Throws `INVALID_OPTION` where there is none. */
export function createPacketiser(
  codec: string,
  { packetizationMode = 1, clockRate = 48_000, captureTimes = false, mtu }: PacketiserOptions = {},
): Packetiser {
  const writer = new TemplateWriter({ captureTimes, ...(mtu === undefined ? {} : { mtu }) });
  switch (codec.toUpperCase()) {
    case 'VP8':
      return new Vp8Packetiser(writer);
    case 'H264':
      return new H264Packetiser(packetizationMode, writer);
    case 'VP9':
      return new Vp9Packetiser(writer);
    case 'H265':
      return new H265Packetiser(writer);
    case 'AV1':
      return new Av1Packetiser(writer);
    case 'OPUS':
    case 'MULTIOPUS':
      return new OpusPacketiser(writer);
    case 'L16':
    case 'L24':
      return new PcmPacketiser(clockRate, writer);
    case 'PCMA':
    case 'PCMU':
      return new PcmPacketiser(8000, writer);
    default:
      throw new TsWebRTCError(
        'INVALID_OPTION',
        `There is no RTP packetiser for codec "${codec}": use VP8, H264, VP9, H265, AV1, OPUS, MULTIOPUS, L16, L24, PCMU or PCMA.`,
      );
  }
}
