/** VP8 out of RTP (RFC 7741 §4). */
import { concatenate, type Depacketiser, type PayloadInfo } from './types.ts';

interface Descriptor {
  readonly length: number;
  readonly begins: boolean;
  readonly temporalLayer: number;
  readonly tl0PictureIndex: number | undefined;
}

export class Vp8Depacketiser implements Depacketiser {
  inspect(payload: Uint8Array): PayloadInfo | undefined {
    const descriptor = parseDescriptor(payload);
    if (!descriptor) return undefined;
    const { begins, temporalLayer, tl0PictureIndex } = descriptor;
    // The frame tag's first bit is 0 in keyframes (RFC 6386 §9.1).
    const keyframe = begins && (payload[descriptor.length]! & 1) === 0;
    return { begins, keyframe, temporalLayer, tl0PictureIndex };
  }

  assemble(payloads: readonly Uint8Array[]): Uint8Array | undefined {
    const parts: Uint8Array[] = [];
    for (const payload of payloads) {
      const descriptor = parseDescriptor(payload);
      if (!descriptor || descriptor.begins !== (parts.length === 0)) return undefined;
      parts.push(payload.subarray(descriptor.length));
    }
    return parts.length > 0 ? concatenate(parts) : undefined;
  }
}

function parseDescriptor(payload: Uint8Array): Descriptor | undefined {
  const first = payload[0];
  if (first === undefined) return undefined;
  let at = 1;
  let temporalLayer = 0;
  let tl0PictureIndex: number | undefined;
  if (first & 0x80) {
    const present = payload[at++] ?? 0;
    if (present & 0x80) at += (payload[at] ?? 0) & 0x80 ? 2 : 1;
    if (present & 0x40) tl0PictureIndex = payload[at++];
    // One byte for both TID and KEYIDX, whichever of them is there.
    if (present & 0x30) {
      const byte = payload[at++] ?? 0;
      if (present & 0x20) temporalLayer = byte >> 6;
    }
  }
  if (at >= payload.length) return undefined;
  // The start of partition 0: further partitions, where an encoder makes packets of them, are no start of a frame.
  return { length: at, begins: (first & 0x17) === 0x10, temporalLayer, tl0PictureIndex };
}
