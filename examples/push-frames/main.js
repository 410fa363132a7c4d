// `node examples/push-frames/main.js [0]`: pictures and sound that the application makes itself; open the URL it prints. 0: on free ports.
import { WebRTCSink } from 'tswebrtc';

const [width, height, framerate, sampleRate] = [640, 360, 30, 48000];
const ports = process.argv[2] === '0' ? { signallingServerPort: 0, webServerHostAddr: 'http://127.0.0.1:0' } : {};
const sink = new WebRTCSink({
  runSignallingServer: true,
  runWebServer: true,
  stunServer: null,
  meta: { name: 'push' },
  ...ports,
});
const video = sink.addVideoTrack({ width, height, format: 'RGBA', framerate });
const audio = sink.addAudioTrack({ sampleRate, channels: 1, format: 's16' });
sink.on('listening', ({ urls }) => console.log(`open ${urls.join(' ')}`));
process.once('SIGINT', () => sink.close());
await sink.start();

// A red square runs over a blue picture. The frame rate paces the writes.
async function* pictures() {
  const pixels = new Uint32Array(width * height);
  for (let i = 0; ; i = (i + 4) % (width - 80)) {
    pixels.fill(0xff_c0_40_20);
    for (let y = 140; y < 220; y++) pixels.fill(0xff_20_20_e0, y * width + i, y * width + i + 80);
    yield { data: pixels };
  }
}

// A tone of 440 Hz, in pieces of 20 ms. Writes wait while enough lies ready.
async function* sounds() {
  for (let from = 0; ; from += 960) {
    yield Int16Array.from({ length: 960 }, (_, i) => 8000 * Math.sin((2 * Math.PI * 440 * (from + i)) / sampleRate));
  }
}

// Both end with the sink, which closes its tracks.
await Promise.allSettled([video.pipeFrom(pictures()), audio.pipeFrom(sounds())]);
