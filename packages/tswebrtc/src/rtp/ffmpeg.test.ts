/**
 * An independent receiver: what FFmpeg's encoders make goes through our packetisers and a session's stream over real UDP
 * into FFmpeg's RTP depacketisers and decoders, and must come out as it was.
 */
import { createSocket, type Socket } from 'node:dgram';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Packet } from 'node-av';
import { describe, expect, it } from 'vitest';
import {
  av,
  check,
  configureAudio,
  configureVideo,
  encode,
  FRAME_TICKS,
  FRAMES,
  findPortPair,
  nalUnits,
  OPUS_OPTIONS,
  picture,
  sound,
  VIDEO_ENCODERS,
} from './ffmpeg.testing.ts';
import { type RenderedPacket, random, renderAll } from './ops.testing.ts';
import { OutboundStream } from './outbound-stream.ts';
import { PacketArena } from './packet-arena.ts';
import { createPacketiser, type EncodedFrameInput } from './packetiser.ts';
import { writeRtcp } from './rtcp/rtcp.ts';
import { SendOps } from './send-ops.ts';

/** What FFmpeg made of a stream. */
interface Received {
  readonly packets: { readonly data: Uint8Array; readonly pts: number }[];
  decodedFrames: number;
}

/**
 * Sends `frames` as a session would to an FFmpeg that knows only `rtpmap` and `fmtp`, a few frames ahead of what it has
 * read; ends with a BYE.
 */
async function roundTrip(
  codecName: string,
  kind: 'video' | 'audio',
  rtpmap: string,
  fmtp: string | undefined,
  frames: readonly EncodedFrameInput[],
): Promise<Received> {
  const folder = await mkdtemp(join(tmpdir(), 'tswebrtc-rtp-'));
  const socket = createSocket('udp4');
  const input = new av.FormatContext();
  try {
    const port = await findPortPair();
    const description = [
      'v=0',
      'o=- 1 1 IN IP4 127.0.0.1',
      's=-',
      'c=IN IP4 127.0.0.1',
      't=0 0',
      `m=${kind} ${port} RTP/AVP 96`,
      `a=rtpmap:96 ${rtpmap}`,
      ...(fmtp ? [`a=fmtp:96 ${fmtp}`] : []),
      '',
    ].join('\r\n');
    const file = join(folder, 'stream.sdp');
    await writeFile(file, description);
    input.allocContext();
    const options = av.Dictionary.fromObject({ protocol_whitelist: 'file,udp,rtp' });
    check(await input.openInput(file, null, options), 'openInput');
    const progress = { read: 0, wake: () => {} };
    const sending = send(socket, port, codecName, frames, progress);
    const received = await receive(input, frames.length, progress);
    await sending;
    return received;
  } finally {
    await input.closeInput();
    socket.close();
    await rm(folder, { recursive: true });
  }
}

async function send(
  socket: Socket,
  port: number,
  codecName: string,
  frames: readonly EncodedFrameInput[],
  progress: { read: number; wake: () => void },
): Promise<void> {
  const arena = new PacketArena(1 << 20);
  const ops = new SendOps();
  const packetiser = createPacketiser(codecName);
  const stream = new OutboundStream({
    ssrc: 0xdeadbeef,
    payloadType: 96,
    clockRate: packetiser.clockRate,
    extensions: { transportCc: 1, absSendTime: 3 },
    // Both wrap on the way.
    initialSequenceNumber: 65_530,
    initialRtxSequenceNumber: 0,
    timestampOffset: 0xffff_0000,
    initialPictureId: 0x7ff0,
  });
  const datagram = (data: Uint8Array, to: number): Promise<void> =>
    new Promise((resolve, reject) => {
      socket.send(data, to, '127.0.0.1', (error) => (error ? reject(error) : resolve()));
    });
  let transportSequenceNumber = 65_000;
  const until = async (read: number): Promise<void> => {
    while (progress.read < read) await new Promise<void>((resolve) => (progress.wake = resolve));
  };
  // FFmpeg's parser gives a frame out when it sees the next one: so there is one more than is looked at.
  const last = frames.at(-1)!;
  for (const [i, frame] of [...frames, { ...last, timestamp: last.timestamp + 40_000 }].entries()) {
    // A window of a few frames cannot overflow any buffer.
    await until(i - 4);
    const packetised = packetiser.packetise(frame, arena)!;
    for (let k = 0; k < packetised.count; k++) {
      stream.writePacket(ops, 0, arena, packetised, k, frame.timestamp / 1000, transportSequenceNumber++ & 0xffff);
    }
    for (const packet of renderAll(arena, ops)) {
      await datagram(codecName === 'VP9' ? withoutTl0PictureIndex(packet) : packet.bytes, port);
    }
  }
  // FFmpeg reads RTCP first: a BYE must not overtake the media.
  await until(frames.length);
  const report = stream.senderReport(0, frames.at(-1)!.captureTime)!;
  const description = { type: 'sdes', chunks: [{ ssrc: stream.ssrc, cname: 'test' }] } as const;
  await datagram(writeRtcp([report, description, { type: 'bye', ssrcs: [stream.ssrc] }]), port + 1);
}

