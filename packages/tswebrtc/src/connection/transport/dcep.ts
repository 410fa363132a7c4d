/** The Data Channel Establishment Protocol's messages (RFC 8832 §5). */
import type { DataChannelInit } from './types.ts';

/** Payload protocol identifiers (RFC 8831 §8). */
export const PPID = { dcep: 50, string: 51, binary: 53, emptyString: 56, emptyBinary: 57 } as const;

const ACK = 2;
const OPEN = 3;
const UNORDERED = 0x80;
const LIMITED_RETRANSMITS = 1;
const LIMITED_LIFETIME = 2;
/** RFC 8831 §6.4. */
const PRIORITY = { 'very-low': 128, low: 256, medium: 512, high: 1024 } as const;

export type DcepMessage =
  | { readonly type: 'ack' }
  | { readonly type: 'open'; readonly label: string; readonly init: DataChannelInit };

export function encodeOpen(label: string, init: DataChannelInit): Buffer {
  const labelBytes = Buffer.from(label);
  const protocolBytes = Buffer.from(init.protocol ?? '');
  const out = Buffer.alloc(12 + labelBytes.length + protocolBytes.length);
  let channelType = init.ordered === false ? UNORDERED : 0;
  if (init.maxRetransmits !== undefined) channelType |= LIMITED_RETRANSMITS;
  else if (init.maxPacketLifeTime !== undefined) channelType |= LIMITED_LIFETIME;
  out.writeUInt8(OPEN, 0);
  out.writeUInt8(channelType, 1);
  out.writeUInt16BE(PRIORITY[init.priority ?? 'low'], 2);
  out.writeUInt32BE(init.maxRetransmits ?? init.maxPacketLifeTime ?? 0, 4);
  out.writeUInt16BE(labelBytes.length, 8);
  out.writeUInt16BE(protocolBytes.length, 10);
  labelBytes.copy(out, 12);
  protocolBytes.copy(out, 12 + labelBytes.length);
  return out;
}

export function encodeAck(): Buffer {
  return Buffer.from([ACK]);
}

/** Undefined when the message is malformed or unknown. */
export function decodeDcep(message: Buffer): DcepMessage | undefined {
  if (message[0] === ACK) return { type: 'ack' };
  if (message[0] !== OPEN || message.length < 12) return undefined;
  const channelType = message.readUInt8(1);
  const reliability = message.readUInt32BE(4);
  const labelEnd = 12 + message.readUInt16BE(8);
  const protocolEnd = labelEnd + message.readUInt16BE(10);
  if (protocolEnd > message.length) return undefined;
  const limit = channelType & 0x7f;
  return {
    type: 'open',
    label: message.toString('utf8', 12, labelEnd),
    init: {
      ordered: (channelType & UNORDERED) === 0,
      protocol: message.toString('utf8', labelEnd, protocolEnd),
      ...(limit === LIMITED_RETRANSMITS ? { maxRetransmits: reliability } : {}),
      ...(limit === LIMITED_LIFETIME ? { maxPacketLifeTime: reliability } : {}),
    },
  };
}
