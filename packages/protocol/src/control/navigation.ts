/**
 * What a viewer does with mouse, keyboard and fingers, as GStreamer's navigation events in JSON (reference §2.14). Positions
 * are in pixels of the picture that is sent. Numbers are floats unless said otherwise.
 */
import * as z from 'zod/mini';

/** What was held down: the X11 modifiers and the pointer's buttons, as GStreamer nicks. */
export const NAVIGATION_MODIFIERS = [
  'shift-mask',
  'lock-mask',
  'control-mask',
  'mod1-mask',
  'mod2-mask',
  'mod3-mask',
  'mod4-mask',
  'mod5-mask',
  'button1-mask',
  'button2-mask',
  'button3-mask',
  'button4-mask',
  'button5-mask',
  'super-mask',
  'hyper-mask',
  'meta-mask',
] as const;
export type NavigationModifier = (typeof NAVIGATION_MODIFIERS)[number];

const known: ReadonlySet<string> = new Set(NAVIGATION_MODIFIERS);

/** Nicks joined by `+`; empty for none. */
const modifierState = z
  .string()
  .check(z.refine((text) => text === '' || text.split('+').every((nick) => known.has(nick)), 'no modifiers joined by +'));

const position = { x: z.number(), y: z.number(), modifier_state: modifierState };
/** An X11 keysym name: `a`, `Return`, `Shift_L`. */
const key = { key: z.string(), modifier_state: modifierState };
/** 1 is the left button, 2 the right, 3 the middle one. */
const button = { button: z.int32(), ...position };
const touch = { identifier: z.uint32(), ...position };

export const navigationEventSchema = z.discriminatedUnion('event', [
  z.object({ event: z.literal('KeyPress'), ...key }),
  z.object({ event: z.literal('KeyRelease'), ...key }),
  z.object({ event: z.literal('MouseMove'), ...position }),
  z.object({ event: z.literal('MouseButtonPress'), ...button }),
  z.object({ event: z.literal('MouseButtonRelease'), ...button }),
  z.object({ event: z.literal('MouseDoubleClick'), ...button }),
  z.object({ event: z.literal('MouseScroll'), ...position, delta_x: z.number(), delta_y: z.number() }),
  z.object({ event: z.literal('TouchDown'), ...touch, pressure: z.number() }),
  z.object({ event: z.literal('TouchMotion'), ...touch, pressure: z.number() }),
  z.object({ event: z.literal('TouchUp'), ...touch }),
  /** The touches since the last one belong together. */
  z.object({ event: z.literal('TouchFrame'), modifier_state: modifierState }),
  /** The touches since the last frame are void. */
  z.object({ event: z.literal('TouchCancel'), modifier_state: modifierState }),
  /** A GStreamer navigation command, such as `menu1`. */
  z.object({ event: z.literal('Command'), command: z.string(), modifier_state: modifierState }),
]);
export type NavigationEvent = z.infer<typeof navigationEventSchema>;

/** The modifiers of an event, one by one. */
export function modifiersOf({ modifier_state: state }: NavigationEvent): readonly NavigationModifier[] {
  return state === '' ? [] : (state.split('+') as NavigationModifier[]);
}
