/**
 * How a picture has to be turned to stand upright. Telephones store pictures as their sensor lies and add a display matrix:
 * the transformation matrix of ISO/IEC 14496-12 (6.2.2), of which only turns by quarters and mirrors occur.
 */

export interface Orientation {
  /** FFmpeg's filters that turn the picture, with their options. */
  readonly filters: readonly (readonly [name: string, options: string])[];
  /** Width becomes height. */
  readonly transposed: boolean;
}

/** Reads a display matrix, nine 32-bit numbers in the machine's order; undefined where the picture is upright as it is. */
export function readOrientation(matrix: Buffer | null): Orientation | undefined {
  if (!matrix || matrix.length < 36) return undefined;
  // A point (x, y) is shown at (ax + cy, bx + dy), but for where the picture then lies.
  const [a = 0, b = 0, , c = 0, d = 0] = new Int32Array(Uint8Array.from(matrix).buffer, 0, 9);
  if (Math.abs(b) + Math.abs(c) > Math.abs(a) + Math.abs(d)) {
    const direction = c < 0 ? (b < 0 ? 'clock_flip' : 'clock') : b < 0 ? 'cclock' : 'cclock_flip';
    return { filters: [['transpose', `dir=${direction}`]], transposed: true };
  }
  const filters: [string, string][] = [];
  if (a < 0) filters.push(['hflip', '']);
  if (d < 0) filters.push(['vflip', '']);
  return filters.length > 0 ? { filters, transposed: false } : undefined;
}
