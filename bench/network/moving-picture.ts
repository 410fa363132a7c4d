/**
 * A picture that needs the bits: FFmpeg's second test picture with fine noise over it, 720p30. What moves is large, so that it
 * stays decent at 300 kbit/s, where the coarse quantiser takes the noise away; at 4 Mbit/s the noise still wants more.
 * As a file, because our producer and the Chromium that is compared with it can both play that.
 */
import type { Packet } from 'node-av/lib';
import { load } from '../tswebrtc.ts';

export const FRAMERATE = 30;
const SOURCE = `testsrc2=size=1280x720:rate=${FRAMERATE},noise=alls=9:allf=t`;
/** bit/s; well above any rate of the links, so that it adds no artefacts of its own. */
const BITRATE = 10_000_000n;

/** Writes `duration` s of it as H.264 in MP4. */
export async function makeMovingPicture(path: string, duration: number): Promise<void> {
  (await load('media/worker/with-resolvers')).addWithResolvers();
  const av = await import('node-av/lib');
  const constants = await import('node-av/constants');
  av.Log.setLevel(constants.AV_LOG_QUIET);
  const check = (result: number): void => av.FFmpegError.throwIfError(result);

  const lavfi = av.InputFormat.findInputFormat('lavfi');
  if (!lavfi) throw new Error('this build of the media library has no lavfi');
  const input = new av.FormatContext();
  check(await input.openInput(`${SOURCE},format=yuv420p`, lavfi, null));
  const [source] = input.streams!;
  const decoder = new av.CodecContext();
  decoder.allocContext3(av.Codec.findDecoder(source!.codecpar.codecId)!);
  check(decoder.parametersToContext(source!.codecpar));
  check(await decoder.open2(null, null));

  const output = new av.FormatContext();
  output.allocOutputContext2(null, null, path);
  const encoder = new av.CodecContext();
  const x264 = av.Codec.findEncoderByName('libx264' as Parameters<typeof av.Codec.findEncoderByName>[0]);
  if (!x264) throw new Error('this build of the media library has no libx264');
  encoder.allocContext3(x264);
  encoder.width = source!.codecpar.width;
  encoder.height = source!.codecpar.height;
  encoder.pixelFormat = constants.AV_PIX_FMT_YUV420P;
  encoder.timeBase = new av.Rational(1, FRAMERATE);
  encoder.framerate = new av.Rational(FRAMERATE, 1);
  encoder.bitRate = BITRATE;
  encoder.gopSize = FRAMERATE * 2;
  encoder.maxBFrames = 0;
  encoder.setFlags(constants.AV_CODEC_FLAG_GLOBAL_HEADER);
  const options = av.Dictionary.fromObject({ preset: 'ultrafast' });
  check(await encoder.open2(x264, options));
  const stream = output.newStream();
  check(stream.codecpar.fromContext(encoder));
  stream.timeBase = encoder.timeBase;
  check(await output.openOutput());
  check(await output.writeHeader());

  const raw = new av.Packet();
  const coded = new av.Packet();
  const frame = new av.Frame();
  raw.alloc();
  coded.alloc();
  frame.alloc();
  const drain = (packet: Packet): void => {
    while (encoder.receivePacketSync(packet) >= 0) {
      packet.streamIndex = stream.index;
      packet.duration = 1n;
      packet.rescaleTs(encoder.timeBase, stream.timeBase);
      check(output.interleavedWriteFrameSync(packet));
      packet.unref();
    }
  };
  for (let index = 0; index < duration * FRAMERATE; index++) {
    check(await input.readFrame(raw));
    check(decoder.sendPacketSync(raw));
    raw.unref();
    check(decoder.receiveFrameSync(frame));
    frame.pts = BigInt(index);
    frame.pictType = constants.AV_PICTURE_TYPE_NONE;
    check(encoder.sendFrameSync(frame));
    frame.unref();
    drain(coded);
  }
  check(encoder.sendFrameSync(null));
  drain(coded);
  check(await output.writeTrailer());
  await output.closeOutput();
  output.freeContext();
  await input.closeInput();
  encoder.freeContext();
  decoder.freeContext();
  for (const owned of [raw, coded, frame]) owned.free();
}
