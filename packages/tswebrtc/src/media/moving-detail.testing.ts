/**
 * Pictures that need bits, for tests of rate control: a texture of four octaves that moves about, with some noise that is fresh
 * in every picture. Seeded; the same picture for the same index.
 */
const MARGIN = 128;
const OCTAVES = [
  { cell: 64, strength: 100 },
  { cell: 16, strength: 60 },
  { cell: 4, strength: 48 },
  { cell: 1, strength: 20 },
] as const;
const NOISE = 6;

/** Returns what draws picture number `index`, I420 without padding. */
export function movingDetail(width: number, height: number, seed = 1): (index: number) => Uint8Array<SharedArrayBuffer> {
  const random = createRandom(seed);
  const textureWidth = width + 2 * MARGIN;
  const texture = drawTexture(textureWidth, height + 2 * MARGIN, random);
  const noise = Int8Array.from({ length: 1 << 18 }, () => Math.floor(random() * (2 * NOISE + 1)) - NOISE);
  return (index) => {
    const picture = new Uint8Array(new SharedArrayBuffer((width * height * 3) / 2)).fill(128);
    const left = MARGIN + Math.round(100 * Math.sin(index / 11));
    const top = MARGIN + Math.round(100 * Math.sin(index / 17 + 1));
    for (let y = 0; y < height; y++) {
      const grain = (Math.imul(index * 131 + y, 2654435761) >>> 0) % (noise.length - width);
      const from = (y + top) * textureWidth + left;
      for (let x = 0; x < width; x++) picture[y * width + x] = texture[from + x]! + noise[grain + x]!;
    }
    return picture;
  };
}

function drawTexture(width: number, height: number, random: () => number): Uint8Array {
  const sum = new Float32Array(width * height);
  for (const { cell, strength } of OCTAVES) {
    const columns = Math.ceil(width / cell) + 2;
    const grid = Float32Array.from({ length: columns * (Math.ceil(height / cell) + 2) }, () => random() - 0.5);
    for (let y = 0; y < height; y++) {
      const row = Math.floor(y / cell);
      const down = y / cell - row;
      for (let x = 0; x < width; x++) {
        const column = Math.floor(x / cell);
        const right = x / cell - column;
        const at = row * columns + column;
        const upper = grid[at]! + (grid[at + 1]! - grid[at]!) * right;
        const lower = grid[at + columns]! + (grid[at + columns + 1]! - grid[at + columns]!) * right;
        sum[y * width + x]! += strength * (upper + (lower - upper) * down);
      }
    }
  }
  return Uint8Array.from(sum, (value) => Math.max(16 + NOISE, Math.min(235 - NOISE, 126 + value)));
}

function createRandom(seed: number): () => number {
  let state = Math.imul(seed, 2654435761) | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 8) / 0x1000000;
  };
}
