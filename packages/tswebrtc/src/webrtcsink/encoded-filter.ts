/**
 * What an application does to encoded frames between encoder and packetiser (the original's `request-encoded-filter`): encrypt them, add
 * metadata, look at them. Encodings are shared, so a filter is of an encoding and not, as in the original, of a consumer.
 */
import type { CodecName, EncodedFrame } from '../media/types.ts';

/** One encoded frame, before it is packetised. Valid during the call only; not to be written to. */
export type FilteredFrame = Pick<EncodedFrame, 'data' | 'timestamp' | 'captureTime' | 'keyframe' | 'temporalLayer'>;

/**
 * Returns what is sent in place of the frame: other bytes, the same, or null to leave the frame out, whose successors the decoder must be
 * able to do without. What is returned must still be a frame of the codec as far as packetisers look into it: H.264 and H.265 by
 * their start codes and the headers of NAL units, VP8 and VP9 by the first bytes, AV1 by the headers of OBUs.
 */
export type EncodedFilter = (frame: FilteredFrame) => Uint8Array | null;

/** Asked when an encoder of `track` starts; null or undefined for no filter. */
export type RequestEncodedFilter = (track: string, codec: CodecName) => EncodedFilter | null | undefined;
