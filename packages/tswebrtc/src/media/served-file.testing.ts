/** A media file as an RTSP server plays it, for tests. */
import { aacPayloads, h264Payloads, type ServedStream } from './rtsp-server.testing.ts';

/** The streams of a file made by make-test-file.testing.ts (H264 and AAC or Opus), and its frames. */
export async function servedStreamsOf(path: string): Promise<ServedStream[]> {
  (await import('./worker/with-resolvers.ts')).addWithResolvers();
  const av = await import('node-av/lib');
  const { AVMEDIA_TYPE_VIDEO, AV_CODEC_ID_OPUS } = await import('node-av/constants');
  const file = new av.FormatContext();
  av.FFmpegError.throwIfError(await file.openInput(path));
  const filter = new av.BitStreamFilterContext();
  filter.alloc(av.BitStreamFilter.getByName('h264_mp4toannexb')!);
  const frames: { data: Uint8Array; time: number }[][] = file.streams.map(() => []);
  for (const { codecpar, timeBase } of file.streams) {
    if (codecpar.codecType !== AVMEDIA_TYPE_VIDEO) continue;
    codecpar.copy(filter.inputCodecParameters!);
    filter.inputTimeBase = timeBase;
    filter.init();
  }
  const packet = new av.Packet();
  packet.alloc();
  while ((await file.readFrame(packet)) >= 0) {
    const { num, den } = file.streams[packet.streamIndex]!.timeBase;
    const time = Math.max(0, (Number(packet.pts) * num) / den);
    if (file.streams[packet.streamIndex]!.codecpar.codecType === AVMEDIA_TYPE_VIDEO) {
      filter.sendPacketSync(packet);
      filter.receivePacketSync(packet);
    }
    frames[packet.streamIndex]!.push({ data: Uint8Array.from(packet.data!), time });
    packet.unref();
  }
  packet.free();
  filter.free();
  const duration = Math.max(...frames[0]!.map(({ time }) => time)) + 1 / 30;
  const streams = file.streams.map(({ codecpar }, index): ServedStream => {
    const of = { duration, frames: frames[index]! };
    if (codecpar.codecType === AVMEDIA_TYPE_VIDEO) {
      const attributes = (type: number): string[] => [`a=rtpmap:${type} H264/90000`, `a=fmtp:${type} packetization-mode=1`];
      return { ...of, kind: 'video', clockRate: 90_000, payloads: h264Payloads, attributes };
    }
    const rate = codecpar.sampleRate;
    if (codecpar.codecId === AV_CODEC_ID_OPUS) {
      const attributes = (type: number): string[] => [`a=rtpmap:${type} opus/48000/2`];
      return { ...of, kind: 'audio', clockRate: 48_000, payloads: (data) => [data], attributes };
    }
    const config = Buffer.from(codecpar.extradata!).subarray(0, 2).toString('hex');
    const fmtp = `streamtype=5;profile-level-id=1;mode=AAC-hbr;config=${config};sizelength=13;indexlength=3;indexdeltalength=3`;
    const attributes = (type: number): string[] => [`a=rtpmap:${type} MPEG4-GENERIC/${rate}/2`, `a=fmtp:${type} ${fmtp}`];
    return { ...of, kind: 'audio', clockRate: rate, payloads: aacPayloads, attributes };
  });
  await file.closeInput();
  return streams;
}
