/** A small RTSP server for tests and benchmarks: plays packets over and over, in real time, interleaved or over UDP. */
import { createHash, randomBytes } from 'node:crypto';
import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';

export interface ServedStream {
  readonly kind: 'video' | 'audio';
  /** Lines of the session description behind the m-line, `a=rtpmap` first; payload type 96 + index. */
  readonly attributes: (payloadType: number) => readonly string[];
  /** Hz. */
  readonly clockRate: number;
  /** What is played over and over. Times in s. */
  readonly frames: readonly { readonly data: Uint8Array; readonly time: number }[];
  /** RTP payloads of a frame. */
  readonly payloads: (data: Uint8Array) => readonly Uint8Array[];
  /** s */
  readonly duration: number;
}

export interface RtspServerOptions {
  readonly streams: readonly ServedStream[];
  readonly port?: number;
  /** Speaks TLS with this certificate. */
  readonly tls?: { readonly cert: string | Buffer; readonly key: string | Buffer };
  readonly credentials?: { readonly username: string; readonly password: string };
  /** What every frame becomes before it is sent. */
  readonly stamp?: (stream: ServedStream, data: Uint8Array) => Uint8Array;
}

export interface RtspServer {
  readonly port: number;
  /** Requests that came, as `METHOD`. */
  readonly requests: readonly string[];
  /** Frames of the first stream that were sent: when, ms of `performance.timeOrigin` clock. */
  readonly sent: readonly number[];
  /** Sends nothing until resumed. */
  pause(): void;
  resume(): void;
  close(): Promise<void>;
}

const NONCE = randomBytes(8).toString('hex');

