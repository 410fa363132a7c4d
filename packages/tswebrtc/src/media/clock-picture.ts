/**
 * The clock in the picture: 48 blocks of 16x16 pixels in a row from the top left corner, white = 1, black = 0, most
 * significant first: the low 40 bits of the Unix time in ms at capture, then the XOR of those five bytes. Large blocks of
 * pure black and white survive any encoder and scaler, so that whoever sees the picture can tell how old it is. (40 bits come
 * round every 35 years; the reader knows which of them it is.)
 */
const BLOCK = 16;
const BITS = 48;
/** ms after which the 40 bits come round. */
const PERIOD = 2 ** 40;

/** Width the clock needs, in pixels. */
export const CLOCK_WIDTH = BLOCK * BITS;
/** Height the clock needs, in pixels. */
export const CLOCK_HEIGHT = BLOCK;

const BLACK = 16;
const WHITE = 235;

/** Draws `time` (ms since the Unix epoch) into an I420 picture at least `CLOCK_WIDTH` x `CLOCK_HEIGHT` in size. */
export function drawClock(picture: Uint8Array, width: number, height: number, time: number): void {
  const bytes = clockBytes(time);
  for (let bit = 0; bit < BITS; bit++) {
    const set = (bytes[bit >>> 3]! >>> (7 - (bit & 7))) & 1;
    picture.fill(set ? WHITE : BLACK, bit * BLOCK, (bit + 1) * BLOCK);
  }
  for (let y = 1; y < BLOCK; y++) picture.copyWithin(y * width, 0, CLOCK_WIDTH);
  const chromaWidth = width / 2;
  const chromaSize = chromaWidth * (height / 2);
  for (let plane = 0; plane < 2; plane++) {
    const start = width * height + plane * chromaSize;
    for (let y = 0; y < BLOCK / 2; y++) {
      picture.fill(128, start + y * chromaWidth, start + y * chromaWidth + CLOCK_WIDTH / 2);
    }
  }
}

/**
 * Reads the clock from a luma plane.
 *
 * @param luma One byte a pixel.
 * @param stride Bytes from one row to the next.
 * @param near A time not far from the one to be read, ms since the Unix epoch.
 * @returns ms since the Unix epoch, or undefined when the check byte does not fit.
 */
export function readClock(luma: Uint8Array, stride: number, near = Date.now()): number | undefined {
  let time = 0;
  let check = 0;
  for (let byte = 0; byte < 6; byte++) {
    let value = 0;
    for (let bit = 0; bit < 8; bit++) {
      // The middle of the block: its edges are blurred by the encoder.
      let sum = 0;
      const left = (byte * 8 + bit) * BLOCK;
      for (let y = 6; y < 10; y++) for (let x = 6; x < 10; x++) sum += luma[y * stride + left + x] ?? 0;
      value = value * 2 + (sum / 16 > 128 ? 1 : 0);
    }
    if (byte === 5) return value === check ? time + Math.round((near - time) / PERIOD) * PERIOD : undefined;
    check ^= value;
    time = time * 256 + value;
  }
  return undefined;
}

function clockBytes(time: number): Uint8Array {
  const bytes = new Uint8Array(6);
  let rest = Math.floor(time);
  for (let i = 4; i >= 0; i--) {
    bytes[i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  bytes[5] = bytes[0]! ^ bytes[1]! ^ bytes[2]! ^ bytes[3]! ^ bytes[4]!;
  return bytes;
}
