import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Membership, type MembershipOptions } from './membership.ts';
import { MemoryBroker, type MemoryBus } from './memory-bus.testing.ts';
import { seededRandom, VirtualTime } from './virtual-time.testing.ts';
import { encodeAnnouncement, encodeFrame, parseAnnouncement, parseFrame } from './wire.ts';
import { areEven, Witness } from './witness.testing.ts';

const HEARTBEAT = 2_000;
const DEAD_AFTER = 8_000;

class World {
  readonly time = new VirtualTime();
  readonly random: () => number;
  readonly broker: MemoryBroker;

  constructor(seed = 1) {
    this.random = seededRandom(seed);
    this.broker = new MemoryBroker(this.time.schedule, () => this.time.now, this.random);
  }
}

/** A server of a world, with a clock of its own origin. */
class Server {
  readonly id: string;
  readonly bus: MemoryBus;
  readonly witness: Witness;
  readonly membership: Membership;
  readonly #world: World;
  #state: 'running' | 'stopped' | 'gone' = 'running';

  constructor(world: World, id: string, options: Partial<MembershipOptions> = {}) {
    this.#world = world;
    this.id = id;
    this.bus = world.broker.connect();
    this.witness = new Witness((to, body) => {
      this.membership.send(to, body);
      world.time.schedule(0, () => this.#state === 'running' && this.membership.flush());
    });
    const publish = (channel: string, payload: string): void => this.bus.publish(channel, payload);
    this.membership = new Membership(
      {
        serverId: id,
        heartbeatInterval: HEARTBEAT,
        deadAfter: DEAD_AFTER,
        firstIncarnation: 1 + world.time.now,
        ...options,
      },
      {
        announce: (announcement) => publish('all', encodeAnnouncement(announcement)),
        publish: (to, frame) => publish(to, encodeFrame(id, frame)),
        memberJoined: (member) => this.witness.memberJoined(member),
        message: (member, body) => this.witness.message(member, body),
        memberLeft: (member) => this.witness.memberLeft(member),
      },
      this.#now(),
    );
    void this.bus.subscribe('all', (payload) => this.membership.receiveAnnouncement(parseAnnouncement(payload)!, this.#now()));
    void this.bus.subscribe(id, (payload) => this.membership.receiveFrame(parseFrame(payload)!, this.#now()));
    this.bus.onConnectionChanged = (isConnected) => isConnected && this.membership.resume();
    this.membership.tick(this.#now());
    world.time.every(HEARTBEAT / 4, () => {
      if (this.#state === 'running') this.membership.tick(this.#now());
      return this.#state !== 'gone';
    });
  }

  /** kill -9 */
  kill(): void {
    this.#state = 'gone';
    void this.bus.close();
  }

  leave(): void {
    this.membership.leave();
    this.kill();
  }

  /** kill -STOP */
  stop(): void {
    this.#state = 'stopped';
    this.bus.hold();
  }

  /** kill -CONT: timers that are due come before what waits in the sockets. */
  resume(): void {
    this.#state = 'running';
    this.membership.tick(this.#now());
    this.bus.release();
  }

  /** How often the other has joined. */
  livesOf(other: Server): number {
    return this.witness.of(other.id).lives;
  }

  #now(): number {
    return 1_000_000 + this.#world.time.now;
  }
}

function expectEven(...servers: Server[]): void {
  for (const one of servers)
    for (const other of servers)
      if (one !== other) {
        expect(one.membership.members).toContain(other.id);
        expect(areEven(one.witness, one.id, other.witness, other.id)).toBe(true);
      }
}

function together(world: World, options?: Partial<MembershipOptions>): [Server, Server] {
  const servers = [new Server(world, 'a', options), new Server(world, 'b', options)] as [Server, Server];
  world.time.advance(100);
  expectEven(...servers);
  return servers;
}

describe('the members of a cluster', () => {
  it('find each other at once', () => {
    const world = new World();
    const servers = together(world);
    const third = new Server(world, 'c');
    world.time.advance(0);
    expectEven(...servers, third);
    expect(third.membership.members).toEqual(['a', 'b']);
  });

  it('miss one that was killed within 9 s, whenever that was', () => {
    for (let phase = 0; phase < HEARTBEAT; phase += 100) {
      const world = new World();
      const a = new Server(world, 'a');
      world.time.advance(phase);
      const b = new Server(world, 'b');
      world.time.advance(5_000 + phase * 7);
      b.kill();
      world.time.advance(5_900);
      expect(a.membership.members).toEqual(['b']);
      world.time.advance(9_000 - 5_900);
      expect(a.membership.members).toEqual([]);
    }
  });

  it('do not take one for dead for two lost signs of life', () => {
    const world = new World();
    const [a, b] = together(world);
    b.bus.island = 1;
    world.time.advance(2 * HEARTBEAT - 1);
    b.bus.island = 0;
    world.time.advance(20_000);
    expect([a.livesOf(b), b.livesOf(a)]).toEqual([1, 1]);
    expectEven(a, b);
  });

  it('drop one that says goodbye at once, having taken what it said before', () => {
    const world = new World();
    const [a, b] = together(world);
    const { received } = a.witness.of('b');
    b.witness.say('a');
    b.leave();
    world.time.advance(0);
    expect(a.membership.members).toEqual([]);
    expect(a.witness.of('b').received).toBe(received + 1);
    world.time.advance(60_000);
    expect(a.livesOf(b)).toBe(1);
  });

  it('take a server that comes back under its old name for a new one', () => {
    const world = new World();
    const [a, b] = together(world);
    b.kill();
    world.time.advance(1_000);
    const again = new Server(world, 'b');
    world.time.advance(HEARTBEAT);
    expectEven(a, again);
    expect(a.livesOf(again)).toBe(2);
  });

  it.each([
    ['each other', (a: Server, _b: Server) => (a.bus.island = 1)],
    ['one that was stopped', (a: Server, _b: Server) => a.stop()],
  ])('start anew at both ends when they have not heard %s for 20 s', (_what, part) => {
    const world = new World();
    const [a, b] = together(world);
    const c = new Server(world, 'c');
    world.time.advance(5_000);
    part(a, b);
    for (let second = 0; second < 20; second++) {
      b.witness.sayToAll();
      world.time.advance(1_000);
    }
    a.bus.island = 0;
    a.resume();
    world.time.advance(5_000);
    for (const other of [b, c]) expect([a.livesOf(other), other.livesOf(a)]).toEqual([2, 2]);
    expect([b.livesOf(c), c.livesOf(b)]).toEqual([1, 1]);
    expectEven(a, b, c);
  });

  it('start anew at both ends when only one direction is interrupted', () => {
    const world = new World();
    const [a, b] = together(world);
    // What b publishes is lost; it hears a, and even itself.
    const publish = b.bus.publish.bind(b.bus);
    b.bus.publish = (channel, payload) => b.bus.deliver(channel, payload);
    world.time.advance(20_000);
    expect([a.membership.members, b.membership.members]).toEqual([[], []]);
    b.bus.publish = publish;
    world.time.advance(HEARTBEAT);
    expect([a.livesOf(b), b.livesOf(a)]).toEqual([2, 2]);
    expectEven(a, b);
  });

  it('stay together while the broker is away, however long, and lose nothing', () => {
    const world = new World();
    const [a, b] = together(world);
    world.broker.setRunning(false);
    for (let second = 0; second < 60; second++) {
      a.witness.sayToAll();
      b.witness.sayToAll();
      world.time.advance(1_000);
    }
    // They come back one after the other.
    a.bus.setConnected(true);
    world.time.advance(5_000);
    b.bus.setConnected(true);
    world.time.advance(0);
    expectEven(a, b);
    world.time.advance(60_000);
    expect([a.livesOf(b), b.livesOf(a)]).toEqual([1, 1]);
  });

  it('notice after an absence of the broker who died meanwhile', () => {
    const world = new World();
    const [a, b] = together(world);
    world.broker.setRunning(false);
    b.kill();
    world.time.advance(60_000);
    expect(a.membership.members).toEqual(['b']);
    world.broker.setRunning(true);
    world.time.advance(10_000);
    expect(a.membership.members).toEqual([]);
  });

  it('give up what exceeds the bound, and start anew', () => {
    const world = new World();
    const [a, b] = together(world, { maxKeptSize: 100_000 });
    world.broker.setRunning(false);
    a.witness.sayToAll('x'.repeat(90_000));
    world.time.advance(1_000);
    expect(a.membership.members).toEqual(['b']);
    a.witness.sayToAll('x'.repeat(10_000));
    world.time.advance(1_000);
    expect(a.membership.members).toEqual([]);
    world.broker.setRunning(true);
    world.time.advance(HEARTBEAT);
    expect([a.livesOf(b), b.livesOf(a)]).toEqual([2, 2]);
    expectEven(a, b);
  });

  it('publish about once a body, and seldom when idle', () => {
    const world = new World();
    const [a, b] = together(world);
    const before = world.broker.published.length;
    for (let count = 0; count < 1_000; count++) {
      a.witness.say('b');
      b.witness.say('a');
      world.time.advance(10);
    }
    const perHeartbeat = 4;
    expect(world.broker.published.length - before).toBeLessThanOrEqual(2_000 + perHeartbeat * (10_000 / HEARTBEAT));
  });

  it('get every body once and in order over any weather, while a third comes and goes', () => {
    const scenario = fc.record({
      seed: fc.integer(),
      loss: fc.double({ min: 0, max: 0.3, noNaN: true }),
      duplication: fc.double({ min: 0, max: 0.3, noNaN: true }),
      delay: fc.integer({ min: 0, max: 500 }),
      third: fc.array(
        fc.record({
          id: fc.constantFrom('c', 'd', 'e'),
          stays: fc.integer({ min: 0, max: 15_000 }),
          end: fc.constantFrom('kill', 'leave'),
          pause: fc.integer({ min: 0, max: 12_000 }),
        }),
        { maxLength: 6 },
      ),
    });
    fc.assert(
      fc.property(scenario, ({ seed, third, ...weather }) => {
        const world = new World(seed);
        Object.assign(world.broker.weather, weather);
        const [a, b] = [new Server(world, 'a'), new Server(world, 'b')];
        const talk = (duration: number, ...servers: Server[]): void => {
          for (let elapsed = 0; elapsed < duration; elapsed += 250) {
            for (const { witness } of servers) if (world.random() < 0.7) witness.sayToAll();
            world.time.advance(250);
          }
        };
        for (const { id, stays, end, pause } of third) {
          const c = new Server(world, id);
          talk(stays, a, b, c);
          c[end]();
          talk(pause, a, b);
        }
        const last = new Server(world, 'f');
        talk(5_000, a, b, last);
        Object.assign(world.broker.weather, { loss: 0, duplication: 0 });
        // The dead are forgotten, and what was lost is sent again.
        world.time.advance(15_000);
        expect(a.membership.members.toSorted()).toEqual(['b', 'f']);
        expect(b.membership.members.toSorted()).toEqual(['a', 'f']);
        expectEven(a, b, last);
      }),
      { numRuns: 100, seed: 5 },
    );
  });
});
