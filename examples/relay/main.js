// `node examples/relay/main.js URI [0]`: watches a producer (`gstwebrtc://host:8443?peer-id=ID`) and is one itself, of the same packets:
// nothing is decoded or encoded, however many watch here. Open the URL it prints; 0: on free ports.
import { WebRTCSink, WebRTCSrc } from 'tswebrtc';

const [uri = 'ws://127.0.0.1:8443', zero] = process.argv.slice(2);
const ports =
  zero === '0'
    ? { signallingServerPort: 0, webServerHostAddr: 'http://127.0.0.1:0' }
    : { signallingServerPort: 8444, webServerHostAddr: 'http://127.0.0.1:8081' };
const sink = new WebRTCSink({
  runSignallingServer: true,
  runWebServer: true,
  stunServer: null,
  meta: { name: 'relay' },
  ...ports,
});
const src = new WebRTCSrc({ signaller: { uri }, connectToFirstProducer: !uri.includes('peer-id='), stunServer: null });

src.on('track', async (track) => {
  try {
    await relay(track);
  } catch (error) {
    // That it takes no more is what the end of the sink is to a track.
    if (error.code !== 'INVALID_STATE') throw error;
  }
});

/** Relays a track from its first keyframe on, which tells what it is; the sink starts with the first track. */
async function relay(track) {
  let relayed;
  for await (const { data, timestamp, clockRate, keyframe } of track.frames()) {
    if (!relayed && !keyframe) continue;
    relayed ??= addTrack(track);
    await relayed.write(data, { timestamp: (timestamp * 1e6) / clockRate, keyframe });
  }
  await relayed?.end();
}

function addTrack(track) {
  const codec = track.codec.toUpperCase();
  const { frameWidth: width, frameHeight: height } = track.stats;
  const relayed = track.kind === 'video' ? sink.addVideoTrack({ codec, width, height }) : sink.addAudioTrack({ codec });
  // Who joins here, or loses something, needs a keyframe, and only the producer can make one.
  relayed.on('keyframe-request', () => track.requestKeyframe());
  if (!started) sink.start();
  started = true;
  return relayed;
}

let started = false;
sink.on('listening', ({ urls }) => console.log(`open ${urls.join(' ')}`));
process.once('SIGINT', async () => {
  await src.close();
  await sink.close();
});
await src.start();
