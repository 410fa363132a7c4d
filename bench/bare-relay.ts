/**
 * The least that passing a stream on takes in Node: frames are read from a TCP connection, cut into packets, protected and sent in one call
 * for each, and reports of the viewer are read and unprotected, all in one thread. No RTSP, no codec, no feedback that anybody reads. Run as
 * a process of its own.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { cpuTime, serve } from './child.ts';
import { load } from './tswebrtc.ts';

const { createSrtpSender } = await load('connection/srtp/create-srtp-sender');
const { createSrtpTransform } = await load('connection/srtp/srtp-context');
const { PacketArena } = await load('rtp/packet-arena');
const { SendOps } = await load('rtp/send-ops');

const PROFILE = 'AEAD_AES_128_GCM';
const [KEY, SALT] = [Buffer.alloc(16, 1), Buffer.alloc(12, 2)];
const [HEADER, PAYLOAD] = [12, 1100];
const [SSRC, PAYLOAD_TYPE] = [1, 96];
/** RFC 863: nobody answers. */
const DISCARD = 9;
/** Of RTCP that tells of six packets, about. */
const REPORT = Buffer.from([0x80, 201, 0, 10, ...Buffer.alloc(40)]);

export interface Reports {
  /** Where they are taken. */
  readonly port: number;
  /** One of them. */
  readonly report: readonly number[];
}

serve({
  /** Begins to read from a TCP port of this machine. */
  read: async (port: number): Promise<Reports> => {
    const transform = createSrtpTransform(PROFILE, KEY, SALT);
    const report = Buffer.concat([REPORT, Buffer.alloc(transform.rtcpOverhead)]);
    transform.protectRtcp(report, REPORT.length, SSRC, 1);
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    socket.on('message', (message) => transform.unprotectRtcp(message, message.length, SSRC));
    const sender = await createSrtpSender();
    const destination = { socket, address: '127.0.0.1', port: DISCARD, sendDatagram: () => {} };
    const lane = sender.addLane({ profile: PROFILE, masterKey: KEY, masterSalt: SALT, ...destination });
    const arena = new PacketArena();
    const ops = new SendOps();
    let sequence = 0;
    const send = (frame: Uint8Array): void => {
      ops.clear();
      for (let at = 0; at < frame.length; at += PAYLOAD) {
        const payload = frame.subarray(at, at + PAYLOAD);
        const length = HEADER + payload.length;
        const offset = arena.offset(arena.alloc(length));
        arena.bytes[offset] = 0x80;
        arena.bytes.set(payload, offset + HEADER);
        const index = sequence++;
        const last = at + PAYLOAD >= frame.length;
        ops.push(lane, offset, length, SSRC, Math.floor(index / 0x10000), index % 0x10000, last, PAYLOAD_TYPE, index);
      }
      sender.send(arena, ops);
    };
    const buffer = Buffer.alloc(65_536);
    connect({
      host: '127.0.0.1',
      port,
      onread: {
        buffer,
        callback: (length) => {
          send(buffer.subarray(0, length));
          return true;
        },
      },
    });
    return { port: socket.address().port, report: [...report] };
  },
  used: cpuTime,
});
