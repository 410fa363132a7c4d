import { describe, expect, it } from 'vitest';
import { Link, type LinkOptions } from './link.ts';
import { WINDOW_LENGTH } from './outgoing-stream.ts';
import { encodeFrame, type OutgoingFrame, parseFrame } from './wire.ts';

/** One end, what it told its owner, and what it has published that was not delivered yet. */
class End {
  readonly told: unknown[] = [];
  readonly outbox: OutgoingFrame[] = [];
  readonly link: Link;
  onJoined = (): void => {};

  constructor(options: Partial<LinkOptions> = {}) {
    let incarnation = 1;
    this.link = new Link(
      { createIncarnation: () => incarnation++, maxKeptSize: 1_000_000, ...options },
      {
        publish: (frame) => this.outbox.push(frame),
        joined: () => {
          this.told.push('joined');
          this.onJoined();
        },
        left: () => this.told.push('left'),
        message: (body) => this.told.push(body),
      },
    );
  }

  send(...bodies: unknown[]): void {
    for (const body of bodies) this.link.send(JSON.stringify(body));
    this.link.flush();
  }

  hear(frame: OutgoingFrame): boolean {
    return this.link.receive(parseFrame(encodeFrame('other', frame))!);
  }
}

/** Delivers all that both have to say, until they are silent. Returns the number of frames. */
function exchange(one: End, other: End): number {
  let frames = 0;
  while (one.outbox.length + other.outbox.length > 0) {
    for (const frame of one.outbox.splice(0)) other.hear(frame);
    for (const frame of other.outbox.splice(0)) one.hear(frame);
    if (++frames > 1000) throw new Error('The ends do not come to rest.');
  }
  return frames;
}

function establish(options?: Partial<LinkOptions>): [End, End] {
  const one = new End(options);
  const other = new End(options);
  one.link.heartbeat();
  exchange(one, other);
  return [one, other];
}

