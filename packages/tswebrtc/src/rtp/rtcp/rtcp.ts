/**
 * Compound RTCP packets (RFC 3550 §6.1, reduced size as RFC 5506 allows): a row of packets, each with a 4-byte header that
 * gives its kind and length. What a peer sends is never trusted: reading stops at the first thing that makes no sense and
 * keeps what came before it.
 */
import { ByteWriter, readUint16 } from './bytes.ts';
import { readCongestionControlFeedback, writeCongestionControlFeedback } from './ccfb.ts';
import { readExtendedReport, writeExtendedReport } from './extended-reports.ts';
import {
  readFullIntraRequest,
  readNack,
  readPictureLossIndication,
  writeFullIntraRequest,
  writeNack,
  writePictureLossIndication,
} from './feedback.ts';
import { readReceiverEstimate, writeReceiverEstimate } from './remb.ts';
import { readReceiverReport, readSenderReport, writeReceiverReport, writeSenderReport } from './reports.ts';
import { readGoodbye, readSourceDescription, writeGoodbye, writeSourceDescription } from './source-description.ts';
import { readTransportFeedback, writeTransportFeedback } from './twcc.ts';
import type { RtcpPacket } from './types.ts';

const SENDER_REPORT = 200;
const RECEIVER_REPORT = 201;
const SOURCE_DESCRIPTION = 202;
const GOODBYE = 203;
const TRANSPORT_LAYER_FEEDBACK = 205;
const PAYLOAD_SPECIFIC_FEEDBACK = 206;
const EXTENDED_REPORT = 207;

const FMT_NACK = 1;
const FMT_CCFB = 11;
const FMT_TRANSPORT_CC = 15;
const FMT_PLI = 1;
const FMT_FIR = 4;
const FMT_APPLICATION = 15;

/** What the count field's 5 bits can hold. */
const HIGHEST_COUNT = 31;

/** The packets of `compound` that we know and that are whole. Never throws. */
export function parseRtcp(compound: Uint8Array): RtcpPacket[] {
  const packets: RtcpPacket[] = [];
  for (let at = 0; at + 4 <= compound.length; ) {
    const first = compound[at]!;
    if (first >> 6 !== 2) break;
    const next = at + 4 + 4 * readUint16(compound, at + 2);
    if (next > compound.length) break;
    let end = next;
    if (first & 0x20) {
      const padding = compound[next - 1]!;
      if (padding === 0 || next - padding < at + 4) break;
      end -= padding;
    }
    const packet = read(compound[at + 1]!, first & 0x1f, compound.subarray(at + 4, end));
    if (packet) packets.push(packet);
    at = next;
  }
  return packets;
}

function read(packetType: number, count: number, body: Uint8Array): RtcpPacket | undefined {
  switch (packetType) {
    case SENDER_REPORT:
      return readSenderReport(body, count);
    case RECEIVER_REPORT:
      return readReceiverReport(body, count);
    case SOURCE_DESCRIPTION:
      return readSourceDescription(body, count);
    case GOODBYE:
      return readGoodbye(body, count);
    case EXTENDED_REPORT:
      return readExtendedReport(body);
    case TRANSPORT_LAYER_FEEDBACK:
      if (count === FMT_TRANSPORT_CC) return readTransportFeedback(body);
      if (count === FMT_NACK) return readNack(body);
      return count === FMT_CCFB ? readCongestionControlFeedback(body) : undefined;
    case PAYLOAD_SPECIFIC_FEEDBACK:
      if (count === FMT_PLI) return readPictureLossIndication(body);
      if (count === FMT_FIR) return readFullIntraRequest(body);
      return count === FMT_APPLICATION ? readReceiverEstimate(body) : undefined;
    default:
      return undefined;
  }
}

/**
 * `packets` as one compound packet. A compound that is not of reduced size starts with a report and names the CNAME (RFC
 * 3550 §6.1): the caller's concern. Throws a `RangeError` for more than 31 report blocks, chunks or sources in one packet.
 */
export function writeRtcp(packets: readonly RtcpPacket[]): Uint8Array {
  const out = new ByteWriter();
  for (const packet of packets) {
    const at = out.length;
    out.uint32(0);
    const [packetType, count] = write(out, packet);
    if (count > HIGHEST_COUNT) throw new RangeError(`an RTCP "${packet.type}" packet holds at most 31 items, not ${count}`);
    // Only transport-cc can end inside a word; its padding is counted as RFC 3550 §6.4.1 says.
    const padding = -out.length & 3;
    for (let i = 1; i <= padding; i++) out.uint8(i === padding ? padding : 0);
    out.setUint16(at, (((padding ? 0xa0 : 0x80) | count) << 8) | packetType);
    out.setUint16(at + 2, (out.length - at) / 4 - 1);
  }
  return out.finish();
}

/** Writes the body; returns the packet type and the count or format field. */
function write(out: ByteWriter, packet: RtcpPacket): [packetType: number, count: number] {
  switch (packet.type) {
    case 'sr':
      writeSenderReport(out, packet);
      return [SENDER_REPORT, packet.reports.length];
    case 'rr':
      writeReceiverReport(out, packet);
      return [RECEIVER_REPORT, packet.reports.length];
    case 'sdes':
      writeSourceDescription(out, packet);
      return [SOURCE_DESCRIPTION, packet.chunks.length];
    case 'bye':
      writeGoodbye(out, packet);
      return [GOODBYE, packet.ssrcs.length];
    case 'xr':
      writeExtendedReport(out, packet);
      return [EXTENDED_REPORT, 0];
    case 'nack':
      writeNack(out, packet);
      return [TRANSPORT_LAYER_FEEDBACK, FMT_NACK];
    case 'transport-cc':
      writeTransportFeedback(out, packet);
      return [TRANSPORT_LAYER_FEEDBACK, FMT_TRANSPORT_CC];
    case 'pli':
      writePictureLossIndication(out, packet);
      return [PAYLOAD_SPECIFIC_FEEDBACK, FMT_PLI];
    case 'fir':
      writeFullIntraRequest(out, packet);
      return [PAYLOAD_SPECIFIC_FEEDBACK, FMT_FIR];
    case 'ccfb':
      writeCongestionControlFeedback(out, packet);
      return [TRANSPORT_LAYER_FEEDBACK, FMT_CCFB];
    case 'remb':
      writeReceiverEstimate(out, packet);
      return [PAYLOAD_SPECIFIC_FEEDBACK, FMT_APPLICATION];
  }
}
