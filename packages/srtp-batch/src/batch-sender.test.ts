import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NodeSrtpSender } from '../../tswebrtc/src/connection/srtp/node-srtp-sender.ts';
import type { SrtpSender } from '../../tswebrtc/src/connection/types.ts';
import { random as seeded } from '../../tswebrtc/src/rtp/ops.testing.ts';
import { PacketArena } from '../../tswebrtc/src/rtp/packet-arena.ts';
import { OP_WORDS, SendOps } from '../../tswebrtc/src/rtp/send-ops.ts';
import { createBatchSender, unavailableReason } from './index.ts';
import { below, pushRandom, type Random, randomTemplates, type Template } from './random-ops.testing.ts';
import { bound, type Receiver, receiver } from './sockets.testing.ts';
import type { BatchSender, BatchSenderOptions, LaneOptions, SrtpProfile } from './types.ts';

const reason = unavailableReason();
if (reason) console.warn(`The tests of the native sender are skipped: ${reason}.`);

const PROFILES: SrtpProfile[] = ['AEAD_AES_128_GCM', 'AES128_CM_HMAC_SHA1_80'];
const bytes = (random: Random, length: number): Uint8Array => Uint8Array.from({ length }, () => below(random, 256));
const keys = (random: Random, profile: SrtpProfile): Pick<LaneOptions, 'profile' | 'masterKey' | 'masterSalt'> => ({
  profile,
  masterKey: bytes(random, 16),
  masterSalt: bytes(random, profile === 'AEAD_AES_128_GCM' ? 12 : 14),
});
const nowhere = (): void => {};

