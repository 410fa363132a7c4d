/** The stream of an H264 camera of 720p30, for RTSP servers of our own. */
import { loadMediaEngine } from 'tswebrtc';
import { h264Payloads, type ServedStream } from '../packages/tswebrtc/src/media/rtsp-server.testing.ts';

export const FRAMERATE = 30;
/** Frames between two keyframes. */
export const GROUP = 60;
/** bit/s */
const BITRATE = 2_000_000;

/** Two seconds of a moving picture, as a camera would encode them. */
export async function filmCamera(): Promise<ServedStream> {
  const engine = await loadMediaEngine();
  const input = await engine.openInput({ type: 'testsrc', pattern: 'smpte', width: 1280, height: 720, framerate: FRAMERATE });
  const encoding = await engine.openEncoding(input.tracks[0]!, { codec: 'H264', bitrate: BITRATE });
  const frames: { data: Uint8Array; time: number }[] = [];
  await new Promise<void>((resolve) => {
    encoding.on('frame', (frame) => {
      if (frames.length < GROUP) frames.push({ data: Uint8Array.from(frame.data), time: frames.length / FRAMERATE });
      frame.release();
      if (frames.length === GROUP) resolve();
    });
    input.start();
  });
  await engine.close();
  return {
    kind: 'video',
    clockRate: 90_000,
    duration: GROUP / FRAMERATE,
    frames,
    payloads: h264Payloads,
    attributes: (type) => [`a=rtpmap:${type} H264/90000`, `a=fmtp:${type} packetization-mode=1`],
  };
}
