/** Codecs whose frames are whole payloads: Opus (RFC 7587 §4.2), G.711 and linear PCM (RFC 3551 §4.5). */
import type { Depacketiser, PayloadInfo } from './types.ts';

const INFO: PayloadInfo = { begins: true, ends: true, keyframe: true, temporalLayer: 0, tl0PictureIndex: undefined };

export class WholeDepacketiser implements Depacketiser {
  inspect(payload: Uint8Array): PayloadInfo | undefined {
    return payload.length > 0 ? INFO : undefined;
  }

  assemble([payload, ...others]: readonly Uint8Array[]): Uint8Array | undefined {
    return payload && others.length === 0 ? Uint8Array.from(payload) : undefined;
  }
}
