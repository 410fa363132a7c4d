/**
 * STUN messages (RFC 8489 §5, §14) as TURN needs them: attributes are bytes until somebody asks for them, unknown ones are passed
 * over, and what is written is signed as it leaves. Checks between peers use the ICE library's own.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { isIPv4, isIPv6 } from 'node:net';
import type { Address } from '../datagram-port.ts';

export const ATTRIBUTE = {
  username: 0x0006,
  messageIntegrity: 0x0008,
  errorCode: 0x0009,
  channelNumber: 0x000c,
  lifetime: 0x000d,
  xorPeerAddress: 0x0012,
  data: 0x0013,
  realm: 0x0014,
  nonce: 0x0015,
  xorRelayedAddress: 0x0016,
  requestedAddressFamily: 0x0017,
  requestedTransport: 0x0019,
  xorMappedAddress: 0x0020,
  alternateServer: 0x8023,
} as const;

export const METHOD = { allocate: 3, refresh: 4, send: 6, data: 7, createPermission: 8, channelBind: 9 } as const;
export type Method = (typeof METHOD)[keyof typeof METHOD];
export const CLASS = { request: 0x000, indication: 0x010, success: 0x100, error: 0x110 } as const;

export const HEADER_LENGTH = 20;
const COOKIE = 0x2112a442;
const COOKIE_BYTES = Buffer.from('2112a442', 'hex');
const INTEGRITY_LENGTH = 20;
const IPV4 = 1;
const IPV6 = 2;

export type Attributes = readonly (readonly [type: number, value: Uint8Array])[];

/** A message that has been read; views into the datagram. */
export interface StunMessage {
  readonly method: number;
  readonly class: number;
  readonly transactionId: Buffer;
  readonly bytes: Buffer;
  /** Values by type; what stands behind MESSAGE-INTEGRITY does not count. */
  readonly attributes: ReadonlyMap<number, Buffer>;
  /** Of attributes that may stand there several times, all values. */
  readonly relayedAddresses: readonly Buffer[];
  /** Where MESSAGE-INTEGRITY begins; undefined without. */
  readonly integrityAt: number | undefined;
}

export function isStun(datagram: Buffer): boolean {
  return datagram.length >= HEADER_LENGTH && datagram[0]! < 0x40 && datagram.readUInt32BE(4) === COOKIE;
}

/** Undefined when `bytes` are not exactly one message. */
export function readStun(bytes: Buffer): StunMessage | undefined {
  if (!isStun(bytes) || bytes.readUInt16BE(2) !== bytes.length - HEADER_LENGTH) return undefined;
  const attributes = new Map<number, Buffer>();
  const relayedAddresses: Buffer[] = [];
  let integrityAt: number | undefined;
  for (let at = HEADER_LENGTH; at < bytes.length; ) {
    if (at + 4 > bytes.length) return undefined;
    const type = bytes.readUInt16BE(at);
    const end = at + 4 + bytes.readUInt16BE(at + 2);
    if (end > bytes.length) return undefined;
    const value = bytes.subarray(at + 4, end);
    // Of several of one type the first counts (RFC 8489 §14).
    if (integrityAt === undefined && !attributes.has(type)) attributes.set(type, value);
    if (integrityAt === undefined && type === ATTRIBUTE.xorRelayedAddress) relayedAddresses.push(value);
    if (type === ATTRIBUTE.messageIntegrity) integrityAt ??= at;
    at = end + (-end & 3);
  }
  const type = bytes.readUInt16BE(0);
  return {
    method: type & 0x3eef,
    class: type & 0x0110,
    transactionId: bytes.subarray(8, 20),
    bytes,
    attributes,
    relayedAddresses,
    integrityAt,
  };
}

/** Whether the message was signed with `key` (RFC 8489 §14.5). */
export function isSigned({ bytes, attributes, integrityAt }: StunMessage, key: Buffer): boolean {
  const signature = attributes.get(ATTRIBUTE.messageIntegrity);
  if (integrityAt === undefined || signature?.length !== INTEGRITY_LENGTH) return false;
  return timingSafeEqual(signature, sign(bytes.subarray(0, integrityAt), key));
}