/** FFmpeg reads VP9 as it was before TL0PICIDX, which is the fifth byte, came into it. */
function withoutTl0PictureIndex({ bytes, payload }: RenderedPacket): Uint8Array {
  const at = payload.byteOffset - bytes.byteOffset + 4;
  return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]);
}

/** Reads to the end, and keeps and decodes the first `count` packets. */
async function receive(
  input: import('node-av').FormatContext,
  count: number,
  progress: { read: number; wake: () => void },
): Promise<Received> {
  const parameters = input.streams[0]!.codecpar;
  const codec = av.Codec.findDecoder(parameters.codecId)!;
  const decoder = new av.CodecContext();
  decoder.allocContext3(codec);
  check(decoder.parametersToContext(parameters), 'parametersToContext');
  decoder.threadCount = 1;
  check(await decoder.open2(codec, null), 'open decoder');
  const received: Received = { packets: [], decodedFrames: 0 };
  const frame = new av.Frame();
  frame.alloc();
  const decode = (packet: Packet | null): void => {
    check(decoder.sendPacketSync(packet), 'sendPacket');
    while (decoder.receiveFrameSync(frame) >= 0) {
      received.decodedFrames++;
      frame.unref();
    }
  };
  const packet = new av.Packet();
  packet.alloc();
  while ((await input.readFrame(packet)) >= 0) {
    if (progress.read++ < count) {
      received.packets.push({ data: Uint8Array.from(packet.data!), pts: Number(packet.pts) });
      decode(packet);
    }
    packet.unref();
    progress.wake();
  }
  decode(null);
  packet.free();
  frame.free();
  decoder.freeContext();
  return received;
}

const steps = (values: readonly number[]): number[] => values.slice(1).map((value, i) => value - values[i]!);

