// A producer in ten lines: `node examples/quickstart.js`, then open the URL it prints.
import { testAudio, testVideo, WebRTCSink } from 'tswebrtc';

const sink = new WebRTCSink({ runSignallingServer: true, runWebServer: true, stunServer: null, meta: { name: 'quickstart' } });
sink.addTrack(testVideo({ pattern: 'ball', width: 1280, height: 720, framerate: 30 }));
sink.addTrack(testAudio({ frequency: 440 }));
sink.on('listening', ({ urls }) => console.log(`open ${urls[0]}`));
sink.on('consumer-added', (session) => console.log(`${session.peerId} watches`));
sink.on('consumer-removed', (session, reason) => console.log(`${session.peerId} left: ${reason}`));
process.once('SIGINT', () => sink.close());
await sink.start();
