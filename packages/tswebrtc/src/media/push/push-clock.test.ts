import { expect, it } from 'vitest';
import { PushClock } from './push-clock.ts';

it('takes the first timestamp for now and the others as they follow from it, of another track too', () => {
  const clock = new PushClock();
  const [picture, sound] = [clock.join(), clock.join()];
  expect(picture.due(7_000_000, 100)).toBe(100);
  expect(picture.due(7_033_000, 35_000)).toBe(33_100);
  expect(sound.due(6_990_000, 36_000)).toBe(-9_900);
});

it('begins anew where timestamps leap, and the tracks find together again', () => {
  const clock = new PushClock();
  const [picture, sound] = [clock.join(), clock.join()];
  picture.due(60_000_000, 0);
  sound.due(60_000_000, 0);
  // A film starts over.
  expect(picture.due(0, 33_000)).toBe(33_000);
  expect(sound.due(60_020_000, 40_000)).toBe(20_000);
  expect(picture.due(40_000, 70_000)).toBe(73_000);
  expect(sound.due(10_000, 80_000)).toBe(43_000);
  // The application's clock was set.
  expect(picture.due(3_600_000_000, 110_000)).toBe(110_000);
});

it('keeps tracks apart whose timelines have nothing to do with each other', () => {
  const clock = new PushClock();
  const [picture, sound] = [clock.join(), clock.join()];
  for (let i = 0; i < 10; i++) {
    // The jitter of their arrival is not theirs.
    expect(picture.due(5e9 + i * 20_000, i * 20_000 + (i % 3))).toBe(i * 20_000);
    expect(sound.due(9e12 + i * 20_000, i * 20_000 + 5 + (i % 2))).toBe(i * 20_000 + 5);
  }
});

it('lets a slow series of pictures be seconds ahead', () => {
  const clock = new PushClock().join();
  clock.due(0, 0);
  expect(clock.due(2_000_000, 10)).toBe(2_000_000);
});
