/** NACK, PLI and FIR: bodies behind the RTCP header (RFC 4585 §6, RFC 5104 §4.3.1). */
import { sequenceDelta } from '../sequence.ts';
import { type ByteWriter, readUint16, readUint32 } from './bytes.ts';
import type { FullIntraRequest, Nack, PictureLossIndication } from './types.ts';

/** Sequence numbers one item of a NACK can name: its own and 16 in the bit mask behind it. */
const BITMASK_LENGTH = 16;

export function readNack(body: Uint8Array): Nack | undefined {
  if (body.length < 8) return undefined;
  const sequenceNumbers: number[] = [];
  for (let at = 8; at + 4 <= body.length; at += 4) {
    const first = readUint16(body, at);
    sequenceNumbers.push(first);
    for (let mask = readUint16(body, at + 2), i = 1; mask !== 0; mask >>= 1, i++) {
      if (mask & 1) sequenceNumbers.push((first + i) & 0xffff);
    }
  }
  return { type: 'nack', senderSsrc: readUint32(body, 0), mediaSsrc: readUint32(body, 4), sequenceNumbers };
}

/** Writes them as given, those that follow closely behind one another in one item. */
export function writeNack(out: ByteWriter, nack: Nack): void {
  out.uint32(nack.senderSsrc);
  out.uint32(nack.mediaSsrc);
  const numbers = nack.sequenceNumbers;
  for (let i = 0; i < numbers.length; ) {
    const first = numbers[i++]!;
    let mask = 0;
    for (let last = 0; i < numbers.length; i++) {
      const distance = sequenceDelta(numbers[i]!, first);
      if (distance <= last || distance > BITMASK_LENGTH) break;
      mask |= 1 << (distance - 1);
      last = distance;
    }
    out.uint16(first);
    out.uint16(mask);
  }
}

export function readPictureLossIndication(body: Uint8Array): PictureLossIndication | undefined {
  if (body.length < 8) return undefined;
  return { type: 'pli', senderSsrc: readUint32(body, 0), mediaSsrc: readUint32(body, 4) };
}

export function writePictureLossIndication(out: ByteWriter, pli: PictureLossIndication): void {
  out.uint32(pli.senderSsrc);
  out.uint32(pli.mediaSsrc);
}

export function readFullIntraRequest(body: Uint8Array): FullIntraRequest | undefined {
  if (body.length < 8) return undefined;
  const requests: { ssrc: number; commandSequenceNumber: number }[] = [];
  for (let at = 8; at + 8 <= body.length; at += 8) {
    requests.push({ ssrc: readUint32(body, at), commandSequenceNumber: body[at + 4]! });
  }
  return { type: 'fir', senderSsrc: readUint32(body, 0), requests };
}

export function writeFullIntraRequest(out: ByteWriter, fir: FullIntraRequest): void {
  out.uint32(fir.senderSsrc);
  out.uint32(0); // the media source is named by each request (RFC 5104 §4.3.1.2)
  for (const { ssrc, commandSequenceNumber } of fir.requests) {
    out.uint32(ssrc);
    out.uint8(commandSequenceNumber);
    out.uint24(0);
  }
}
