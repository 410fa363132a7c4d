/** Sender and receiver reports: bodies behind the RTCP header (RFC 3550 §6.4). Readers give undefined for short bodies. */
import { type ByteWriter, readUint32 } from './bytes.ts';
import type { ReceiverReport, ReportBlock, SenderReport } from './types.ts';

const BLOCK_LENGTH = 24;
const LOWEST_LOSS = -0x800000;
const HIGHEST_LOSS = 0x7fffff;

/** `body` starts at the sender's SSRC; `count` is the header's reception report count. */
export function readSenderReport(body: Uint8Array, count: number): SenderReport | undefined {
  const reports = readBlocks(body, 24, count);
  if (!reports) return undefined;
  return {
    type: 'sr',
    ssrc: readUint32(body, 0),
    ntpTime: { seconds: readUint32(body, 4), fraction: readUint32(body, 8) },
    rtpTimestamp: readUint32(body, 12),
    packetCount: readUint32(body, 16),
    octetCount: readUint32(body, 20),
    reports,
  };
}

export function readReceiverReport(body: Uint8Array, count: number): ReceiverReport | undefined {
  const reports = readBlocks(body, 4, count);
  return reports && { type: 'rr', ssrc: readUint32(body, 0), reports };
}

function readBlocks(body: Uint8Array, offset: number, count: number): ReportBlock[] | undefined {
  if (body.length < offset + count * BLOCK_LENGTH) return undefined;
  const blocks: ReportBlock[] = [];
  for (let i = 0, at = offset; i < count; i++, at += BLOCK_LENGTH) {
    blocks.push({
      ssrc: readUint32(body, at),
      fractionLost: body[at + 4]! / 256,
      packetsLost: ((body[at + 5]! << 24) >> 8) | (body[at + 6]! << 8) | body[at + 7]!,
      highestSequenceNumber: readUint32(body, at + 8),
      jitter: readUint32(body, at + 12),
      lastSenderReport: readUint32(body, at + 16),
      delaySinceLastSenderReport: readUint32(body, at + 20),
    });
  }
  return blocks;
}

export function writeSenderReport(out: ByteWriter, report: SenderReport): void {
  out.uint32(report.ssrc);
  out.uint32(report.ntpTime.seconds);
  out.uint32(report.ntpTime.fraction);
  out.uint32(report.rtpTimestamp);
  out.uint32(report.packetCount);
  out.uint32(report.octetCount);
  writeBlocks(out, report.reports);
}

export function writeReceiverReport(out: ByteWriter, report: ReceiverReport): void {
  out.uint32(report.ssrc);
  writeBlocks(out, report.reports);
}

function writeBlocks(out: ByteWriter, blocks: readonly ReportBlock[]): void {
  for (const block of blocks) {
    out.uint32(block.ssrc);
    out.uint8(Math.min(255, Math.max(0, Math.floor(block.fractionLost * 256))));
    out.uint24(Math.min(HIGHEST_LOSS, Math.max(LOWEST_LOSS, block.packetsLost)));
    out.uint32(block.highestSequenceNumber);
    out.uint32(block.jitter);
    out.uint32(block.lastSenderReport);
    out.uint32(block.delaySinceLastSenderReport);
  }
}
