import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PacketArena } from '../../rtp/packet-arena.ts';
import { SendOps } from '../../rtp/send-ops.ts';
import type { LaneOptions } from '../types.ts';
import { NodeSrtpSender } from './node-srtp-sender.ts';
import { SrtpReceiver } from './srtp-context.ts';

const KEY = Buffer.alloc(16, 1);
const SALT = Buffer.alloc(12, 2);
const SSRC = 0x11223344;

let out: Socket;
let inbound: Socket;
let sender: NodeSrtpSender;
let received: Buffer[];

async function bound(): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

beforeEach(async () => {
  [out, inbound] = await Promise.all([bound(), bound()]);
  inbound.setRecvBufferSize(4 << 20);
  received = [];
  inbound.on('message', (datagram) => received.push(datagram));
  sender = new NodeSrtpSender();
});

afterEach(() => {
  sender.close();
  out.close();
  inbound.close();
});

const lane = (options: Partial<LaneOptions> = {}): LaneOptions => ({
  profile: 'AEAD_AES_128_GCM',
  masterKey: KEY,
  masterSalt: SALT,
  socket: out,
  address: '127.0.0.1',
  port: inbound.address().port,
  sendDatagram: () => {},
  ...options,
});

function template(arena: PacketArena, payload: string): [offset: number, length: number] {
  const bytes = Buffer.concat([
    Buffer.from([0x90]),
    Buffer.alloc(11),
    Buffer.from('bede000100000000', 'hex'),
    Buffer.from(payload),
  ]);
  const position = arena.alloc(bytes.length);
  arena.bytes.set(bytes, arena.offset(position));
  return [arena.offset(position), bytes.length];
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await once(inbound, 'message');
}

