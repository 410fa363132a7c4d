// `node examples/custom-signaller/main.js [PORT]`: a producer whose consumers come over plain HTTP (http-signaller.js).
import { testAudio, testVideo, WebRTCSink } from 'tswebrtc';
import { HttpSignaller } from './http-signaller.js';

const signaller = new HttpSignaller(Number(process.argv[2] ?? 8081));
const sink = new WebRTCSink({ signaller, stunServer: null });
sink.addTrack(testVideo({ pattern: 'ball', width: 640, height: 360 }));
sink.addTrack(testAudio());
sink.on('consumer-removed', (session, reason) => console.log(`${session.id} left: ${reason}`));
process.once('SIGINT', () => sink.close());
await sink.start();
console.log(`open ${signaller.url}`);
