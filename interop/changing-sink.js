// A sink in a process of its own, so that it can be in a network namespace: two pictures and a sound in the beginning, and then what
// each line on standard input asks for: `add`, `remove NAME`, `restart`, `encoded`. Says in JSON what became of it.
// usage: changing-sink.js HOST PORT
import { createInterface } from 'node:readline';
import { loadMediaEngine, testAudio, testVideo, WebRTCSink } from 'tswebrtc';

const [host, port] = process.argv.slice(2);
const say = (event, more = {}) => process.stdout.write(`${JSON.stringify({ event, ...more })}\n`);

/** Times of all frames that the encoder of the first picture made, µs. */
const encoded = [];
const engine = await loadMediaEngine();
const open = engine.openEncoding.bind(engine);
engine.openEncoding = async (track, options) => {
  const encoding = await open(track, options);
  if (track.id === 'input-1.0') encoding.on('frame', ({ timestamp }) => encoded.push(timestamp));
  return encoding;
};

const small = { width: 320, height: 180, framerate: 25 };
const sink = new WebRTCSink({
  engine,
  stunServer: null,
  videoCodecs: ['VP8'],
  // What a busy machine makes congestion control believe of the path must not decide what is sent.
  congestionControl: 'disabled',
  maxBitrate: 500_000,
  runSignallingServer: true,
  signallingServerHost: host,
  signallingServerPort: Number(port),
});
sink.addTrack(testVideo(small));
sink.addTrack(testVideo({ ...small, pattern: 'ball' }));
sink.addTrack(testAudio());
let uri;
sink.on('listening', ({ urls }) => {
  uri = urls.find((url) => url.startsWith('ws'));
});
sink.on('consumer-removed', (_session, reason, error) => say('consumer-removed', { reason, error: error?.message }));
await sink.start();
say('registered', { uri });

for await (const line of createInterface({ input: process.stdin })) {
  const [what, name] = line.split(' ');
  if (what === 'add') await sink.addTrack(testVideo({ ...small, width: 160, height: 120 }), { msid: 'added' }).opened;
  else if (what === 'remove') await sink.removeTrack(name);
  else if (what === 'restart') await sink.sessions[0].restartIce();
  say(what, what === 'encoded' ? { times: encoded } : {});
}
await sink.close();
await engine.close();
