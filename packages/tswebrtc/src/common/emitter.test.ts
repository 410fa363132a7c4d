import { describe, expect, it } from 'vitest';
import { Emitter } from './emitter.ts';

class Bell extends Emitter<{ ring: [times: number]; other: [] }> {
  ring(times: number): void {
    this.emit('ring', times);
  }
  end(): void {
    this.removeAllListeners();
  }
}

describe('an emitter', () => {
  it('calls listeners in their order, each once, until they go', () => {
    const bell = new Bell();
    const heard: string[] = [];
    const first = (times: number): unknown => heard.push(`first ${times}`);
    const stop = bell.on('ring', first);
    bell.on('ring', first);
    bell.on('ring', (times) => heard.push(`second ${times}`));
    bell.ring(1);
    stop();
    stop();
    bell.ring(2);
    expect(heard).toEqual(['first 1', 'second 1', 'second 2']);
    expect([bell.listenerCount('ring'), bell.listenerCount('other')]).toEqual([1, 0]);
    bell.end();
    bell.ring(3);
    expect(heard).toHaveLength(3);
  });

  it('calls a listener of one event once', () => {
    const bell = new Bell();
    const heard: number[] = [];
    bell.once('ring', (times) => {
      heard.push(times);
      // Again while it is called.
      bell.ring(times + 1);
    });
    const never = bell.once('ring', () => heard.push(-1));
    never();
    bell.ring(1);
    expect(heard).toEqual([1]);
    expect(bell.listenerCount('ring')).toBe(0);
  });

  it('calls those who listened when the event began, whoever comes or goes meanwhile', () => {
    const bell = new Bell();
    const heard: string[] = [];
    const late = (): unknown => heard.push('late');
    const removed = (): unknown => heard.push('removed');
    bell.on('ring', () => {
      heard.push('changes');
      bell.on('ring', late);
      bell.off('ring', removed);
    });
    bell.on('ring', removed);
    bell.on('ring', () => heard.push('last'));
    bell.ring(1);
    expect(heard).toEqual(['changes', 'removed', 'last']);
    heard.length = 0;
    bell.ring(2);
    expect(heard).toEqual(['changes', 'last', 'late']);
  });

  it('keeps the exception of one listener from the others, and reports it', async () => {
    const bell = new Bell();
    const heard: number[] = [];
    const reported: unknown[] = [];
    const others = process.listeners('unhandledRejection');
    process.removeAllListeners('unhandledRejection');
    const both = new Promise<void>((resolve) => {
      process.on('unhandledRejection', (reason) => {
        reported.push(reason);
        if (reported.length === 2) resolve();
      });
    });
    try {
      bell.on('ring', () => {
        throw new Error('thrown');
      });
      bell.on('ring', async () => {
        throw new Error('rejected');
      });
      bell.on('ring', (times) => heard.push(times));
      bell.ring(7);
      expect(heard).toEqual([7]);
      await both;
      expect(reported.map((reason) => (reason as Error).message).sort()).toEqual(['rejected', 'thrown']);
    } finally {
      process.removeAllListeners('unhandledRejection');
      for (const other of others) process.on('unhandledRejection', other);
    }
  });
});
