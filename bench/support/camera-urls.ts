/** Where the cameras of `cameras.ts` are, in whichever network they run. */

export const CAMERA_PORTS = { rtsp: 9714, rtsps: 9715, rtspJpeg: 9716, httpJpeg: 9717 } as const;

export const CAMERA_URLS = {
  rtsp: `rtsp://127.0.0.1:${CAMERA_PORTS.rtsp}/`,
  rtsps: `rtsps://127.0.0.1:${CAMERA_PORTS.rtsps}/`,
  rtspJpeg: `rtsp://127.0.0.1:${CAMERA_PORTS.rtspJpeg}/`,
  httpJpeg: `http://127.0.0.1:${CAMERA_PORTS.httpJpeg}/`,
} as const;
