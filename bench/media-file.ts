/** Times of the frames in a media file, s, by track: read by FFmpeg. */
import type { Packet } from 'node-av/lib';
import { load } from './tswebrtc.ts';

export async function framesOf(path: string): Promise<number[][]> {
  (await load('media/worker/with-resolvers')).addWithResolvers();
  const av = await import('node-av/lib');
  const file = new av.FormatContext();
  av.FFmpegError.throwIfError(await file.openInput(path), `open ${path}`);
  av.FFmpegError.throwIfError(await file.findStreamInfo(), `understand ${path}`);
  const ticks = file.streams.map(({ timeBase }) => timeBase.num / timeBase.den);
  const times: number[][] = ticks.map(() => []);
  const packet: Packet = new av.Packet();
  packet.alloc();
  while ((await file.readFrame(packet)) >= 0) {
    times[packet.streamIndex]!.push(Number(packet.pts) * ticks[packet.streamIndex]!);
    packet.unref();
  }
  packet.free();
  await file.closeInput();
  return times;
}
