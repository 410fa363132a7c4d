import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ConsumerFigures } from './figures.ts';
import { pollFigures } from './poll-figures.ts';
import { SessionState } from './session-state.ts';

class FakeSession extends EventTarget {
  state: SessionState = SessionState.connecting;
  asked = 0;
  rtcPeerConnection: { getStats(): Promise<unknown> } | null = {
    getStats: async () => {
      this.asked += 1;
      return new Map([
        ['v', { id: 'v', type: 'inbound-rtp', kind: 'video', timestamp: this.asked * 1000, bytesReceived: this.asked * 125 }],
      ]);
    },
  };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('pollFigures', () => {
  it('tells figures once an interval until the session is closed', async () => {
    const session = new FakeSession();
    const heard: ConsumerFigures[] = [];
    pollFigures(session, (figures) => heard.push(figures), { interval: 500 });
    await vi.advanceTimersByTimeAsync(1000);
    expect(heard.map((figures) => figures.bitrate)).toEqual([null, 1000, 1000]);
    session.dispatchEvent(new Event('closed'));
    await vi.advanceTimersByTimeAsync(5000);
    expect(heard).toHaveLength(3);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('waits for the connection and stops by signal', async () => {
    const session = new FakeSession();
    const connection = session.rtcPeerConnection;
    session.rtcPeerConnection = null;
    const heard: ConsumerFigures[] = [];
    const controller = new AbortController();
    pollFigures(session, (figures) => heard.push(figures), { signal: controller.signal });
    await vi.advanceTimersByTimeAsync(1500);
    expect(heard).toHaveLength(0);
    session.rtcPeerConnection = connection;
    await vi.advanceTimersByTimeAsync(1000);
    expect(heard).toHaveLength(1);
    controller.abort();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('asks a slow browser once at a time and outlives its failures', async () => {
    const session = new FakeSession();
    let fail: (error: Error) => void = () => {};
    session.rtcPeerConnection = {
      getStats: () => {
        session.asked += 1;
        return new Promise((_, reject) => (fail = reject));
      },
    };
    pollFigures(session, () => {});
    await vi.advanceTimersByTimeAsync(5000);
    expect(session.asked).toBe(1);
    fail(new Error('closed'));
    await vi.advanceTimersByTimeAsync(1000);
    expect(session.asked).toBe(2);
  });

  it('never starts on a closed session', async () => {
    const session = new FakeSession();
    session.state = SessionState.closed;
    pollFigures(session, () => {});
    expect(vi.getTimerCount()).toBe(0);
  });
});
