// `node examples/janus-videoroom/main.js [URI] [ROOM] [CODEC]`: publishes a picture in three sizes at once in a VideoRoom of Janus
// (ws://127.0.0.1:8188, 1234, VP8), and says every two seconds what is sent of each. Its viewers choose, or Janus for them.
import { testAudio, testVideo, WebRTCSink } from 'tswebrtc';
import { VideoRoomSignaller } from './videoroom-signaller.js';

const [uri = 'ws://127.0.0.1:8188', room = '1234', codec = 'VP8'] = process.argv.slice(2);
const signaller = new VideoRoomSignaller({ uri, room: Number(room), bitrate: 4_000_000 });
const sink = new WebRTCSink({ signaller, simulcast: 3, videoCodecs: [codec], stunServer: null });
sink.addTrack(testVideo({ pattern: 'ball', width: 1280, height: 720 }));
sink.addTrack(testAudio());
sink.on('consumer-removed', (session, reason) => console.log(`${session.peerId} left: ${reason}`));
signaller.on('registered', (id) => console.log(`publisher ${id} of room ${room}`));
await sink.start();

/** Bytes by name of the layer. */
const sent = new Map();
const INTERVAL = 2000;
const timer = setInterval(async () => {
  const stats = [...((await sink.sessions[0]?.getStats())?.values() ?? [])];
  const layers = stats.filter(({ type, kind }) => type === 'outbound-rtp' && kind === 'video');
  const texts = layers.map(({ rid = 'one', frameWidth, frameHeight, bytesSent }) => {
    const bitrate = (8 * (bytesSent - (sent.get(rid) ?? 0))) / INTERVAL;
    sent.set(rid, bytesSent);
    return bitrate === 0 ? `${rid} pauses` : `${rid} ${frameWidth}x${frameHeight} ${Math.round(bitrate)} kbit/s`;
  });
  if (texts.length > 0) console.log(texts.join(', '));
}, INTERVAL);

process.once('SIGINT', async () => {
  clearInterval(timer);
  await sink.close();
});
