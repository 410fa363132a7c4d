import { describe, expect, it } from 'vitest';
import { wheelPixels } from './input-events.ts';
import { keysymOf } from './keysym.ts';
import { keysymNames } from './keysym-names.ts';
import { pixelAt } from './picture-position.ts';

describe('the keysym of a key', () => {
  it.each([
    ['a', 'KeyA', 'a'],
    ['A', 'KeyA', 'A'],
    ['1', 'Digit1', '1'],
    [' ', 'Space', 'space'],
    ['!', 'Digit1', 'exclam'],
    ['@', 'KeyQ', 'at'],
    ['€', 'KeyE', 'EuroSign'],
    ['é', 'KeyE', 'eacute'],
    ['ж', 'Semicolon', 'Cyrillic_zhe'],
    ['λ', 'KeyL', 'Greek_lambda'],
    ['⟨', '', 'leftanglebracket'],
    ['Shift', 'ShiftLeft', 'Shift_L'],
    ['Control', 'CapsLock', 'Caps_Lock'],
    ['Tab', 'Tab', 'Tab'],
    ['Enter', 'NumpadEnter', 'Return'],
    ['F5', 'F5', 'F5'],
    ['F13', 'F13', 'F13'],
    ['PageDown', 'PageDown', 'Page_Down'],
    ['End', 'Numpad1', 'End'],
    ['7', 'Numpad7', '7'],
    ['Escape', 'Escape', 'Escape'],
    ['AltGraph', 'AltRight', 'ISO_Level3_Shift'],
    ['😀', '', 'U1F600'],
    ['MediaPlayPause', 'MediaPlayPause', 'Unidentified'],
    ['Process', 'KeyA', 'Unidentified'],
    ['\u0001', '', 'Unidentified'],
  ])('%j on %s is %s', (key, code, keysym) => expect(keysymOf(key, code)).toBe(keysym));

  it('has a name for every printable Latin-1 character', () => {
    for (let point = 0x20; point < 0x100; point++) {
      if (point < 0x7f || point >= 0xa0) expect(keysymNames.get(point), point.toString(16)).toBeTruthy();
    }
  });
});

describe('the pixel under the pointer', () => {
  const picture = { width: 1280, height: 720 };
  const centred = { fit: 'contain', position: '50% 50%' };
  const wide = { width: 1600, height: 720 };
  const tall = { width: 640, height: 480 };

  it.each([
    ['the middle of a box of another shape', { x: 320, y: 240 }, tall, centred, { x: 640, y: 360 }],
    ['the first pixel below a letterbox', { x: 0, y: 60 }, tall, centred, { x: 0, y: 0 }],
    ['within the letterbox: the nearest', { x: 10, y: 20 }, tall, centred, { x: 20, y: 0 }],
    ['beside a pillarbox', { x: 100, y: 700 }, wide, centred, { x: 0, y: 700 }],
    ['outside of the box', { x: 9999, y: -5 }, wide, centred, { x: 1280, y: 0 }],
    ['stretched', { x: 320, y: 240 }, tall, { fit: 'fill', position: '50% 50%' }, { x: 640, y: 360 }],
    ['stretched, at the corner', { x: 640, y: 480 }, tall, { fit: 'fill', position: '50% 50%' }, { x: 1280, y: 720 }],
    ['covering: what is cut is outside', { x: 0, y: 0 }, tall, { fit: 'cover', position: '50% 50%' }, { x: 160, y: 0 }],
    ['covering, held at the left', { x: 0, y: 0 }, tall, { fit: 'cover', position: '0% 50%' }, { x: 0, y: 0 }],
    ['as it is', { x: 0, y: 0 }, tall, { fit: 'none', position: '50% 50%' }, { x: 320, y: 120 }],
    ['not made larger', { x: 160, y: 0 }, wide, { fit: 'scale-down', position: '50% 50%' }, { x: 0, y: 0 }],
    ['10px from the right', { x: 1590, y: 0 }, wide, { fit: 'none', position: 'calc(100% - 10px) 0%' }, { x: 1280, y: 0 }],
    ['moved from the middle', { x: 170, y: 5 }, wide, { fit: 'none', position: 'calc(50% + 10px) 5px' }, { x: 0, y: 0 }],
    ['moved the other way', { x: 150, y: 5 }, wide, { fit: 'none', position: 'calc(-10px + 50%) 5px' }, { x: 0, y: 0 }],
    ['at the top of its box', { x: 0, y: 0 }, tall, { fit: 'contain', position: '0px 0px' }, { x: 0, y: 0 }],
  ])('%s', (_, at, box, fit, pixel) => {
    const found = pixelAt(at, box, picture, fit);
    expect(found.x).toBeCloseTo(pixel.x, 6);
    expect(found.y).toBeCloseTo(pixel.y, 6);
  });

  it('is the origin while there is no picture', () => {
    expect(pixelAt({ x: 5, y: 5 }, tall, { width: 0, height: 0 }, centred)).toEqual({ x: 0, y: 0 });
  });
});

describe('a wheel', () => {
  it.each([
    [0, 30],
    [1, 480],
    [2, 14_400],
  ])('in mode %d scrolls by %d pixels', (deltaMode, pixels) => {
    expect(wheelPixels({ deltaX: 0, deltaY: 30, deltaMode }, 480)).toEqual({ deltaX: 0, deltaY: pixels });
  });
});
