/** H.264 out of RTP (RFC 6184), packetization modes 0 and 1. */
import { ByteStream, splitAggregate } from './nal-units.ts';
import { concatenate, type Depacketiser, type PayloadInfo } from './types.ts';

const IDR = 5;
const STAP_A = 24;
const FU_A = 28;
const FU_HEADER_LENGTH = 2;

export class H264Depacketiser implements Depacketiser {
  inspect(payload: Uint8Array): PayloadInfo | undefined {
    const types = unitTypes(payload);
    if (!types) return undefined;
    return { begins: undefined, keyframe: types.includes(IDR), temporalLayer: 0, tl0PictureIndex: undefined };
  }

  assemble(payloads: readonly Uint8Array[]): Uint8Array | undefined {
    const stream = new ByteStream();
    for (const payload of payloads) {
      const type = (payload[0] ?? 0) & 0x1f;
      if (type === STAP_A) stream.addAggregate(payload.subarray(1));
      else if (type === FU_A) {
        const header = payload[1] ?? 0;
        const unit = [(payload[0]! & 0xe0) | (header & 0x1f)];
        stream.addFragment((header & 0x80) !== 0, (header & 0x40) !== 0, unit, payload.subarray(FU_HEADER_LENGTH));
      } else if (type >= 1 && type < STAP_A) stream.add(payload);
      else return undefined;
    }
    return stream.whole && concatenate(stream.whole);
  }
}

/** The types of the NAL units in a payload, or of the one it is a piece of. */
function unitTypes(payload: Uint8Array): readonly number[] | undefined {
  if (payload.length < 2) return undefined;
  const type = payload[0]! & 0x1f;
  if (type === STAP_A) return splitAggregate(payload.subarray(1))?.map((unit) => unit[0]! & 0x1f);
  if (type === FU_A) return payload.length > FU_HEADER_LENGTH ? [payload[1]! & 0x1f] : undefined;
  return type >= 1 && type < STAP_A ? [type] : undefined;
}
