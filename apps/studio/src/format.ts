/** Numbers as people read them, and an en dash for what is not known. */
export const UNKNOWN = '–';

/** Bits in a second: `840 kbit/s`, `2.41 Mbit/s`. */
export function formatBitrate(bitsPerSecond: number | null): string {
  if (bitsPerSecond === null) return UNKNOWN;
  if (bitsPerSecond < 999_500) return `${Math.round(bitsPerSecond / 1000)} kbit/s`;
  return `${(bitsPerSecond / 1e6).toFixed(bitsPerSecond < 9_995_000 ? 2 : 1)} Mbit/s`;
}

/** A duration in ms: `0.4 ms`, `28 ms`, `1.32 s`. */
export function formatDuration(ms: number | null): string {
  if (ms === null) return UNKNOWN;
  if (ms >= 999.5) return `${(ms / 1000).toFixed(2)} s`;
  return ms > 0 && ms < 9.95 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`;
}

/** Part of a hundred; a trace of loss is never shown as none. */
export function formatPercent(percent: number | null): string {
  if (percent === null) return UNKNOWN;
  if (percent === 0) return '0 %';
  return percent < 0.1 ? '< 0.1 %' : `${percent.toFixed(percent < 9.95 ? 1 : 0)} %`;
}

/** Frames in a second. */
export function formatRate(framesPerSecond: number | null): string {
  return framesPerSecond === null ? UNKNOWN : `${Math.round(framesPerSecond)} fps`;
}

/** Size of a picture. */
export function formatSize(width: number | null, height: number | null): string {
  return width && height ? `${width} × ${height}` : UNKNOWN;
}

/** A value of a peer's meta, in one line. */
export function formatMeta(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
