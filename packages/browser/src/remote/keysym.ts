/** Keys of a browser as X11 keysym names, which GStreamer's navigation events speak of (reference Appendix C). */
import { keysymNames } from './keysym-names.ts';

/** By the key's place on the keyboard, where what it types says too little: left and right, for one. */
const BY_CODE: Readonly<Record<string, string>> = {
  AltLeft: 'Alt_L',
  AltRight: 'Alt_R',
  ArrowDown: 'Down',
  ArrowLeft: 'Left',
  ArrowRight: 'Right',
  ArrowUp: 'Up',
  Backspace: 'BackSpace',
  CapsLock: 'Caps_Lock',
  ControlLeft: 'Control_L',
  ControlRight: 'Control_R',
  Enter: 'Return',
  NumpadEnter: 'Return',
  HyperLeft: 'Hyper_L',
  HyperRight: 'Hyper_R',
  MetaLeft: 'Meta_L',
  MetaRight: 'Meta_R',
  NumLock: 'Num_Lock',
  PageDown: 'Page_Down',
  PageUp: 'Page_Up',
  ScrollLock: 'Scroll_Lock',
  ShiftLeft: 'Shift_L',
  ShiftRight: 'Shift_R',
  SuperLeft: 'Super_L',
  SuperRight: 'Super_R',
  // The original has no name for these.
  ContextMenu: 'Menu',
  PrintScreen: 'Print',
  Pause: 'Pause',
  Escape: 'Escape',
};

/** Whose keysym has the name of their code. */
const SAME_NAME = /^(Clear|Copy|Cut|Delete|End|F\d\d?|Home|Insert|Paste|Redo|Tab|Undo)$/;

/** Of the key pad without Num Lock, and of what a browser names by its effect alone. */
const BY_KEY: Readonly<Record<string, string>> = {
  ArrowDown: 'Down',
  ArrowLeft: 'Left',
  ArrowRight: 'Right',
  ArrowUp: 'Up',
  AltGraph: 'ISO_Level3_Shift',
  Backspace: 'BackSpace',
  Delete: 'Delete',
  End: 'End',
  Enter: 'Return',
  Escape: 'Escape',
  Home: 'Home',
  Insert: 'Insert',
  PageDown: 'Page_Down',
  PageUp: 'Page_Up',
  Tab: 'Tab',
};

/** What there is no name for. */
export const UNIDENTIFIED = 'Unidentified';

/** The keysym of a keyboard event's `key` and `code`. */
export function keysymOf(key: string, code: string): string {
  const point = key.codePointAt(0) ?? 0;
  if (key.length === (point > 0xffff ? 2 : 1)) {
    // Every character has a keysym; those without a name of their own go by their number.
    return keysymNames.get(point) ?? (point >= 0xa0 ? `U${point.toString(16).toUpperCase().padStart(4, '0')}` : UNIDENTIFIED);
  }
  // AltGr sits where others have their right Alt.
  if (key === 'AltGraph') return BY_KEY.AltGraph!;
  return BY_CODE[code] ?? (SAME_NAME.test(code) ? code : (BY_KEY[key] ?? UNIDENTIFIED));
}
