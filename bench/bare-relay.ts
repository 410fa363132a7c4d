/**
 * The least that passing a stream on can take in Node: a thread reads a frame and tells the main thread, which sends a datagram. Run as a
 * process of its own; no codec, no encryption, no feedback.
 */
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { cpuTime, serve } from './child.ts';

const DATAGRAM = Buffer.alloc(1200);
/** RFC 863: nobody answers. */
const DISCARD = 9;

if (isMainThread) {
  const socket = createSocket('udp4');
  serve({
    /** Begins to read from a TCP port of this machine. */
    read: (port: number) => {
      const worker = new Worker(new URL(import.meta.url), { workerData: port });
      worker.on('message', () => socket.send(DATAGRAM, DISCARD, '127.0.0.1'));
    },
    used: cpuTime,
  });
} else {
  connect({
    host: '127.0.0.1',
    port: workerData as number,
    onread: {
      buffer: Buffer.alloc(65_536),
      callback: (length) => {
        parentPort!.postMessage({ position: 0, length, timestamp: performance.now(), keyframe: false });
        return true;
      },
    },
  });
}
