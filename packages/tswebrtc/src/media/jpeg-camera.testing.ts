/** Pictures as JPEG cameras take them, for tests. */
import { addWithResolvers } from './worker/with-resolvers.ts';

export interface JpegOptions {
  /** Pixels. Default 320×240. */
  readonly width?: number;
  readonly height?: number;
  /** Luma of each picture: 0..255. A pattern is laid over it. */
  readonly lumas: readonly number[];
}

/** JPEG files with the Huffman tables that RTP presumes. */
export async function takePictures({ width = 320, height = 240, lumas }: JpegOptions): Promise<Buffer[]> {
  addWithResolvers();
  const av = await import('node-av/lib');
  const { AV_PIX_FMT_YUVJ420P, AV_CODEC_FLAG_QSCALE } = await import('node-av/constants');
  const check = (result: number): void => av.FFmpegError.throwIfError(result);
  const codec = av.Codec.findEncoderByName('mjpeg' as Parameters<typeof av.Codec.findEncoderByName>[0])!;
  const context = new av.CodecContext();
  context.allocContext3(codec);
  context.width = width;
  context.height = height;
  context.pixelFormat = AV_PIX_FMT_YUVJ420P;
  context.timeBase = new av.Rational(1, 30);
  context.setFlags(AV_CODEC_FLAG_QSCALE);
  context.globalQuality = 3 * 118;
  check(await context.open2(codec, av.Dictionary.fromObject({ huffman: 'default' })));
  const frame = new av.Frame();
  frame.alloc();
  Object.assign(frame, { width, height, format: context.pixelFormat });
  check(frame.getBuffer(0));
  const packet = new av.Packet();
  packet.alloc();
  const pictures = lumas.map((luma, index) => {
    check(frame.makeWritable());
    const [y, u, v] = frame.data!;
    for (let at = 0; at < y!.length; at++) y![at] = Math.min(255, luma + ((at * 7) % 23));
    u!.fill(90);
    v!.fill(160);
    frame.pts = BigInt(index);
    check(context.sendFrameSync(frame));
    check(context.receivePacketSync(packet));
    const picture = Buffer.from(packet.data!);
    packet.unref();
    return picture;
  });
  packet.free();
  frame.free();
  context.freeContext();
  return pictures;
}