describe('a link', () => {
  it('begins once, however long what is to be told first is, and may keep its bound besides', () => {
    const [one, other] = [new End({ maxKeptSize: 1000 }), new End({ maxKeptSize: 1000 })];
    const first = Array.from({ length: 100 }, (_, index) => `${index}`.padEnd(100, '.'));
    one.onJoined = () => one.send(...first);
    one.link.heartbeat();
    exchange(one, other);
    expect([one.told, other.told]).toEqual([['joined'], ['joined', ...first]]);
    one.send('x'.repeat(900));
    expect(one.told).toEqual(['joined']);
  });

  it.each(['one end', 'both ends'])('is established at both ends where %s begins', (who) => {
    const one = new End();
    const other = new End();
    one.link.heartbeat();
    if (who === 'both ends') other.link.heartbeat();
    exchange(one, other);
    expect(one.told).toEqual(['joined']);
    expect(other.told).toEqual(['joined']);
  });

  it('carries first what is sent at the moment of joining', () => {
    const one = new End();
    const other = new End();
    one.link.send('"too early"');
    other.onJoined = () => other.send('first');
    one.link.heartbeat();
    exchange(one, other);
    other.send('second', { third: 3 });
    exchange(one, other);
    expect(one.told).toEqual(['joined', 'first', 'second', { third: 3 }]);
    expect(other.told).toEqual(['joined']);
  });

  it('puts what is sent together into one frame, and publishes nothing else', () => {
    const [one, other] = establish();
    one.send(1, 2, 3);
    one.send(4);
    expect(one.outbox.map(({ bodies }) => bodies)).toEqual([['1', '2', '3'], ['4']]);
    expect(exchange(one, other)).toBe(1);
    expect(other.told).toEqual(['joined', 1, 2, 3, 4]);
  });

  it('asks once for what is missing, and gets it in order', () => {
    const [one, other] = establish();
    for (const body of [1, 2, 3, 4]) one.send(body);
    one.outbox.splice(1, 1);
    for (const frame of one.outbox.splice(0)) other.hear(frame);
    expect(other.told).toEqual(['joined', 1]);
    expect(other.outbox.map(({ again, acknowledged }) => ({ again, acknowledged }))).toEqual([{ again: true, acknowledged: 1 }]);
    exchange(one, other);
    expect(other.told).toEqual(['joined', 1, 2, 3, 4]);
  });

  it('notices at a heartbeat that the last was lost, and asks again where the request was lost', () => {
    const [one, other] = establish();
    one.send('lost');
    one.outbox.length = 0;
    one.link.heartbeat();
    other.hear(one.outbox.shift()!);
    expect(other.outbox.splice(0)).toMatchObject([{ again: true }]);
    other.link.heartbeat();
    one.link.heartbeat();
    exchange(one, other);
    expect(other.told).toEqual(['joined', 'lost']);
  });

  it('fetches at once what it may have missed while it was away', () => {
    const [one, other] = establish();
    one.send('missed');
    one.outbox.length = 0;
    other.link.heartbeat(true);
    exchange(one, other);
    expect(other.told).toEqual(['joined', 'missed']);
  });

  it('takes nothing twice', () => {
    const [one, other] = establish();
    one.send(1, 2);
    one.send(3);
    for (const frame of one.outbox) for (let copy = 0; copy < 3; copy++) other.hear(frame);
    for (const frame of one.outbox.splice(0)) other.hear(frame);
    expect(other.told).toEqual(['joined', 1, 2, 3]);
  });

  it('keeps at most a window on its way, and goes on at each acknowledgement, without a heartbeat', () => {
    const [one, other] = establish({ maxKeptSize: 16 * 1024 * 1024 });
    const body = 'x'.repeat(10_000);
    const count = 500;
    one.send(...Array<string>(count).fill(body));
    const onTheirWay = one.outbox.flatMap(({ bodies }) => bodies).join('').length;
    expect(onTheirWay).toBeGreaterThanOrEqual(WINDOW_LENGTH);
    expect(onTheirWay).toBeLessThan(1.2 * WINDOW_LENGTH);
    exchange(one, other);
    expect(other.told.filter((item) => item === body)).toHaveLength(count);
  });

  it('starts anew, at both ends, where more would have to be kept than may be', () => {
    const [one, other] = establish({ maxKeptSize: 100_000 });
    const body = 'x'.repeat(1_000);
    while (!one.told.includes('left')) {
      one.send(body);
      one.outbox.length = 0;
      expect(one.told.length).toBe(one.told.includes('left') ? 2 : 1);
    }
    one.send('nobody is there');
    one.link.heartbeat();
    one.onJoined = () => one.send('anew');
    exchange(one, other);
    expect(one.told).toEqual(['joined', 'left', 'joined']);
    expect(other.told).toEqual(['joined', 'left', 'joined', 'anew']);
  });

  it('frees what is acknowledged: a stream of any length fits', () => {
    const [one, other] = establish({ maxKeptSize: 100_000 });
    const body = 'x'.repeat(1_000);
    for (let count = 0; count < 1_000; count++) {
      one.send(body);
      if (count % 50 === 0) other.link.heartbeat();
      exchange(one, other);
    }
    expect(one.told).toEqual(['joined']);
    expect(other.told).toHaveLength(1_001);
  });

  it('makes the other end start anew too, however the news arrives', () => {
    const [one, other] = establish();
    const again = new End({ createIncarnation: () => 7 });
    other.link.heartbeat();
    // The frame names the former life of the one end: it counts as a greeting only.
    expect(again.hear(other.outbox.shift()!)).toBe(true);
    expect(again.told).toEqual([]);
    exchange(again, other);
    expect(other.told).toEqual(['joined', 'left', 'joined']);
    expect(again.told).toEqual(['joined']);
    expect(one.told).toEqual(['joined']);
  });

  it('ignores latecomers of a former life', () => {
    const [one, other] = establish();
    one.send('late');
    const late = one.outbox.splice(0);
    const again = new End({ createIncarnation: () => 7 });
    again.link.heartbeat();
    exchange(again, other);
    for (const frame of late) expect(other.hear(frame)).toBe(false);
    expect(other.told).toEqual(['joined', 'left', 'joined']);
    expect(other.outbox).toEqual([]);
  });

  it('ignores what was meant for its own former life', () => {
    const [one, other] = establish();
    one.send('for the former life');
    const late = one.outbox.splice(0);
    const again = new End({ createIncarnation: () => 7 });
    again.link.heartbeat();
    exchange(again, one);
    for (const frame of late) expect(again.hear(frame)).toBe(false);
    expect(again.told).toEqual(['joined']);
    expect(other.told).toEqual(['joined']);
  });

  it('starts anew where the other end claims to have what was never sent', () => {
    const [one, other] = establish();
    one.hear({ own: 1, other: 1, sequence: 0, acknowledged: 5, bodies: [] });
    exchange(one, other);
    expect(one.told).toEqual(['joined', 'left', 'joined']);
    expect(other.told).toEqual(['joined', 'left', 'joined']);
  });
});
