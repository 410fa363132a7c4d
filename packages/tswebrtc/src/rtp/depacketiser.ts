/** The depacketiser of a codec, by the codec's name in SDP. */
import { TsWebRTCError } from '../common/errors.ts';
import { Av1Depacketiser } from './depacketisers/av1.ts';
import { H264Depacketiser } from './depacketisers/h264.ts';
import { H265Depacketiser } from './depacketisers/h265.ts';
import { JpegDepacketiser } from './depacketisers/jpeg.ts';
import type { Depacketiser, PictureSize } from './depacketisers/types.ts';
import { Vp8Depacketiser } from './depacketisers/vp8.ts';
import { Vp9Depacketiser } from './depacketisers/vp9.ts';
import { WholeDepacketiser } from './depacketisers/whole.ts';

export type { Depacketiser, PayloadInfo } from './depacketisers/types.ts';

const DEPACKETISERS: Readonly<Record<string, new (size?: PictureSize) => Depacketiser>> = {
  AV1: Av1Depacketiser,
  H264: H264Depacketiser,
  H265: H265Depacketiser,
  JPEG: JpegDepacketiser,
  L16: WholeDepacketiser,
  L24: WholeDepacketiser,
  MULTIOPUS: WholeDepacketiser,
  OPUS: WholeDepacketiser,
  PCMA: WholeDepacketiser,
  PCMU: WholeDepacketiser,
  VP8: Vp8Depacketiser,
  VP9: Vp9Depacketiser,
};

/**
 * A new depacketiser for `codec` (any case). `size`: of the pictures, where the session description tells. Throws `INVALID_OPTION` where
 * there is none.
 */
export function createDepacketiser(codec: string, size?: PictureSize): Depacketiser {
  const Class = DEPACKETISERS[codec.toUpperCase()];
  if (Class) return new Class(size);
  const known = Object.keys(DEPACKETISERS).join(', ');
  throw new TsWebRTCError('INVALID_OPTION', `There is no RTP depacketiser for codec "${codec}": use one of ${known}.`);
}
