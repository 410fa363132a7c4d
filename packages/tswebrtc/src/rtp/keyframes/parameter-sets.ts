/** The parameter sets in an access unit of H.264 or H.265. */
import type { NalUnits } from '../packetisers/annex-b.ts';

const START_CODE = [0, 0, 0, 1];

/**
 * All parameter sets of the given `types` with start codes, as they come, and the first of the first type; undefined where
 * that one is missing. `typeOf` reads a unit's first byte.
 */
export function parameterSets(
  units: NalUnits,
  data: Uint8Array,
  typeOf: (header: number) => number,
  types: readonly number[],
): { readonly first: Uint8Array; readonly all: Uint8Array } | undefined {
  units.find(data);
  let first: Uint8Array | undefined;
  const all: number[] = [];
  for (let i = 0; i < units.count; i++) {
    const unit = data.subarray(units.offsets[2 * i], units.offsets[2 * i + 1]);
    const type = typeOf(unit[0]!);
    if (!types.includes(type)) continue;
    if (type === types[0]) first ??= unit;
    all.push(...START_CODE, ...unit);
  }
  return first && { first, all: Uint8Array.from(all) };
}