describe('FFmpeg as receiver', () => {
  for (const [name, options] of [
    ['one slice a frame', {}],
    ['many small slices and access unit delimiters', { 'x264-params': 'slices=12:aud=1' }],
  ] as const) {
    it(`gets every H.264 access unit, ${name}`, async () => {
      const frames = await encode(
        'libx264',
        { preset: 'ultrafast', tune: 'zerolatency', profile: 'baseline', ...options },
        configureVideo,
        picture(),
        FRAMES,
        1000 / 90,
      );
      const { packets, decodedFrames } = await roundTrip('H264', 'video', 'H264/90000', 'packetization-mode=1', frames);
      expect(Math.max(...frames.map((frame) => frame.data.length))).toBeGreaterThan(3 * 1200);
      expect(packets.map((packet) => nalUnits(packet.data))).toEqual(frames.map((frame) => nalUnits(frame.data)));
      // FFmpeg gives the first access unit of H.264 over RTP no time.
      expect(new Set(steps(packets.slice(1).map((packet) => packet.pts)))).toEqual(new Set([FRAME_TICKS]));
      expect(decodedFrames).toBe(FRAMES);
    });
  }

  it('gets every VP8 frame, byte for byte', async () => {
    const frames = await encode(
      'libvpx',
      { deadline: 'realtime', 'cpu-used': '8' },
      configureVideo,
      picture(),
      FRAMES,
      1000 / 90,
    );
    const { packets, decodedFrames } = await roundTrip('VP8', 'video', 'VP8/90000', undefined, frames);
    expect(Math.max(...frames.map((frame) => frame.data.length))).toBeGreaterThan(3 * 1200);
    expect(packets.map((packet) => packet.data)).toEqual(frames.map((frame) => frame.data));
    expect(new Set(steps(packets.map((packet) => packet.pts)))).toEqual(new Set([FRAME_TICKS]));
    expect(decodedFrames).toBe(FRAMES);
  });

  it('gets every VP9 frame, byte for byte', async () => {
    const frames = await encode(...VIDEO_ENCODERS.VP9, configureVideo, picture(), FRAMES, 1000 / 90);
    const { packets, decodedFrames } = await roundTrip('VP9', 'video', 'VP9/90000', undefined, frames);
    expect(Math.max(...frames.map((frame) => frame.data.length))).toBeGreaterThan(3 * 1200);
    expect(packets.map((packet) => packet.data)).toEqual(frames.map((frame) => frame.data));
    expect(new Set(steps(packets.map((packet) => packet.pts)))).toEqual(new Set([FRAME_TICKS]));
    expect(decodedFrames).toBe(FRAMES);
  });

  it('gets every H.265 access unit', async () => {
    const frames = await encode(...VIDEO_ENCODERS.H265, configureVideo, picture(), FRAMES, 1000 / 90);
    const { packets, decodedFrames } = await roundTrip('H265', 'video', 'H265/90000', undefined, frames);
    expect(Math.max(...frames.map((frame) => frame.data.length))).toBeGreaterThan(3 * 1200);
    expect(packets.map((packet) => nalUnits(packet.data))).toEqual(frames.map((frame) => nalUnits(frame.data)));
    expect(decodedFrames).toBe(FRAMES);
  });

  it('gets every AV1 temporal unit', async () => {
    const frames = await encode(...VIDEO_ENCODERS.AV1, configureVideo, picture(), FRAMES, 1000 / 90);
    const { packets, decodedFrames } = await roundTrip('AV1', 'video', 'AV1/90000', undefined, frames);
    expect(Math.max(...frames.map((frame) => frame.data.length))).toBeGreaterThan(3 * 1200);
    // FFmpeg puts a temporal delimiter in front, as the encoder does.
    expect(packets.map((packet) => packet.data)).toEqual(frames.map((frame) => frame.data));
    expect(decodedFrames).toBe(FRAMES);
  });

  it.each([
    ['L16', 'L16/48000/2', 48_000, 4, 960],
    ['L24', 'L24/48000/2', 48_000, 6, 1152],
    ['PCMU', 'PCMU/8000', 8000, 1, 160],
    ['PCMA', 'PCMA/8000', 8000, 1, 160],
  ])('gets every packet of %s, byte for byte and in time', async (codec, rtpmap, rate, sampleSize, size) => {
    const samples = size / sampleSize;
    const next = random(5);
    const frames = Array.from({ length: FRAMES }, (_, i): EncodedFrameInput => {
      const [timestamp, duration] = [(i * samples * 1e6) / rate, (samples * 1e6) / rate];
      const data = Uint8Array.from({ length: size }, () => next() * 256);
      return { data, timestamp, duration, captureTime: 1.7e12 + timestamp / 1000, keyframe: true, temporalLayer: 0 };
    });
    const { packets, decodedFrames } = await roundTrip(codec, 'audio', rtpmap, undefined, frames);
    expect(packets.map(({ data }) => data)).toEqual(frames.map(({ data }) => data));
    expect(new Set(steps(packets.map(({ pts }) => pts)))).toEqual(new Set([samples]));
    expect(decodedFrames).toBe(FRAMES);
  });

  it('gets every Opus packet, byte for byte', async () => {
    const frames = await encode('libopus', OPUS_OPTIONS, configureAudio, sound(), FRAMES, 1000 / 48);
    const { packets, decodedFrames } = await roundTrip('OPUS', 'audio', 'opus/48000/2', 'sprop-stereo=1', frames);
    expect(packets.map((packet) => packet.data)).toEqual(frames.map((frame) => frame.data));
    expect(new Set(steps(packets.map((packet) => packet.pts)))).toEqual(new Set([960]));
    expect(decodedFrames).toBe(frames.length);
  });
});
