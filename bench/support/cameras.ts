/**
 * Cameras in the network, at ports of their own of 127.0.0.1, for as long as the parent lets them. Run as a process of its own, so that
 * they are there in a network namespace, too.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TEST_CERTIFICATE, TEST_KEY } from '../../packages/signalling-server/src/test-certificate.testing.ts';
import { jpegPayloads } from '../../packages/tswebrtc/src/media/jpeg-payloads.testing.ts';
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
    await serveJpegs(pictures, CAMERA_PORTS.httpJpeg);
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

/** `multipart/x-mixed-replace`, as cameras show themselves to browsers. */
function serveJpegs(pictures: readonly Buffer[], port: number): Promise<void> {
  const server = createServer((_, response) => {
    response.writeHead(200, { 'Content-Type': 'multipart/x-mixed-replace; boundary=frame' });
    let index = 0;
    const timer = setInterval(() => {
      const picture = pictures[index++ % pictures.length]!;
      response.write(`--frame\r\nContent-Type: image/jpeg\r\nContent-Length: ${picture.length}\r\n\r\n`);
      response.write(picture);
      response.write('\r\n');
    }, 1000 / FRAMERATE);
    response.once('close', () => clearInterval(timer));
  });
  return new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
}
