import { createSocket } from 'node:dgram';
import { afterEach, describe, expect, it } from 'vitest';
import type { Address } from './datagram-port.ts';
import { UdpPort } from './udp-port.ts';

const cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  await Promise.all(cleanUp.splice(0).map((free) => free()));
});

async function bind(): Promise<UdpPort> {
  const port = await UdpPort.bind('127.0.0.1');
  cleanUp.push(() => port.close());
  return port;
}

describe('a UDP port', () => {
  it('tells senders apart', async () => {
    const receiver = await bind();
    const senders = [await bind(), await bind()];
    const got: [string, Address][] = [];
    const all = new Promise<void>((resolve) => {
      receiver.onData = (datagram, from) => {
        got.push([datagram.toString(), from]);
        if (got.length === 6) resolve();
      };
    });
    for (let i = 0; i < 6; i++) {
      await senders[i % 2]!.send(Buffer.from(`from ${i % 2}`), ['127.0.0.1', receiver.address.port]);
    }
    await all;
    for (const [text, from] of got) expect(from).toEqual(['127.0.0.1', senders[Number(text.at(-1))]!.address.port]);
  });

  it('neither throws nor dies when the system refuses to send', async () => {
    const port = await bind();
    const gone = createSocket('udp4');
    await new Promise<void>((resolve) => gone.bind(0, '127.0.0.1', resolve));
    const { port: unheard } = gone.address();
    await new Promise<void>((resolve) => gone.close(() => resolve()));
    for (let i = 0; i < 10; i++) {
      await port.send(Buffer.from('x'), ['255.255.255.255', 9]);
      await port.send(Buffer.from('x'), ['127.0.0.1', unheard]);
      await port.send(Buffer.alloc(70_000), ['127.0.0.1', unheard]);
      await port.send(Buffer.from('x'), ['not an address', 9]);
    }
    const other = await bind();
    const got = new Promise((resolve) => {
      other.onData = (datagram) => resolve(datagram.toString());
    });
    await port.send(Buffer.from('still here'), ['127.0.0.1', other.address.port]);
    expect(await got).toBe('still here');
  });

  it('closes once, also when the system has closed it before', async () => {
    const [port, taken] = [await bind(), await bind()];
    await Promise.all([port.close(), port.close()]);
    await port.send(Buffer.from('x'), ['127.0.0.1', 9]);
    await new Promise<void>((resolve) => taken.socket.close(() => resolve()));
    await taken.close();
    expect([port.closed, taken.closed]).toEqual([true, true]);
  });
});
