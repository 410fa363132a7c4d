import { describe, expect, it } from 'vitest';
import { SharedTimeline } from './shared-timeline.ts';

describe('the shared timeline', () => {
  it('puts together what was captured together, however unevenly it came', () => {
    const timeline = new SharedTimeline();
    const [video, audio] = [timeline.addTrack(), timeline.addTrack()];
    // Captured at 1000 s: media time 50 s of one and 7 s of the other; sound comes 80 ms sooner.
    for (let i = 0; i < 100; i++) {
      video.observe(50_000 + i * 33, 1_000_000 + i * 33, 300 + i * 33);
      audio.observe(7000 + i * 33, 1_000_000 + i * 33, 220 + i * 33);
    }
    expect(video.place(50_000 + 99 * 33)).toBe(audio.place(7000 + 99 * 33));
    expect(video.synchronised && audio.synchronised).toBe(true);
  });

  it('goes by arrival before the first report, and by reports from then on, for what was not placed yet', () => {
    const timeline = new SharedTimeline();
    const [video, audio] = [timeline.addTrack(), timeline.addTrack()];
    video.observe(50_000, undefined, 300);
    audio.observe(7000, undefined, 220);
    expect(video.synchronised).toBe(false);
    video.observe(50_500, 1_000_500, 800);
    audio.observe(7500, 1_000_500, 720);
    // Frames of before the reports are placed after them.
    expect(video.place(50_000)).toBe(audio.place(7000));
  });

  it('goes slowly where something was placed already, and at once where the sender began anew', () => {
    const clock = new SharedTimeline().addTrack();
    clock.observe(0, undefined, 0);
    expect(clock.place(0)).toBe(0);
    clock.observe(20, 1000, 50);
    let last = clock.place(20);
    let most = 0;
    for (let i = 2; i < 1000; i++) {
      clock.observe(i * 20, 1000 + (i - 1) * 20, 50 + (i - 1) * 20);
      const at = clock.place(i * 20);
      most = Math.max(most, Math.abs(at - last - 20));
      last = at;
    }
    expect(most).toBeLessThanOrEqual(0.4 + 1e-9);
    expect(last).toBeCloseTo(50 + 998 * 20, 0);
    // Half a second: no slew would be in time.
    clock.observe(20_000, 21_480, 20_030);
    expect(clock.place(20_000)).toBeCloseTo(20_530, 6);
  });

  it('does not follow a sender whose reports leap to another clock: its frames stay where they came', () => {
    const timeline = new SharedTimeline();
    const [video, audio] = [timeline.addTrack(), timeline.addTrack()];
    // The first report of each track is by a clock of its own; the later ones agree.
    video.observe(0, 5, 1000);
    audio.observe(0, 90_000_000, 1010);
    expect(audio.place(0) - video.place(0)).toBeCloseTo(10, 6);
    for (let i = 1; i <= 500; i++) {
      video.observe(i * 20, 7_000_000 + i * 20, 1000 + i * 20);
      audio.observe(i * 20, 7_000_000 + i * 20, 1010 + i * 20);
      expect(Math.abs(video.place(i * 20) - 1000 - i * 20)).toBeLessThan(20);
      expect(Math.abs(audio.place(i * 20) - 1010 - i * 20)).toBeLessThan(20);
    }
    expect(audio.place(10_000)).toBeCloseTo(video.place(10_000), 0);
  });

  it('goes on by arrival where the media time leaps', () => {
    const clock = new SharedTimeline().addTrack();
    clock.observe(0, 1000, 0);
    clock.place(0);
    clock.observe(9_000_000, undefined, 40);
    expect(clock.place(9_000_000)).toBe(40);
    expect(clock.synchronised).toBe(false);
  });
});
