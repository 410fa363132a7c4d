/**
 * Cameras in the network, at ports of their own of 127.0.0.1, for as long as the parent lets them. Run as a process of its own, so that
 * they are there in a network namespace, too.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TEST_CERTIFICATE, TEST_KEY } from '../../packages/signalling-server/src/test-certificate.testing.ts';
import { jpegPayloads } from '../../packages/tswebrtc/src/media/jpeg-payloads.testing.ts';
import { startJpegServer } from '../../packages/tswebrtc/src/media/jpeg-server.testing.ts';
import { type ServedStream, startRtspServer } from '../../packages/tswebrtc/src/media/rtsp-server.testing.ts';
import { serve } from '../child.ts';
import { FRAMERATE, filmCamera } from '../film-camera.ts';
import { CAMERA_PORTS } from './camera-urls.ts';

serve({
  start: async () => {
    const film = await filmCamera();
    const pictures = takePictures();
    const jpeg: ServedStream = {
      kind: 'video',
      clockRate: 90_000,
      duration: 1,
      frames: pictures.map((data, index) => ({ data, time: index / FRAMERATE })),
      attributes: (type) => [`a=rtpmap:${type} JPEG/90000`],
      payloads: (data) => jpegPayloads(data),
    };
    await startRtspServer({ streams: [film], port: CAMERA_PORTS.rtsp });
    await startRtspServer({ streams: [film], port: CAMERA_PORTS.rtsps, tls: { cert: TEST_CERTIFICATE, key: TEST_KEY } });
    await startRtspServer({ streams: [jpeg], port: CAMERA_PORTS.rtspJpeg });
    await startJpegServer(pictures, 1000 / FRAMERATE, CAMERA_PORTS.httpJpeg);
  },
});

/** A second of JPEG files with the Huffman tables that RTP presumes (RFC 2435 §3.1.7). */
function takePictures(): Buffer[] {
  const directory = mkdtempSync(join(tmpdir(), 'tswebrtc-camera-'));
  try {
    const source = ['-f', 'lavfi', '-i', `testsrc2=size=1280x720:rate=${FRAMERATE}`, '-frames:v', String(FRAMERATE)];
    const jpeg = ['-c:v', 'mjpeg', '-huffman', 'default', '-pix_fmt', 'yuvj420p', '-q:v', '8'];
    execFileSync('ffmpeg', ['-loglevel', 'error', ...source, ...jpeg, join(directory, '%02d.jpg')]);
    const files = readdirSync(directory).sort();
    return files.map((file) => readFileSync(join(directory, file)));
  } finally {
    rmSync(directory, { recursive: true });
  }
}
