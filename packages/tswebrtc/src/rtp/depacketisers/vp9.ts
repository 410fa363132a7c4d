/** VP9 out of RTP (RFC 9628 §4). A frame here is a picture: all of its spatial layers. */
import { concatenate, type Depacketiser, type PayloadInfo } from './types.ts';

/** Reference indices that a descriptor in flexible mode may hold. */
const MOST_REFERENCES = 3;

interface Descriptor {
  readonly length: number;
  readonly begins: boolean;
  readonly keyframe: boolean;
  readonly temporalLayer: number;
  readonly tl0PictureIndex: number | undefined;
}

export class Vp9Depacketiser implements Depacketiser {
  inspect(payload: Uint8Array): PayloadInfo | undefined {
    return parseDescriptor(payload);
  }

  assemble(payloads: readonly Uint8Array[]): Uint8Array | undefined {
    const parts: Uint8Array[] = [];
    for (const payload of payloads) {
      const descriptor = parseDescriptor(payload);
      if (!descriptor) return undefined;
      parts.push(payload.subarray(descriptor.length));
    }
    return parts.length > 0 ? concatenate(parts) : undefined;
  }
}

function parseDescriptor(payload: Uint8Array): Descriptor | undefined {
  const first = payload[0];
  if (first === undefined) return undefined;
  const [hasPictureId, interPredicted, hasLayers, flexible] = [first & 0x80, first & 0x40, first & 0x20, first & 0x10];
  const [startOfFrame, hasStructure] = [first & 0x08, first & 0x02];
  let at = 1;
  let temporalLayer = 0;
  let spatialLayer = 0;
  let tl0PictureIndex: number | undefined;
  if (hasPictureId) at += (payload[at] ?? 0) & 0x80 ? 2 : 1;
  if (hasLayers) {
    const byte = payload[at++] ?? 0;
    temporalLayer = byte >> 5;
    spatialLayer = (byte >> 1) & 7;
    if (!flexible) tl0PictureIndex = payload[at++];
  }
  if (flexible && interPredicted) {
    for (let i = 0, more = true; more; i++) {
      if (i === MOST_REFERENCES) return undefined;
      more = ((payload[at++] ?? 0) & 1) !== 0;
    }
  }
  if (hasStructure) at = skipStructure(payload, at);
  if (at >= payload.length) return undefined;
  return {
    length: at,
    begins: startOfFrame !== 0 && spatialLayer === 0,
    // Some senders never set P; the frame itself says it as well.
    keyframe: interPredicted === 0 && spatialLayer === 0 && startOfFrame !== 0 && isKeyframe(payload[at]!),
    temporalLayer,
    tl0PictureIndex,
  };
}

/** By the first byte of a frame's uncompressed header (VP9 bitstream specification §6.2). */
function isKeyframe(first: number): boolean {
  const marker = first >> 6;
  // Profile 3 has a reserved bit more.
  const at = (first & 0x30) === 0x30 ? 2 : 3;
  const showExistingFrame = (first >> at) & 1;
  const frameType = (first >> (at - 1)) & 1;
  return marker === 2 && showExistingFrame === 0 && frameType === 0;
}

/** The scalability structure (§4.2.1): sizes of the layers, and the pattern of the pictures. */
function skipStructure(payload: Uint8Array, at: number): number {
  const flags = payload[at++] ?? 0;
  if (flags & 0x10) at += 4 * ((flags >> 5) + 1);
  if (flags & 0x08) {
    const pictures = payload[at++] ?? 0;
    for (let i = 0; i < pictures && at < payload.length; i++) at += 1 + (((payload[at] ?? 0) >> 2) & 3);
  }
  return at;
}