describe('NodeSrtpSender', () => {
  it('sends a template with the numbers and patches of its op', async () => {
    const arena = new PacketArena(4096);
    const [offset, length] = template(arena, 'media');
    const ops = new SendOps();
    ops.push(sender.addLane(lane()), offset, length, SSRC, 0, 65000, true, 101, 0xfedcba98);
    ops.patch(16, 1, 0x51);
    ops.patch(17, 2, 0xabcd);
    expect(sender.send(arena, ops)).toBe(1);
    await until(() => received.length === 1);
    const packet = new SrtpReceiver('AEAD_AES_128_GCM', KEY, SALT).unprotectRtp(received[0]!)!;
    expect(packet.subarray(0, 20).toString('hex')).toBe('90e5fde8fedcba9811223344bede000151abcd00');
    expect(packet.subarray(20).toString()).toBe('media');
    expect(arena.bytes[1]).toBe(0);
  });

  it('sends 2000 packets without loss', async () => {
    const arena = new PacketArena(1 << 16);
    const [offset, length] = template(arena, 'x'.repeat(1180));
    const id = sender.addLane(lane());
    const ops = new SendOps();
    // As many at once as the smallest usual receive buffer holds.
    for (let i = 0; i < 2000; i += 50) {
      ops.clear();
      for (let n = i; n < i + 50; n++) ops.push(id, offset, length, SSRC, 0, n, false, 96, n);
      expect(sender.send(arena, ops)).toBe(50);
      await until(() => received.length === i + 50);
    }
    const receiver = new SrtpReceiver('AEAD_AES_128_GCM', KEY, SALT);
    expect(received.every((datagram) => receiver.unprotectRtp(datagram) !== undefined)).toBe(true);
    expect(sender.counters(id)).toEqual({ packets: 2000, bytes: 2000 * (length + 16), dropped: 0 });
  });

  it('skips unknown and removed lanes and never gives their number to another', () => {
    const arena = new PacketArena(4096);
    const [offset, length] = template(arena, 'media');
    const removed = sender.addLane(lane());
    sender.removeLane(removed);
    const other = sender.addLane(lane());
    expect(other).not.toBe(removed);
    const ops = new SendOps();
    ops.push(removed, offset, length, SSRC, 0, 1, false, 96, 1);
    ops.push(999, offset, length, SSRC, 0, 1, false, 96, 1);
    ops.push(other, offset, length, SSRC, 0, 1, false, 96, 1);
    expect(sender.send(arena, ops)).toBe(1);
    expect(sender.counters(removed).packets).toBe(0);
  });

  it('follows a change of destination, also to one without a socket', async () => {
    const arena = new PacketArena(4096);
    const [offset, length] = template(arena, 'media');
    const id = sender.addLane(lane({ port: 9 }));
    sender.setDestination(id, lane());
    const ops = new SendOps();
    ops.push(id, offset, length, SSRC, 0, 1, false, 96, 1);
    sender.send(arena, ops);
    await until(() => received.length === 1);
    const relayed: Uint8Array[] = [];
    sender.setDestination(id, { address: '', port: 0, sendDatagram: (datagram) => relayed.push(datagram) });
    expect(sender.send(arena, ops)).toBe(1);
    expect(Buffer.from(relayed[0]!)).toEqual(received[0]);
  });

  it('counts what a closed socket or a malformed template drops, and goes on', async () => {
    const arena = new PacketArena(8192);
    const [offset, length] = template(arena, 'media');
    const closed = await bound();
    closed.close();
    const dead = sender.addLane(lane({ socket: closed }));
    const alive = sender.addLane(lane());
    const ops = new SendOps();
    ops.push(dead, offset, length, SSRC, 0, 1, false, 96, 1);
    ops.push(alive, offset, 4, SSRC, 0, 1, false, 96, 1);
    ops.push(alive, offset, 4000, SSRC, 0, 1, false, 96, 1);
    ops.push(alive, offset, length, SSRC, 0, 2, false, 96, 1);
    expect(sender.send(arena, ops)).toBe(1);
    expect(sender.counters(dead)).toEqual({ packets: 0, bytes: 0, dropped: 1 });
    expect(sender.counters(alive).dropped).toBe(2);
    await until(() => received.length === 1);
  });

  it('loses nothing but the packet when the system refuses it, early or late', async () => {
    const arena = new PacketArena(4096);
    const [offset, length] = template(arena, 'media');
    const errors: unknown[] = [];
    out.on('error', (error) => errors.push(error));
    // Nobody has let this socket broadcast: EACCES, as ENOBUFS or EHOSTUNREACH elsewhere.
    const refused = sender.addLane(lane({ address: '255.255.255.255' }));
    // Nobody listens there: an ICMP message comes back (ECONNREFUSED).
    const gone = await bound();
    const { port } = gone.address();
    await new Promise<void>((resolve) => gone.close(() => resolve()));
    const unheard = sender.addLane(lane({ port }));
    const ops = new SendOps();
    // More packets than there are buffers.
    for (let i = 0; i < 90; i++) {
      ops.clear();
      for (let n = 0; n < 100; n++) ops.push(refused, offset, length, SSRC, 0, n, false, 96, n);
      sender.send(arena, ops);
      await new Promise(setImmediate);
    }
    expect(sender.counters(refused)).toEqual({ packets: 0, bytes: 0, dropped: 9000 });
    ops.clear();
    for (let n = 0; n < 50; n++) ops.push(unheard, offset, length, SSRC, 0, n, false, 96, n);
    expect(sender.send(arena, ops)).toBe(50);
    await new Promise(setImmediate);
    ops.clear();
    ops.push(sender.addLane(lane()), offset, length, SSRC, 0, 1, false, 96, 1);
    expect(sender.send(arena, ops)).toBe(1);
    await until(() => received.length === 1);
    expect(errors).toEqual([]);
  });

  it('does not run out of buffers when sockets are closed with packets on their way', async () => {
    const arena = new PacketArena(4096);
    const [offset, length] = template(arena, 'media');
    const ops = new SendOps();
    for (let i = 0; i < 90; i++) {
      const socket = await bound();
      const id = sender.addLane(lane({ socket }));
      ops.clear();
      for (let n = 0; n < 100; n++) ops.push(id, offset, length, SSRC, 0, n, false, 96, n);
      expect(sender.send(arena, ops)).toBe(100);
      socket.close();
      sender.removeLane(id);
      await new Promise(setImmediate);
    }
    ops.clear();
    ops.push(sender.addLane(lane()), offset, length, SSRC, 0, 1, false, 96, 1);
    expect(sender.send(arena, ops)).toBe(1);
  });

  it('sends nothing after close', () => {
    const id = sender.addLane(lane());
    sender.close();
    const arena = new PacketArena(4096);
    const [offset, length] = template(arena, 'media');
    const ops = new SendOps();
    ops.push(id, offset, length, SSRC, 0, 1, false, 96, 1);
    expect(sender.send(arena, ops)).toBe(0);
    expect(() => sender.addLane(lane())).toThrow(/closed/);
  });
});