/** `key`: signs it. */
export function writeStun(
  method: number,
  messageClass: number,
  attributes: Attributes,
  key?: Buffer,
  transactionId: Uint8Array = randomBytes(12),
): Buffer {
  let length = HEADER_LENGTH;
  for (const [, value] of attributes) length += 4 + value.length + (-value.length & 3);
  const message = Buffer.alloc(length + (key ? 4 + INTEGRITY_LENGTH : 0));
  message.writeUInt16BE(method | messageClass, 0);
  message.writeUInt16BE(message.length - HEADER_LENGTH, 2);
  message.writeUInt32BE(COOKIE, 4);
  message.set(transactionId, 8);
  let at = HEADER_LENGTH;
  for (const [type, value] of attributes) {
    message.writeUInt16BE(type, at);
    message.writeUInt16BE(value.length, at + 2);
    message.set(value, at + 4);
    at += 4 + value.length + (-value.length & 3);
  }
  if (key) {
    message.writeUInt16BE(ATTRIBUTE.messageIntegrity, at);
    message.writeUInt16BE(INTEGRITY_LENGTH, at + 2);
    message.set(sign(message.subarray(0, at), key), at + 4);
  }
  return message;
}

/** Over all before MESSAGE-INTEGRITY, with a length as if the message ended with it. */
function sign(before: Buffer, key: Buffer): Buffer {
  const header = Buffer.from(before.subarray(0, 4));
  header.writeUInt16BE(before.length - HEADER_LENGTH + 4 + INTEGRITY_LENGTH, 2);
  return createHmac('sha1', key).update(header).update(before.subarray(4)).digest();
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** XOR-…-ADDRESS (RFC 8489 §14.2). */
export function xorAddress([address, port]: Address, transactionId: Uint8Array): Buffer {
  const ip = addressBytes(address);
  const value = Buffer.alloc(4 + ip.length);
  value[1] = ip.length === 4 ? IPV4 : IPV6;
  value.writeUInt16BE(port ^ (COOKIE >>> 16), 2);
  value.set(ip, 4);
  return mask(value, transactionId);
}

export function readXorAddress(value: Buffer | undefined, transactionId: Uint8Array): Address | undefined {
  if (!value || value.length < 8) return undefined;
  const plain = mask(Buffer.from(value), transactionId);
  plain.writeUInt16BE(plain.readUInt16BE(2) ^ (COOKIE >>> 16), 2);
  return readAddress(plain);
}

/** MAPPED-ADDRESS, ALTERNATE-SERVER (RFC 8489 §14.1). */
export function readAddress(value: Buffer | undefined): Address | undefined {
  if (value?.length === 8 && value[1] === IPV4) return [[...value.subarray(4)].join('.'), value.readUInt16BE(2)];
  if (value?.length !== 20 || value[1] !== IPV6) return undefined;
  const groups = Array.from({ length: 8 }, (_, i) => value.readUInt16BE(4 + 2 * i).toString(16));
  return [canonicalIpv6(groups.join(':')), value.readUInt16BE(2)];
}

/** `401 Unauthorized`. */
export function readError(value: Buffer | undefined): { code: number; reason: string } {
  if (!value || value.length < 4) return { code: 0, reason: 'no reason given' };
  return { code: (value[2]! & 7) * 100 + value[3]!, reason: value.toString('utf8', 4) };
}

/** In the form in which the system writes it, since addresses are compared as text. */
function canonicalIpv6(address: string): string {
  return new URL(`http://[${address}]`).hostname.slice(1, -1);
}

function addressBytes(address: string): Buffer {
  if (isIPv4(address)) return Buffer.from(address.split('.').map(Number));
  if (!isIPv6(address)) throw new TypeError('not an IP address');
  const [head = '', tail] = canonicalIpv6(address).split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const before = groups(head);
  const after = groups(tail ?? '');
  const filled = [...before, ...new Array<string>(8 - before.length - after.length).fill('0'), ...after];
  const bytes = Buffer.alloc(16);
  for (const [i, group] of filled.entries()) bytes.writeUInt16BE(Number.parseInt(group, 16), 2 * i);
  return bytes;
}

/** The address part with the cookie, and what is beyond four bytes with the transaction id. */
function mask(value: Buffer, transactionId: Uint8Array): Buffer {
  for (let i = 4; i < value.length; i++) value[i]! ^= i < 8 ? COOKIE_BYTES[i - 4]! : transactionId[i - 8]!;
  return value;
}
