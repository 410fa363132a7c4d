/** What is tried: inputs, codecs and packets passed on as they are. */
import { execFile, spawn } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CAMERA_URLS } from './camera-urls.ts';

export interface Row {
  readonly section: 'Inputs' | 'Video codecs' | 'Sound' | 'Passed on as they are';
  readonly name: string;
  /** Arguments of `tswebrtc sink`, or the program that is the producer. */
  readonly sink?: readonly string[];
  readonly program?: readonly string[];
  /** What has to arrive. */
  readonly video?: { readonly codec: string; readonly rate: number };
  readonly audio?: { readonly codec: string };
  /** Whom it is tried with; default: everybody. */
  readonly consumers?: readonly string[];
  /** Makes what it needs; what comes back does away with what still runs of that. */
  prepare?(): Promise<(() => void) | undefined>;
}

const run = promisify(execFile);
const PICTURE = 'testsrc:width=1280,height=720,framerate=30';
const DISPLAY = ':97';
const SMALL = 'testsrc:width=320,height=180,framerate=30';

/** `directory`: for the files that are made, which are also at the URL `served`. The cameras run. */
export function allRows(directory: string, served: string): Row[] {
  const film = (name: string): string => join(directory, name);
  const make =
    (name: string, ...codecs: string[]) =>
    async (): Promise<undefined> => {
      const source = ['-f', 'lavfi', '-i', 'testsrc2=size=1280x720:rate=30', '-f', 'lavfi', '-i', 'sine=frequency=440'];
      await run('ffmpeg', ['-y', '-loglevel', 'error', ...source, '-t', '10', '-pix_fmt', 'yuv420p', ...codecs, film(name)]);
    };
  /** Lets a program run beside the sink. */
  const beside =
    (...[program, ...args]: [string, ...string[]]) =>
    async (): Promise<() => void> => {
      const child = spawn(program, args, { stdio: 'ignore' });
      await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
      // What is not there yet, a display or a playlist, soon is.
      await new Promise((resolve) => setTimeout(resolve, 3000));
      return () => child.kill('SIGTERM');
    };
  const picture = ['-loglevel', 'error', '-re', '-f', 'lavfi', '-i', 'testsrc2=size=1280x720:rate=30', '-pix_fmt', 'yuv420p'];
  const x264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '0', '-g', '60', '-b:v', '2M'];
  const vp8 = ['-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8', '-g', '60', '-b:v', '2M'];
  const vp9 = ['-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8', '-lag-in-frames', '0', '-g', '60', '-b:v', '2M'];
  const x265 = ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'bframes=0:keyint=60:log-level=error', '-b:v', '2M'];
  const av1 = ['-c:v', 'libsvtav1', '-preset', '12', '-svtav1-params', 'pred-struct=1', '-g', '60', '-b:v', '2M'];
  /** Sends to who listens; calls again where nobody does yet. */
  const again = (format: string, url: string): string => {
    const words = ['ffmpeg', ...picture, ...x264, '-f', format, url].map((word) => `'${word}'`);
    return `trap 'kill $!; exit' TERM; while :; do ${words.join(' ')} & wait $!; sleep 0.2; done`;
  };
  const opus = ['-c:a', 'libopus', '-b:a', '96k', '-ac', '2'];
  const aac = ['-c:a', 'aac', '-ac', '2'];

  const input = (name: string, sink: readonly string[], more: Partial<Row> = {}): Row => ({
    section: 'Inputs',
    name,
    sink: [...sink, '--video-codecs', 'VP8'],
    video: { codec: 'VP8', rate: 30 },
    consumers: ['Chromium'],
    ...more,
  });
  const video = (codec: string): Row => ({
    section: 'Video codecs',
    name: codec,
    sink: [PICTURE, '--video-codecs', codec],
    video: { codec, rate: 30 },
  });
  const audio = (codec: string, source = 'tone'): Row => ({
    section: 'Sound',
    name: codec,
    sink: [SMALL, source, '--video-codecs', 'VP8', '--audio-codecs', codec],
    audio: { codec },
  });
  const passed = (codec: string, file: string, ...codecs: string[]): Row => ({
    section: 'Passed on as they are',
    name: `${codec} of ${file.split('.')[1]}`,
    sink: [film(file), '--loop', '--video-codecs', codec, '--passthrough', 'always'],
    video: { codec, rate: 30 },
    prepare: make(file, ...codecs),
  });
  const sound = { audio: { codec: 'OPUS' } };
  return [
    input('test picture and tone', [PICTURE, 'tone'], sound),
    input('mp4 file, H264 and AAC', [film('film.mp4'), '--loop'], { ...sound, prepare: make('film.mp4', ...x264, ...aac) }),
    input('webm file, VP8 and Opus', [film('film.webm'), '--loop'], { ...sound, prepare: make('film.webm', ...vp8, ...opus) }),
    input('mkv file, VP9 and Opus', [film('film.mkv'), '--loop'], { ...sound, prepare: make('film.mkv', ...vp9, ...opus) }),
    input('mp4 file over HTTP', [`${served}/http.mp4`, '--loop'], { ...sound, prepare: make('http.mp4', ...x264, ...aac) }),
    input('HLS', [`${served}/live.m3u8`], {
      prepare: beside(
        'ffmpeg',
        ...picture,
        ...x264,
        '-f',
        'hls',
        '-hls_time',
        '1',
        '-hls_flags',
        'delete_segments',
        film('live.m3u8'),
      ),
    }),
    input('RTSP camera with H264, over TCP', [CAMERA_URLS.rtsp]),
    input('RTSP camera with H264, over UDP', [`${CAMERA_URLS.rtsp}#transport=udp`]),
    input('RTSP camera with H264, over TLS', [`${CAMERA_URLS.rtsps}#insecure-tls`]),
    input('RTSP camera with JPEG', [CAMERA_URLS.rtspJpeg]),
    input('HTTP camera with JPEG', [CAMERA_URLS.httpJpeg]),
    input('SRT, MPEG-TS with H264', ['srt://127.0.0.1:9710#listen'], {
      prepare: beside('sh', '-c', again('mpegts', 'srt://127.0.0.1:9710')),
    }),
    input('RTMP, FLV with H264', ['rtmp://127.0.0.1:9711/live/key#listen'], {
      prepare: beside('sh', '-c', again('flv', 'rtmp://127.0.0.1:9711/live/key')),
    }),
    input('MPEG-TS with H264 over UDP', ['udp://127.0.0.1:9712'], {
      prepare: beside('ffmpeg', ...picture, ...x264, '-f', 'mpegts', 'udp://127.0.0.1:9712?pkt_size=1316'),
    }),
    input('MPEG-TS with H264 over UDP multicast', ['udp://239.255.77.77:9713?localaddr=127.0.0.1'], {
      prepare: beside(
        'ffmpeg',
        ...picture,
        ...x264,
        '-f',
        'mpegts',
        'udp://239.255.77.77:9713?pkt_size=1316&localaddr=127.0.0.1',
      ),
    }),
    input('raw pictures from a FIFO', [`pipe:path=${film('pictures')},format=rawvideo,width=1280,height=720,framerate=30`], {
      prepare: async () => {
        await run('mkfifo', [film('pictures')]);
        return beside('ffmpeg', '-y', ...picture, '-f', 'rawvideo', film('pictures'))();
      },
    }),
    input('X11 display', [`x11grab:${DISPLAY},width=1280,height=720`], {
      prepare: beside('Xvfb', DISPLAY, '-screen', '0', '1280x720x24', '-nolisten', 'tcp'),
    }),
    input('pictures and samples that the application writes', [], {
      ...sound,
      program: [process.execPath, 'examples/push-frames/main.js', '0'],
    }),
    ...['VP8', 'H264', 'VP9', 'H265', 'AV1'].map(video),
    ...['OPUS', 'L16', 'L24', 'PCMU', 'PCMA'].map((codec) => audio(codec)),
    audio('MULTIOPUS', 'tone:channels=6'),
    {
      section: 'Passed on as they are',
      name: 'H264 of an RTSP camera',
      sink: [CAMERA_URLS.rtsp, '--video-codecs', 'H264', '--passthrough', 'always'],
      video: { codec: 'H264', rate: 30 },
    },
    passed('H264', 'passed.mp4', ...x264, ...aac),
    passed('VP8', 'passed-vp8.webm', ...vp8, ...opus),
    passed('VP9', 'passed-vp9.webm', ...vp9, ...opus),
    passed('H265', 'passed-h265.mp4', ...x265, ...aac),
    passed('AV1', 'passed-av1.mkv', ...av1, ...opus),
  ];
}
