/**
 * Congestion control feedback: the body behind the RTCP header (RFC 8888 §3.1). Metric blocks stay the 16-bit words they are
 * on the wire: this is read many times a second for every viewer.
 */
import { type ByteWriter, readUint16, readUint32 } from './bytes.ts';
import type { CongestionControlFeedback } from './types.ts';

/** In a metric block: the packet arrived; without it, the rest means nothing. */
export const CCFB_RECEIVED = 0x8000;
/** In a metric block: by how many 1/1024 s the arrival precedes the report timestamp. */
export const CCFB_OFFSET = 0x1fff;
/** Offset of a packet that arrived more than 8189/1024 s before. */
export const CCFB_OUT_OF_RANGE = 0x1ffe;
/** Offset of a packet that arrived at a time nobody knows. */
export const CCFB_NO_TIME = 0x1fff;

/** A quarter of the sequence number space (§3.1). */
const MOST_BLOCKS = 16_384;

export function readCongestionControlFeedback(body: Uint8Array): CongestionControlFeedback | undefined {
  const end = body.length - 4;
  if (end < 4) return undefined;
  const reports: { ssrc: number; beginSequenceNumber: number; metrics: Uint16Array }[] = [];
  for (let at = 4; at < end; ) {
    if (at + 8 > end) return undefined;
    const ssrc = readUint32(body, at);
    const beginSequenceNumber = readUint16(body, at + 4);
    const count = readUint16(body, at + 6);
    at += 8;
    // An odd number is filled up to a whole word.
    if (count > MOST_BLOCKS || at + 2 * count > end) return undefined;
    const metrics = new Uint16Array(count);
    for (let i = 0; i < count; i++, at += 2) metrics[i] = readUint16(body, at);
    at += 2 * (count & 1);
    reports.push({ ssrc, beginSequenceNumber, metrics });
  }
  return { type: 'ccfb', senderSsrc: readUint32(body, 0), reports, reportTimestamp: readUint32(body, end) };
}

/** Throws a `RangeError` for more than 16384 metric blocks of one stream. */
export function writeCongestionControlFeedback(out: ByteWriter, feedback: CongestionControlFeedback): void {
  out.uint32(feedback.senderSsrc);
  for (const { ssrc, beginSequenceNumber, metrics } of feedback.reports) {
    if (metrics.length > MOST_BLOCKS) {
      throw new RangeError(
        `congestion control feedback covers at most ${MOST_BLOCKS} packets of a stream, not ${metrics.length}`,
      );
    }
    out.uint32(ssrc);
    out.uint16(beginSequenceNumber);
    out.uint16(metrics.length);
    for (const metric of metrics) out.uint16(metric);
    out.align();
  }
  out.uint32(feedback.reportTimestamp);
}
