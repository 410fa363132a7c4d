import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { unavailableReason } from './index.ts';
import { receiver } from './sockets.testing.ts';

/** Each worker sends 30 packets under its own SSRC and then stays, or ends itself. Plain JavaScript: it runs uncompiled. */
const SENDER = `
  const { workerData, parentPort } = require('node:worker_threads');
  const { createSocket } = require('node:dgram');
  const { NativeSender } = require(workerData.addon);
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1', () => {
    const sender = new NativeSender(true, workerData.thread);
    const state = Object.getOwnPropertySymbols(socket).find((symbol) => symbol.description === 'state symbol');
    const lane = sender.addLane(0, new Uint8Array(16), new Uint8Array(12));
    sender.setDestination(lane, sender.openSocket(socket[state].handle.fd), '127.0.0.1', workerData.port);
    const template = new Uint8Array(200);
    template[0] = 0x80;
    const words = new Uint32Array(30 * 16);
    for (let i = 0; i < 30; i++) words.set([lane, 0, 200, workerData.ssrc, 0, i], i * 16);
    sender.send(template, words, 0, 30, new Uint8Array(4096), new Uint32Array(16));
    if (workerData.leaves) process.exit();
    parentPort.postMessage('sent');
  });
`;

const reason = unavailableReason();

describe.skipIf(reason)('the addon in worker threads', () => {
  it('works in several at once, and goes with them', async () => {
    const inbound = await receiver();
    const addon = new URL('../build/Release/srtp_batch.node', import.meta.url).pathname;
    for (let round = 0; round < 3; round++) {
      const workers = [0, 1, 2, 3].map((i) => {
        // A sender that sends by a thread is stopped with its worker: what it has not sent by then is lost.
        const workerData = { addon, port: inbound.port, ssrc: 4 * round + i, thread: i === 1, leaves: i === 2 };
        return { worker: new Worker(SENDER, { eval: true, workerData }), leaves: workerData.leaves };
      });
      await Promise.all(workers.map(({ worker, leaves }) => once(worker, leaves ? 'exit' : 'message')));
      await inbound.arrived(120 * (round + 1));
      await Promise.all(workers.map(({ worker }) => worker.terminate()));
    }
    const bySsrc = new Map<number, number>();
    for (const datagram of inbound.received) {
      const ssrc = datagram.readUInt32BE(8);
      bySsrc.set(ssrc, (bySsrc.get(ssrc) ?? 0) + 1);
    }
    expect([...bySsrc.values()]).toEqual(new Array(12).fill(30));
    inbound.socket.close();
  });
});
