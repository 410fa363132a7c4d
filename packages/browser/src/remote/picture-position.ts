/** From a place in the page to a pixel of the picture that a video element shows. */

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** How CSS fits the picture into the content box. */
export interface Fit {
  readonly fit: string;
  /** `object-position` as computed, `50% 50%`. */
  readonly position: string;
}

/** The pixel of `picture` at `at` (CSS pixels from the left top of the content box), held within the picture. */
export function pixelAt(at: Point, box: Size, picture: Size, { fit, position }: Fit): Point {
  if (!(picture.width > 0 && picture.height > 0 && box.width > 0 && box.height > 0)) return { x: 0, y: 0 };
  const shown = shownSize(box, picture, fit);
  const [left, top] = offsets(position, { width: box.width - shown.width, height: box.height - shown.height });
  return {
    x: clamp(((at.x - left) * picture.width) / shown.width, picture.width),
    y: clamp(((at.y - top) * picture.height) / shown.height, picture.height),
  };
}

/** CSS pixels that the whole picture covers, cut-off parts included (css-images-3 §5.5). */
function shownSize(box: Size, picture: Size, fit: string): Size {
  const [horizontal, vertical] = [box.width / picture.width, box.height / picture.height];
  const scaled = (scale: number): Size => ({ width: picture.width * scale, height: picture.height * scale });
  switch (fit) {
    case 'fill':
      return box;
    case 'cover':
      return scaled(Math.max(horizontal, vertical));
    case 'none':
      return picture;
    case 'scale-down':
      return scaled(Math.min(1, horizontal, vertical));
    default:
      return scaled(Math.min(horizontal, vertical));
  }
}

/** `object-position`: a percentage is of the room that is left over, which is negative where the picture is cut. */
function offsets(position: string, room: Size): [left: number, top: number] {
  const [x = '50%', y = '50%'] = position.match(/[^\s()]*\([^)]*\)|\S+/g) ?? [];
  return [offset(x, room.width), offset(y, room.height)];
}

/** A length, a percentage, or the sum of both, `calc(100% - 10px)`, which also `right 10px` becomes when it is computed. */
function offset(value: string, room: number): number {
  const sum = /^calc\(([^()]*)\)$/.exec(value)?.[1] ?? value;
  const terms = [...sum.matchAll(/([+-]?)\s*(-?[\d.]+(?:e[+-]?\d+)?)(%|px)/g)];
  // Other functions stay as they are: then the middle, which is where pictures are.
  if (terms.length === 0 || /[a-z]\(/.test(sum)) return room / 2;
  return terms.reduce((total, [, sign, number, unit]) => {
    const term = unit === '%' ? (room * Number(number)) / 100 : Number(number);
    return sign === '-' ? total - term : total + term;
  }, 0);
}

const clamp = (value: number, max: number): number => Math.min(Math.max(value, 0), max);

/** The same for a place in the window: takes the element's border, padding, `object-fit` and scaling transforms into account. */
export function pixelOfVideo(video: HTMLVideoElement, clientX: number, clientY: number): Point {
  const style = getComputedStyle(video);
  const px = (property: string): number => Number.parseFloat(style.getPropertyValue(property)) || 0;
  const sides = (a: string, b: string): number =>
    px(`padding-${a}`) + px(`padding-${b}`) + px(`border-${a}-width`) + px(`border-${b}-width`);
  const bounds = video.getBoundingClientRect();
  const [frameX, frameY] = [sides('left', 'right'), sides('top', 'bottom')];
  const inner = style.boxSizing === 'border-box';
  // What the layout gave it, in fractions of pixels, which `offsetWidth` has not.
  const width = px('width') + (inner ? 0 : frameX);
  const height = px('height') + (inner ? 0 : frameY);
  const scaleX = width > 0 && bounds.width > 0 ? bounds.width / width : 1;
  const scaleY = height > 0 && bounds.height > 0 ? bounds.height / height : 1;
  const at = {
    x: (clientX - bounds.left) / scaleX - px('border-left-width') - px('padding-left'),
    y: (clientY - bounds.top) / scaleY - px('border-top-width') - px('padding-top'),
  };
  const box = { width: width - frameX, height: height - frameY };
  const picture = { width: video.videoWidth, height: video.videoHeight };
  return pixelAt(at, box, picture, { fit: style.objectFit, position: style.objectPosition });
}
