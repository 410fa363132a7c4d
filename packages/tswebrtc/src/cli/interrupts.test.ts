import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { aborted, catchInterrupts, within } from './interrupts.ts';

describe('interrupts', () => {
  it('end in peace at the first, ignore its echo, force at a later one', async () => {
    const source = new EventEmitter();
    let time = 5000;
    let forced = 0;
    const interrupts = catchInterrupts({ source, now: () => time, onForced: () => forced++ });
    expect(interrupts.signal.aborted).toBe(false);
    source.emit('SIGINT');
    await aborted(interrupts.signal);
    time += 999;
    source.emit('SIGINT');
    source.emit('SIGTERM');
    expect(forced).toBe(0);
    time += 2;
    source.emit('SIGINT');
    expect(forced).toBe(1);
    interrupts.dispose();
    expect(source.eventNames()).toEqual([]);
  });

  it('come from inside as well', async () => {
    const interrupts = catchInterrupts({ source: new EventEmitter() });
    interrupts.stop();
    await aborted(interrupts.signal);
  });
});

describe('within', () => {
  it('says whether the work was done in time, and hands its failure on', async () => {
    expect(await within(10_000, Promise.resolve())).toBe(true);
    expect(await within(1, new Promise(() => {}))).toBe(false);
    await expect(within(10_000, Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  });
});
