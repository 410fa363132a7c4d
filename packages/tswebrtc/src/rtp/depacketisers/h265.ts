/** H.265 out of RTP (RFC 7798), without decoding order numbers (sprop-max-don-diff 0, as WebRTC has it). */
import { ByteStream, splitAggregate } from './nal-units.ts';
import { concatenate, type Depacketiser, type PayloadInfo } from './types.ts';

/** Random access pictures: BLA, IDR and CRA (ITU-T H.265 table 7-1). */
const FIRST_RANDOM_ACCESS = 16;
const LAST_RANDOM_ACCESS = 23;
const AGGREGATE = 48;
const FRAGMENT = 49;
const UNIT_HEADER_LENGTH = 2;
const FRAGMENT_HEADER_LENGTH = 3;

export class H265Depacketiser implements Depacketiser {
  inspect(payload: Uint8Array): PayloadInfo | undefined {
    const types = unitTypes(payload);
    if (!types) return undefined;
    const keyframe = types.some((type) => type >= FIRST_RANDOM_ACCESS && type <= LAST_RANDOM_ACCESS);
    // nuh_temporal_id_plus1.
    return { begins: undefined, keyframe, temporalLayer: Math.max(0, (payload[1]! & 7) - 1), tl0PictureIndex: undefined };
  }

  assemble(payloads: readonly Uint8Array[]): Uint8Array | undefined {
    const stream = new ByteStream();
    for (const payload of payloads) {
      const type = typeOf(payload);
      if (type === AGGREGATE) stream.addAggregate(payload.subarray(UNIT_HEADER_LENGTH));
      else if (type === FRAGMENT) {
        const header = payload[2] ?? 0;
        const unit = [(payload[0]! & 0x81) | ((header & 0x3f) << 1), payload[1] ?? 0];
        stream.addFragment((header & 0x80) !== 0, (header & 0x40) !== 0, unit, payload.subarray(FRAGMENT_HEADER_LENGTH));
      } else if (type < AGGREGATE) stream.add(payload);
      else return undefined;
    }
    return stream.whole && concatenate(stream.whole);
  }
}

const typeOf = (unit: Uint8Array): number => ((unit[0] ?? 0) >> 1) & 0x3f;

function unitTypes(payload: Uint8Array): readonly number[] | undefined {
  if (payload.length <= UNIT_HEADER_LENGTH) return undefined;
  const type = typeOf(payload);
  if (type === AGGREGATE) return splitAggregate(payload.subarray(UNIT_HEADER_LENGTH))?.map(typeOf);
  if (type === FRAGMENT) return payload.length > FRAGMENT_HEADER_LENGTH ? [payload[2]! & 0x3f] : undefined;
  return type < AGGREGATE ? [type] : undefined;
}