describe.skipIf(reason)('NativeBatchSender', () => {
  let closing: (() => void)[];
  const opened = <T extends { close(): unknown }>(closable: T): T => {
    closing.push(() => closable.close());
    return closable;
  };
  const create = (options?: BatchSenderOptions): BatchSender => opened(createBatchSender(options)!);
  const open = async (address?: '127.0.0.1' | '::1') => opened(await bound(address));
  const listen = async (address?: '127.0.0.1' | '::1'): Promise<Receiver> => {
    const made = await receiver(address);
    opened(made.socket);
    return made;
  };

  beforeEach(() => {
    closing = [];
  });
  afterEach(() => {
    for (const close of closing.reverse()) {
      try {
        close();
      } catch {
        // The test closed it itself.
      }
    }
  });

  it('is an SrtpSender of tswebrtc', () => {
    const sender: SrtpSender = create();
    expect(sender.send(new PacketArena(16), new SendOps(1))).toBe(0);
  });

  for (const thread of [false, true]) {
    for (const address of ['127.0.0.1', '::1'] as const) {
      for (const profile of PROFILES) {
        it(`sends the same bytes as the plain sender: ${profile} to ${address}${thread ? ', by a thread' : ''}`, async () => {
          const random = seeded(profile.length + address.length + Number(thread));
          const arena = new PacketArena(1 << 20);
          const templates = randomTemplates(random, arena, 200);
          const inbound = await listen(address);
          const lane = { ...keys(random, profile), address, port: inbound.port };
          const expected: Buffer[] = [];
          const plain = opened(new NodeSrtpSender());
          const plainLane = plain.addLane({ ...lane, sendDatagram: (datagram) => expected.push(Buffer.from(datagram)) });
          const native = create({ thread });
          const nativeLane = native.addLane({ ...lane, socket: await open(address), sendDatagram: nowhere });

          const [plainOps, nativeOps] = [new SendOps(), new SendOps()];
          for (let index = 0; index < 3000; ) {
            plainOps.clear();
            // Few enough for the smallest usual receive buffer.
            for (let end = index + 1 + below(random, 60); index < end; index++) {
              pushRandom(random, plainOps, plainLane, templates[below(random, templates.length)]!, index);
              if (below(random, 3) === 0) pushRandom(random, plainOps, plainLane, templates[1]!, ++index);
            }
            nativeOps.words = plainOps.words.slice();
            nativeOps.count = plainOps.count;
            for (let i = 0; i < nativeOps.count; i++) nativeOps.words[i * OP_WORDS] = nativeLane;
            expect(native.send(arena, nativeOps)).toBe(plain.send(arena, plainOps));
            await inbound.arrived(expected.length);
          }
          expect(inbound.received.length).toBe(expected.length);
          expect(inbound.received.findIndex((datagram, i) => !datagram.equals(expected[i]!))).toBe(-1);
          expect(native.counters(nativeLane)).toEqual(plain.counters(plainLane));
        });
      }
    }
  }

  for (const thread of [false, true]) {
    it(`keeps sessions apart that come, move and go${thread ? ', by a thread' : ''}`, async () => {
      const random = seeded(4711);
      const arena = new PacketArena(1 << 20);
      const templates = randomTemplates(random, arena, 50);
      const receivers = await Promise.all(['127.0.0.1', '127.0.0.1', '::1', '127.0.0.1'].map((a) => listen(a as '::1')));
      const sockets = { '127.0.0.1': [await open(), await open()], '::1': [await open('::1')] };
      const plain = opened(new NodeSrtpSender());
      const native = create({ thread });
      const expected: Buffer[][] = receivers.map(() => []);
      const relayed: { plain: string[]; native: string[] } = { plain: [], native: [] };
      const hex = (datagram: Uint8Array): string => Buffer.from(datagram).toString('hex');

      /** The same destination for both: what the plain one would send to a socket is only written down. */
      const destinations = () => {
        const to = below(random, receivers.length + 1);
        const target = receivers[to];
        if (!target) {
          const relay = (kind: 'plain' | 'native') => ({
            address: '',
            port: 0,
            sendDatagram: (datagram: Uint8Array) => void relayed[kind].push(hex(datagram)),
          });
          return { plain: relay('plain'), native: relay('native') };
        }
        const from = sockets[target.address as '::1'];
        const { address, port } = target;
        return {
          plain: { address, port, sendDatagram: (datagram: Uint8Array) => void expected[to]!.push(Buffer.from(datagram)) },
          native: { address, port, socket: from[below(random, from.length)]!, sendDatagram: nowhere },
        };
      };

      const lanes: { plain: number; native: number }[] = [];
      const gone: { plain: number; native: number }[] = [];
      const [plainOps, nativeOps] = [new SendOps(), new SendOps()];
      for (let round = 0; round < 300; round++) {
        const what = random();
        if (lanes.length < 3 || what < 0.3) {
          const own = keys(random, PROFILES[below(random, 2)]!);
          const to = destinations();
          lanes.push({ plain: plain.addLane({ ...own, ...to.plain }), native: native.addLane({ ...own, ...to.native }) });
        } else if (what < 0.5) {
          const [lane] = lanes.splice(below(random, lanes.length), 1);
          plain.removeLane(lane!.plain);
          native.removeLane(lane!.native);
          gone.push(lane!);
        } else if (what < 0.8) {
          const lane = lanes[below(random, lanes.length)]!;
          const to = destinations();
          plain.setDestination(lane.plain, to.plain);
          native.setDestination(lane.native, to.native);
        }
        plainOps.clear();
        nativeOps.clear();
        for (let i = below(random, 40); i > 0; i--) {
          const dead = gone.length > 0 && random() < 0.1;
          const lane = dead ? gone[below(random, gone.length)]! : lanes[below(random, lanes.length)]!;
          pushRandom(random, plainOps, lane.plain, templates[below(random, templates.length)]!, i);
          const at = (plainOps.count - 1) * OP_WORDS;
          nativeOps.push(lane.native, 0, 0, 0, 0, 0, false, 0, 0);
          nativeOps.words.set(plainOps.words.subarray(at + 1, at + OP_WORDS), at + 1);
        }
        expect(native.send(arena, nativeOps)).toBe(plain.send(arena, plainOps));
        // Waiting also lets a thread finish before lanes move: it promises order within a lane, not between calls.
        await Promise.all(receivers.map((target, i) => target.arrived(expected[i]!.length)));
      }
      for (const [i, target] of receivers.entries()) {
        // Two sockets may overtake each other: compare what came, whatever the order.
        expect(target.received.map(hex).sort()).toEqual(expected[i]!.map(hex).sort());
      }
      expect(relayed.native.length).toBeGreaterThan(0);
      expect(relayed.native).toEqual(relayed.plain);
      for (const lane of lanes) expect(native.counters(lane.native)).toEqual(plain.counters(lane.plain));
      for (const lane of gone) expect(native.counters(lane.native)).toEqual({ packets: 0, bytes: 0, dropped: 0 });
    });
  }

  it('puts packets of one size for one viewer into few system calls, and cuts them apart again', async () => {
    const { arena, template } = oneTemplate();
    const inbound = await listen();
    const sender = create();
    const lane = sender.addLane(laneTo(inbound, { socket: await open() }));
    const ops = new SendOps();
    for (let i = 0; i < 40; i++) ops.push(lane, template.offset, template.length, 1, 0, i, false, 96, i);
    expect(sender.send(arena, ops)).toBe(40);
    await inbound.arrived(40);
    expect(inbound.received.map((datagram) => datagram.readUInt16BE(2))).toEqual(Array.from({ length: 40 }, (_, i) => i));
    expect(sender.stats().systemCalls).toBeLessThan(5);
    expect(sender.stats().datagrams).toBe(40);
    expect(create({ segmentation: false }).stats()).toEqual({ systemCalls: 0, messages: 0, datagrams: 0 });
  });

  it('reaches a viewer by a socket that is not bound yet, and by a name', async () => {
    const { arena, template } = oneTemplate();
    const inbound = await listen();
    const sender = create();
    const unbound = opened(createSocket('udp4'));
    const lanes = [
      sender.addLane(laneTo(inbound, { socket: unbound })),
      sender.addLane(laneTo(inbound, { socket: await open(), address: 'localhost' })),
    ];
    const ops = new SendOps();
    for (const lane of lanes) ops.push(lane, template.offset, template.length, 1, 0, 1, false, 96, 1);
    expect(sender.send(arena, ops)).toBe(2);
    await inbound.arrived(2);
    expect(lanes.map((lane) => sender.counters(lane).packets)).toEqual([1, 1]);
  });

  it('gives any number of packets to whoever relays them, whatever that does', () => {
    const { arena, template } = oneTemplate();
    const sender = create();
    const ops = new SendOps();
    let relayed = 0;
    const inner = new SendOps();
    const lane: number = sender.addLane({
      ...laneTo({ address: '', port: 0 }),
      sendDatagram: (datagram) => {
        relayed++;
        if (datagram[3] === 10) throw new Error('the relay is gone');
        // Again from inside.
        if (datagram[3] === 20) sender.send(arena, inner);
      },
    });
    inner.push(lane, template.offset, template.length, 1, 0, 0xff, false, 96, 1);
    for (let i = 0; i < 250; i++) ops.push(lane, template.offset, template.length, 1, 0, i, false, 96, 1);
    expect(sender.send(arena, ops)).toBe(249);
    expect(relayed).toBe(251);
    expect(sender.counters(lane)).toEqual({ packets: 250, bytes: 250 * (template.length + 16), dropped: 1 });
    // The relay may also end its session, or everything.
    const last = sender.addLane({ ...laneTo({ address: '', port: 0 }), sendDatagram: () => sender.close() });
    for (let i = 0; i < 250; i++) ops.words[i * OP_WORDS] = last;
    expect(sender.send(arena, ops)).toBeGreaterThanOrEqual(1);
    expect(sender.send(arena, ops)).toBe(0);
  });

  it('drops and counts what is for a closed socket, and leaves its port free', async () => {
    const { arena, template } = oneTemplate();
    const inbound = await listen();
    const sender = create();
    const socket = await bound();
    const { port } = socket.address();
    const dead = sender.addLane(laneTo(inbound, { socket }));
    const alive = sender.addLane(laneTo(inbound, { socket: await open() }));
    const closed = once(socket, 'close');
    socket.close();
    await closed;
    opened(await bound('127.0.0.1', port));
    const neverOpen = sender.addLane(laneTo(inbound, { socket }));
    const ops = new SendOps();
    for (const lane of [dead, alive, neverOpen]) ops.push(lane, template.offset, template.length, 1, 0, 1, false, 96, 1);
    expect(sender.send(arena, ops)).toBe(1);
    expect([dead, alive, neverOpen].map((lane) => sender.counters(lane).dropped)).toEqual([1, 0, 1]);
    await inbound.arrived(1);
  });

  it('leaves ports free when lanes or the sender go', async () => {
    const inbound = await listen();
    const sender = create();
    for (const end of [(lane: number) => sender.removeLane(lane), () => sender.close()]) {
      const socket = await bound();
      const { port } = socket.address();
      end(sender.addLane(laneTo(inbound, { socket })));
      expect(socket.listenerCount('close')).toBe(0);
      const closed = once(socket, 'close');
      socket.close();
      await closed;
      opened(await bound('127.0.0.1', port));
    }
    expect(() => sender.addLane(laneTo(inbound))).toThrow(/closed/);
  });

  it('refuses keys of the wrong length', () => {
    const sender = create();
    expect(() => sender.addLane({ ...laneTo({ address: '', port: 0 }), masterKey: new Uint8Array(15) })).toThrow(/16 bytes/);
    expect(() => sender.addLane({ ...laneTo({ address: '', port: 0 }), masterSalt: new Uint8Array(14) })).toThrow(/salt of 12/);
  });

  for (const thread of [false, true]) {
    it(`survives ops that make no sense${thread ? ', by a thread' : ''}`, async () => {
      const random = seeded(99);
      const { arena, template } = oneTemplate();
      const inbound = await listen();
      const sender = create({ thread });
      const lanes = [
        sender.addLane(laneTo(inbound, { socket: await open() })),
        sender.addLane({ ...laneTo({ address: '', port: 0 }) }),
        sender.addLane(laneTo(inbound, { socket: await open(), address: 'no address', port: 70_000 })),
      ];
      const ops = new SendOps();
      const garbage = (): number => (random() < 0.5 ? below(random, 2 ** 32) : below(random, 2048));
      for (let round = 0; round < 300; round++) {
        ops.clear();
        for (let i = below(random, 50); i > 0; i--) {
          const lane = random() < 0.8 ? lanes[below(random, 3)]! : garbage();
          const [offset, length] = random() < 0.5 ? [template.offset, template.length] : [garbage(), garbage()];
          ops.push(lane, offset, length, garbage(), garbage(), 0, false, 0, garbage());
          const at = (ops.count - 1) * OP_WORDS;
          if (random() < 0.7) for (let w = 5; w < OP_WORDS; w++) ops.words[at + w] = garbage();
        }
        sender.send(arena, ops);
      }
      ops.clear();
      ops.push(lanes[0]!, template.offset, template.length, 0xfeedbeef, 0, 1, false, 96, 1);
      // The flood may have filled the receiver's buffer: again until one comes through.
      while (!inbound.received.some((datagram) => datagram.length >= 12 && datagram.readUInt32BE(8) === 0xfeedbeef)) {
        sender.send(arena, ops);
        await once(inbound.socket, 'message');
      }
      expect(sender.counters(lanes[0]!).dropped).toBeGreaterThan(0);
      const broken = { words: ops.words, count: ops.words.length };
      expect(() => sender.send(arena, broken)).toThrow(/fewer ops/);
      expect(() => sender.send({ bytes: [] as unknown as Uint8Array }, ops)).toThrow(/typed array/);
    });
  }

  it('ends while its thread has work', () => {
    const { arena, template } = oneTemplate();
    for (let round = 0; round < 20; round++) {
      const sender = createBatchSender({ thread: true })!;
      const socket = createSocket('udp4');
      const lane = sender.addLane({ ...laneTo({ address: '127.0.0.1', port: 9 }), socket });
      const ops = new SendOps();
      for (let i = 0; i < 500; i++) ops.push(lane, template.offset, template.length, 1, 0, i, false, 96, 1);
      sender.send(arena, ops);
      if (round % 2) sender.removeLane(lane);
      sender.close();
      sender.close();
      socket.close();
      expect(sender.send(arena, ops)).toBe(0);
    }
  });

  it('never gives the number of a lane to the next one', () => {
    const sender = create();
    const seen = new Set<number>();
    for (let i = 0; i < 5000; i++) {
      const lane = sender.addLane(laneTo({ address: '', port: 0 }));
      expect(seen.has(lane)).toBe(false);
      seen.add(lane);
      sender.removeLane(lane);
    }
  });
});

function oneTemplate(): { arena: PacketArena; template: Template } {
  const arena = new PacketArena(1 << 16);
  const length = 1200;
  const offset = arena.offset(arena.alloc(length));
  arena.bytes.fill(7, offset, offset + length);
  arena.bytes.set([0x90, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xbe, 0xde, 0, 2], offset);
  return { arena, template: { offset, length } };
}

function laneTo(to: { address: string; port: number }, options: Partial<LaneOptions> = {}): LaneOptions {
  return {
    profile: 'AEAD_AES_128_GCM',
    masterKey: Buffer.alloc(16, 1),
    masterSalt: Buffer.alloc(12, 2),
    address: to.address,
    port: to.port,
    sendDatagram: nowhere,
    ...options,
  };
}