export async function startRtspServer(options: RtspServerOptions): Promise<RtspServer> {
  const { streams, credentials } = options;
  const requests: string[] = [];
  const sent: number[] = [];
  const sockets = new Set<net.Socket>();
  let paused = false;
  const serve = (socket: net.Socket): void => {
    sockets.add(socket);
    socket.setNoDelay(true);
    const outlets: ((packet: Buffer, index: number) => void)[] = [];
    const udp = dgram.createSocket('udp4');
    let timer: NodeJS.Timeout | undefined;
    const end = (): void => {
      clearTimeout(timer);
      if (sockets.delete(socket)) udp.close();
    };
    socket.on('close', end);
    socket.on('error', () => {});
    let pending = '';
    socket.on('data', (bytes) => {
      pending += bytes.toString('latin1');
      for (let at = pending.indexOf('\r\n\r\n'); at >= 0; at = pending.indexOf('\r\n\r\n')) {
        const request = pending.slice(0, at);
        pending = pending.slice(at + 4);
        answer(request);
      }
    });
    const answer = (request: string): void => {
      const [method = '', uri = ''] = request.split(' ');
      requests.push(method);
      const header = (name: string): string | undefined => new RegExp(`^${name}: *(.*?)\\r?$`, 'im').exec(request)?.[1];
      const reply = (status: string, headers: Record<string, string> = {}, body = ''): void => {
        const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
        socket.write(`RTSP/1.0 ${status}\r\nCSeq: ${header('CSeq')}\r\n${lines.join('')}\r\n${body}`);
      };
      if (credentials && !isAuthorized(header('Authorization'), method, credentials)) {
        reply('401 Unauthorized', { 'WWW-Authenticate': `Digest realm="test", nonce="${NONCE}"` });
        return;
      }
      switch (method) {
        case 'DESCRIBE': {
          const body = describeStreams(streams);
          reply(
            '200 OK',
            { 'Content-Base': `${uri}/`, 'Content-Type': 'application/sdp', 'Content-Length': `${body.length}` },
            body,
          );
          return;
        }
        case 'SETUP': {
          const index = Number(/track(\d+)$/.exec(uri)![1]);
          const transport = header('Transport')!;
          const port = Number(/client_port=(\d+)/.exec(transport)?.[1]);
          const channel = Number(/interleaved=(\d+)/.exec(transport)?.[1]);
          outlets[index] = port
            ? (packet) => udp.send(packet, port, '127.0.0.1')
            : (packet) =>
                socket.write(Buffer.concat([Buffer.from([0x24, channel, packet.length >> 8, packet.length & 0xff]), packet]));
          reply('200 OK', {
            Transport: port ? `${transport};server_port=5000-5001` : transport,
            Session: 'abc;timeout=60',
          });
          return;
        }
        case 'PLAY': {
          const info = outlets.map((_, index) => `url=${uri}track${index};seq=1;rtptime=${origin(index)}`).join(',');
          reply('200 OK', { Session: 'abc', 'RTP-Info': info });
          play();
          return;
        }
        case 'TEARDOWN':
          reply('200 OK');
          return void socket.end();
        default:
          reply('200 OK', { Session: 'abc' });
          return;
      }
    };
    const play = (): void => {
      const started = performance.now();
      const next = streams.map(() => ({ frame: 0, round: 0, sequence: 0 }));
      const step = (): void => {
        let wait = 1000;
        for (const [index, stream] of streams.entries()) {
          const place = next[index]!;
          for (;;) {
            const frame = stream.frames[place.frame]!;
            const time = frame.time + place.round * stream.duration;
            const due = started + time * 1000;
            if (due > performance.now()) {
              wait = Math.min(wait, due - performance.now());
              break;
            }
            if (!paused && outlets[index]) {
              if (index === 0) sent.push(performance.timeOrigin + performance.now());
              const payloads = stream.payloads(options.stamp ? options.stamp(stream, frame.data) : frame.data);
              // A frame at once, as a camera's network card would.
              socket.cork();
              for (const [i, payload] of payloads.entries()) {
                const timestamp = (origin(index) + Math.round(time * stream.clockRate)) >>> 0;
                outlets[index]!(rtp(96 + index, ++place.sequence, timestamp, i === payloads.length - 1, payload), index);
              }
              socket.uncork();
            }
            if (++place.frame === stream.frames.length) {
              place.frame = 0;
              place.round++;
            }
          }
        }
        timer = setTimeout(step, Math.max(1, wait));
      };
      step();
    };
  };
  const server = options.tls ? tls.createServer(options.tls, serve) : net.createServer(serve);
  server.on('tlsClientError', () => {});
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as net.AddressInfo).port,
    requests,
    sent,
    pause: () => {
      paused = true;
    },
    resume: () => {
      paused = false;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Each stream's timestamps begin elsewhere. */
const origin = (index: number): number => 0xffff_0000 + index * 12_345;

function rtp(payloadType: number, sequence: number, timestamp: number, marker: boolean, payload: Uint8Array): Buffer {
  const packet = Buffer.alloc(12 + payload.length);
  packet[0] = 0x80;
  packet[1] = payloadType | (marker ? 0x80 : 0);
  packet.writeUInt16BE(sequence & 0xffff, 2);
  packet.writeUInt32BE(timestamp, 4);
  packet.writeUInt32BE(payloadType, 8);
  packet.set(payload, 12);
  return packet;
}

function describeStreams(streams: readonly ServedStream[]): string {
  const media = streams.flatMap(({ kind, attributes }, index) => [
    `m=${kind} 0 RTP/AVP ${96 + index}`,
    ...attributes(96 + index),
    `a=control:track${index}`,
  ]);
  return `${['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=test', 't=0 0', 'a=control:*', ...media].join('\r\n')}\r\n`;
}

function isAuthorized(
  given: string | undefined,
  method: string,
  { username, password }: { username: string; password: string },
): boolean {
  const field = (name: string): string => new RegExp(`${name}="([^"]*)"`).exec(given ?? '')?.[1] ?? '';
  const md5 = (text: string): string => createHash('md5').update(text).digest('hex');
  const expected = md5(`${md5(`${username}:test:${password}`)}:${NONCE}:${md5(`${method}:${field('uri')}`)}`);
  return field('username') === username && field('response') === expected;
}

const MOST = 1200;
const START_CODE = Buffer.from([0, 0, 1]);

/** H.264 (Annex B) as single NAL units and FU-As. */
export function h264Payloads(data: Uint8Array): Uint8Array[] {
  const units: Uint8Array[] = [];
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  for (let at = bytes.indexOf(START_CODE); at >= 0; ) {
    const next = bytes.indexOf(START_CODE, at + START_CODE.length);
    const end = next < 0 ? bytes.length : bytes[next - 1] === 0 ? next - 1 : next;
    units.push(bytes.subarray(at + START_CODE.length, end));
    at = next;
  }
  return units.flatMap((unit) => {
    if (unit.length <= MOST) return [unit];
    const pieces: Uint8Array[] = [];
    for (let at = 1; at < unit.length; at += MOST) {
      const flags = (at === 1 ? 0x80 : 0) | (at + MOST >= unit.length ? 0x40 : 0);
      const head = [(unit[0]! & 0xe0) | 28, flags | (unit[0]! & 0x1f)];
      pieces.push(Buffer.concat([Buffer.from(head), unit.subarray(at, at + MOST)]));
    }
    return pieces;
  });
}

/** AAC, one access unit a packet (RFC 3640, AAC-hbr). */
export function aacPayloads(data: Uint8Array): Uint8Array[] {
  return [Buffer.concat([Buffer.from([0, 16, data.length >> 5, (data.length << 3) & 0xff]), data])];
}
