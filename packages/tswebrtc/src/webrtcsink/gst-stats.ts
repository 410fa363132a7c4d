/**
 * The statistics as the original's property `stats` has them (reference §2.12): a field for each session, and in it one for each entry
 * of its report, all names in GStreamer's spelling.
 */
import type { RTCStatsEntry } from '../connection/transport/types.ts';
import { kebabCase } from '../properties/property-schema.ts';

export type GstStats = { readonly [session: string]: { readonly [id: string]: unknown } };

export function toGstStats(
  reports: readonly (readonly [session: string, report: ReadonlyMap<string, RTCStatsEntry>])[],
): GstStats {
  return Object.fromEntries(
    reports.map(([session, report]) => [
      session,
      Object.fromEntries([...report].map(([id, entry]) => [id, structureOfEntry(entry)])),
    ]),
  );
}

/** Of an entry that only the original has, what it has of it. */
function structureOfEntry(entry: RTCStatsEntry): unknown {
  return structureOf(entry.type === 'consumer-stats' ? { videoEncoders: entry.videoEncoders } : entry);
}

function structureOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(structureOf);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [kebabCase(key), structureOf(field)]));
}
