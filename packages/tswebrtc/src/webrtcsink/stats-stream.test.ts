import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { StatsStream, type StatsStreamOptions } from './stats-stream.ts';

const ask = (query = '', headers: Record<string, string> = {}): Request =>
  new Request(`http://sink/stats${query}`, { headers: { Accept: 'text/event-stream', ...headers } });

/** The text of the events that came so far. */
function reading(response: Response): { text: string; cancel(): Promise<void>; done: Promise<void> } {
  const reader = response.body!.getReader();
  const read = { text: '', cancel: () => reader.cancel(), done: Promise.resolve() };
  const decoder = new TextDecoder();
  read.done = (async () => {
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) read.text += decoder.decode(chunk.value);
  })();
  return read;
}

describe('StatsStream', () => {
  let asked: number;
  const open: StatsStream[] = [];
  const create = (options: Partial<StatsStreamOptions> = {}): StatsStream => {
    const stream = new StatsStream({ source: async () => ({ asked: ++asked }), ...options });
    open.push(stream);
    return stream;
  };
  beforeEach(() => {
    asked = 0;
    vi.useFakeTimers();
  });
  afterEach(() => {
    for (const stream of open.splice(0)) stream.close();
    vi.useRealTimers();
  });

  it('sends figures at once and then every second, or as often as is asked for', async () => {
    const stream = create();
    const usual = reading(await stream.respond(ask()));
    await vi.advanceTimersByTimeAsync(0);
    expect(usual.text).toBe('data: {"asked":1}\n\n');
    await vi.advanceTimersByTimeAsync(999);
    expect(usual.text.match(/data/g)).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(2001);
    expect(usual.text.match(/data/g)).toHaveLength(4);
    await usual.cancel();

    const fast = reading(await stream.respond(ask('?interval=200')));
    await vi.advanceTimersByTimeAsync(1000);
    expect(fast.text.match(/data/g)).toHaveLength(6);
  });

  it('computes once for those who ask together, and nothing while nobody listens', async () => {
    const stream = create();
    const all = await Promise.all([ask(), ask(), ask()].map(async (request) => reading(await stream.respond(request))));
    await vi.advanceTimersByTimeAsync(3000);
    expect(all.map(({ text }) => text)).toEqual(Array(3).fill(all[0]!.text));
    expect(asked).toBe(4);
    await Promise.all(all.map(({ cancel }) => cancel()));
    expect([stream.listeners, vi.getTimerCount()]).toEqual([0, 0]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toBe(4);
  });

  it('answers plain JSON to who does not ask for events', async () => {
    const answer = await create().respond(new Request('http://sink/stats'));
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(await answer.json()).toEqual({ asked: 1 });
  });

  it('keeps nothing for a listener that does not read, and drops it', async () => {
    const stream = create({ patience: 3000 });
    const drop = vi.fn();
    await stream.respond(ask(), drop);
    await vi.advanceTimersByTimeAsync(3000);
    expect([asked, stream.listeners]).toEqual([1, 1]);
    await vi.advanceTimersByTimeAsync(1001);
    expect(drop).toHaveBeenCalledOnce();
    expect([stream.listeners, vi.getTimerCount()]).toEqual([0, 0]);
  });

  it('sends figures of now, not of then, to a listener that pauses', async () => {
    const stream = create();
    const reader = (await stream.respond(ask())).body!.getReader();
    await vi.advanceTimersByTimeAsync(5000);
    const next = async (): Promise<string> => new TextDecoder().decode((await reader.read()).value);
    expect(await next()).toBe('data: {"asked":1}\n\n');
    const second = next();
    await vi.advanceTimersByTimeAsync(1000);
    expect(await second).toBe('data: {"asked":2}\n\n');
  });

  it('has a place for so many and no more', async () => {
    const stream = create({ maxListeners: 2 });
    const first = reading(await stream.respond(ask()));
    await stream.respond(ask());
    const refused = await stream.respond(ask());
    expect([refused.status, await refused.text()]).toEqual([503, expect.stringContaining('All 2 places')]);
    expect((await stream.respond(new Request('http://sink/stats'))).status).toBe(200);
    await first.cancel();
    expect((await stream.respond(ask())).status).toBe(200);
  });

  it('takes no place for HEAD', async () => {
    const stream = create();
    const head = await stream.respond(new Request(ask(), { method: 'HEAD' }));
    expect([head.headers.get('content-type'), head.body, stream.listeners]).toEqual(['text/event-stream', null, 0]);
  });

  it.each(['199', '10001', 'soon', '', '-1', 'NaN', 'Infinity'])('refuses the interval "%s" in a sentence', async (interval) => {
    const stream = create();
    const answer = await stream.respond(ask(`?interval=${interval}`));
    expect([answer.status, await answer.text(), stream.listeners]).toEqual([400, expect.stringContaining('200 to 10000'), 0]);
  });

  it("refuses other sites' pages", async () => {
    const stream = create();
    expect((await stream.respond(ask('', { 'Sec-Fetch-Site': 'cross-site' }))).status).toBe(403);
    expect((await stream.respond(ask('', { 'Sec-Fetch-Site': 'same-origin' }))).status).toBe(200);
  });

  it('goes on after figures that could not be made', async () => {
    let broken = true;
    const stream = create({
      source: async () => {
        if (broken) throw new Error('not now');
        return { fine: true };
      },
    });
    await expect(stream.respond(new Request('http://sink/stats'))).rejects.toThrow('not now');
    const read = reading(await stream.respond(ask()));
    await vi.advanceTimersByTimeAsync(1000);
    expect(read.text).toBe(': no figures at the moment\n\n'.repeat(2));
    broken = false;
    await vi.advanceTimersByTimeAsync(1000);
    expect(read.text).toMatch(/data: \{"fine":true\}\n\n$/);
  });

  it('ends everybody when it is closed', async () => {
    const stream = create();
    const read = reading(await stream.respond(ask()));
    await vi.advanceTimersByTimeAsync(0);
    stream.close();
    stream.close();
    await read.done;
    expect([stream.listeners, vi.getTimerCount()]).toEqual([0, 0]);
    expect((await stream.respond(ask())).status).toBe(503);
  });
});
