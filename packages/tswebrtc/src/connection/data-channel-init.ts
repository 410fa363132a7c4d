/** What a data channel can be (RFC 8832 §5.1). */
import { TsWebRTCError } from '../common/errors.ts';
import type { DataChannelInit } from './transport/types.ts';

/** Throws `INVALID_OPTION` for a channel that cannot be. */
export function checkDataChannel(label: string, init: DataChannelInit = {}): void {
  if (init.maxPacketLifeTime !== undefined && init.maxRetransmits !== undefined) {
    throw new TsWebRTCError('INVALID_OPTION', 'a data channel takes maxPacketLifeTime or maxRetransmits, not both');
  }
  if (Buffer.byteLength(label) > 65535 || Buffer.byteLength(init.protocol ?? '') > 65535) {
    throw new TsWebRTCError('INVALID_OPTION', 'label and protocol of a data channel hold at most 65535 bytes of UTF-8');
  }
}
