/**
 * An independent sender: what FFmpeg's encoders make and its RTP packetisers send over real UDP comes out of our
 * depacketisers as it was.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { createDepacketiser } from '../depacketiser.ts';
import {
  av,
  check,
  configureAudio,
  configureVideo,
  constants,
  encode,
  FRAMES,
  findPortPair,
  nalUnits,
  OPUS_OPTIONS,
  picture,
  sound,
} from '../ffmpeg.testing.ts';
import { parseRtp, RtpHeader } from '../packet.ts';
import { timestampDelta } from '../timestamp.ts';

type Options = Record<string, string>;
type Configure = Parameters<typeof encode>[2];
type MakeFrame = Parameters<typeof encode>[3];

/** The frames of an encoder, and the payloads that FFmpeg sends of them by timestamp. */
async function send(encoder: string, options: Options, configure: Configure, makeFrame: MakeFrame) {
  const port = await findPortPair();
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 }).bind(port, '127.0.0.1');
  await once(socket, 'listening');
  const packets: Buffer[] = [];
  socket.on('message', (packet) => packets.push(packet));
  const output = new av.FormatContext();
  const io = new av.IOContext();
  try {
    check(output.allocOutputContext2(null, 'rtp', `rtp://127.0.0.1:${port}`), 'allocOutputContext2');
    check(await io.open2(`rtp://127.0.0.1:${port}?pkt_size=1200`, constants.AVIO_FLAG_WRITE), 'open2');
    output.pb = io;
    // Some of its packetisers are new.
    output.strictStdCompliance = -2;
    const stream = output.newStream(null);
    let begun = false;
    const frames = await encode(encoder, options, configure, makeFrame, FRAMES, 1, (packet, context) => {
      if (!begun) {
        begun = true;
        stream.timeBase = context.timeBase;
        check(stream.codecpar.fromContext(context), 'fromContext');
        check(output.writeHeaderSync(null), 'writeHeader');
      }
      const copy = packet.clone()!;
      copy.streamIndex = 0;
      copy.rescaleTs(context.timeBase, stream.timeBase);
      check(output.writeFrameSync(copy), 'writeFrame');
      copy.free();
    });
    check(output.writeTrailerSync(), 'writeTrailer');
    await expect.poll(() => arranged(packets).length, { timeout: 5000 }).toBe(frames.length);
    return { frames, received: arranged(packets) };
  } finally {
    output.pb = null;
    await io.closep();
    output.freeContext();
    socket.close();
  }
}

/** Payloads by timestamp, those frames alone that end in a packet with a marker; sound has none. */
function arranged(packets: readonly Buffer[]): { payloads: Uint8Array[]; ended: boolean }[] {
  const header = new RtpHeader();
  const frames: { timestamp: number; payloads: Uint8Array[]; ended: boolean }[] = [];
  for (const packet of packets) {
    if (!parseRtp(packet, header)) throw new Error('FFmpeg sent something else than RTP');
    let frame = frames.at(-1);
    if (!frame || timestampDelta(header.timestamp, frame.timestamp) !== 0) {
      frame = { timestamp: header.timestamp, payloads: [], ended: false };
      frames.push(frame);
    }
    frame.payloads.push(packet.subarray(header.payloadOffset, header.payloadOffset + header.payloadLength));
    frame.ended ||= header.marker;
  }
  return frames;
}

/** AV1 without its temporal delimiter. */
const withoutDelimiter = (data: Uint8Array): Uint8Array => (data[0] === 0x12 && data[1] === 0 ? data.subarray(2) : data);

describe('what FFmpeg sends', () => {
  it.each([
    ['VP8', 'libvpx', { deadline: 'realtime', 'cpu-used': '8' }],
    ['VP9', 'libvpx-vp9', { deadline: 'realtime', 'cpu-used': '8', 'lag-in-frames': '0' }],
    ['AV1', 'libsvtav1', { preset: '12', 'svtav1-params': 'pred-struct=1:rc=2:lp=1' }],
  ] as const)('%s: every frame, byte for byte', async (codec, encoder, options) => {
    const { frames, received } = await send(encoder, options, configureVideo, picture());
    const depacketiser = createDepacketiser(codec);
    expect(Math.max(...received.map(({ payloads }) => payloads.length))).toBeGreaterThan(3);
    const whole = received.map(({ payloads }) => depacketiser.assemble(payloads));
    expect(whole.map((data) => data && Buffer.from(data).toString('base64'))).toEqual(
      frames.map(({ data }) => Buffer.from(withoutDelimiter(data)).toString('base64')),
    );
    expect(received.every(({ ended }) => ended)).toBe(true);
    const keyframes = received.map(({ payloads }) => payloads.some((payload) => depacketiser.inspect(payload)?.keyframe));
    expect(keyframes).toEqual(frames.map(({ keyframe }) => keyframe));
    if (codec !== 'AV1') {
      for (const { payloads } of received) {
        expect(payloads.map((payload) => depacketiser.inspect(payload)!.begins)).toEqual(payloads.map((_, i) => i === 0));
      }
    }
  });

  it.each([
    ['H264', 'libx264', { preset: 'ultrafast', tune: 'zerolatency', 'x264-params': 'slices=3' }],
    ['H265', 'libx265', { preset: 'ultrafast', tune: 'zerolatency', 'x265-params': 'log-level=none:pools=1' }],
  ] as const)('%s: every NAL unit', async (codec, encoder, options) => {
    const { frames, received } = await send(encoder, options, configureVideo, picture());
    const depacketiser = createDepacketiser(codec);
    const whole = received.map(({ payloads }) => depacketiser.assemble(payloads)!);
    expect(whole.map((data) => nalUnits(data))).toEqual(frames.map(({ data }) => nalUnits(data)));
    const keyframes = received.map(({ payloads }) => payloads.some((payload) => depacketiser.inspect(payload)?.keyframe));
    expect(keyframes).toEqual(frames.map(({ keyframe }) => keyframe));
  });

  it('Opus: every packet', async () => {
    const { frames, received } = await send('libopus', OPUS_OPTIONS, configureAudio, sound());
    const depacketiser = createDepacketiser('OPUS');
    expect(received.map(({ payloads }) => depacketiser.assemble(payloads))).toEqual(frames.map(({ data }) => data));
  });
});
