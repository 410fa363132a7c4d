/**
 * What the path carries, from one feedback message alone: packets that arrive further apart than they were sent, or after
 * many that were lost, have all waited in one queue, and come out of it at the path's own rate. Ours: it tells of a collapse one message after it began,
 * where an average over time takes half a second to forget what went before.
 */
import type { PacketResults } from './packet-results.ts';

/** Fewer packets, or a shorter time (ms), tell the jitter rather than the rate. */
const MIN_PACKETS = 4;
const MIN_SPAN = 60;
/** Packets were queued where they were sent in less than this part of the time in which they arrived. */
const QUEUED_PART = 0.6;
/** A bottleneck lets packets through one after the other; where one gap is this part of the whole, something stood still. */
const STALL_PART = 0.5;
/** A queue that is full drops at least this part. */
const DROPPED_PART = 0.4;

/** bit/s; undefined where the packets did not all wait. */
export function bottleneckRate(results: PacketResults): number | undefined {
  const { received, order, arrivalTimes, sendTimes, sizes } = results;
  if (received < MIN_PACKETS) return undefined;
  const first = order[0]!;
  const span = arrivalTimes[order[received - 1]!]! - arrivalTimes[first]!;
  if (span < MIN_SPAN) return undefined;
  let earliest = sendTimes[first]!;
  let latest = earliest;
  let bytes = 0;
  let gap = 0;
  for (let i = 1; i < received; i++) {
    const row = order[i]!;
    bytes += sizes[row]!;
    gap = Math.max(gap, arrivalTimes[row]! - arrivalTimes[order[i - 1]!]!);
    earliest = Math.min(earliest, sendTimes[row]!);
    latest = Math.max(latest, sendTimes[row]!);
  }
  if (gap > STALL_PART * span) return undefined;
  const queued = latest - earliest < QUEUED_PART * span;
  const dropped = results.count - received > DROPPED_PART * results.count;
  return queued || dropped ? (bytes * 8000) / span : undefined;
}
