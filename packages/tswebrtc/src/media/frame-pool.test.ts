import { describe, expect, it } from 'vitest';
import { FramePool, MAX_HOLDERS } from './frame-pool.ts';

describe('frame pool', () => {
  it('shows a frame to every holder in place, on both sides', () => {
    const owner = FramePool.create(2, 100);
    const reader = FramePool.attach(owner.handle);
    const slot = owner.findFree();
    owner.data(slot).fill(7);
    expect([...reader.data(slot)]).toEqual(new Array(100).fill(7));
    expect(reader.data(slot).buffer).toBe(owner.data(slot).buffer);
  });

  it('gives a slot out again only when its last holder has released it', () => {
    const owner = FramePool.create(1, 10);
    const reader = FramePool.attach(owner.handle);
    const slot = owner.findFree();
    owner.hold(slot, 0);
    owner.hold(slot, MAX_HOLDERS - 1);
    expect(owner.findFree()).toBe(-1);
    reader.release(slot, 0);
    expect(owner.findFree()).toBe(-1);
    reader.release(slot, MAX_HOLDERS - 1);
    expect(owner.findFree()).toBe(slot);
  });

  it('takes back what a holder that died held, and leaves the others what they hold', () => {
    const owner = FramePool.create(3, 10);
    for (const holder of [31, 32]) for (let slot = 0; slot < 2; slot++) owner.hold(slot, holder);
    owner.releaseAll(31);
    expect(owner.findFree()).toBe(2);
    owner.hold(2, 0);
    expect(owner.findFree()).toBe(-1);
    owner.releaseAll(32);
    expect([owner.findFree(), owner.findFree()].sort()).toEqual([0, 1]);
  });

  it('keeps slots apart', () => {
    const pool = FramePool.create(4, 33);
    for (let slot = 0; slot < 4; slot++) pool.data(slot).fill(slot + 1);
    for (let slot = 0; slot < 4; slot++) expect(new Set(pool.data(slot))).toEqual(new Set([slot + 1]));
  });
});
