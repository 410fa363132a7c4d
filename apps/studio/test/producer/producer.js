/**
 * A producer made of a canvas and a tone, which speaks through the published gstwebrtc-api. Its address says what it is:
 * `?signalling=ws://…&meta={…}&hue=200&sound=1`. Its id ends up in `document.body.dataset.id`.
 */
import GstWebRTCAPI from './gstwebrtc-api.js';

const parameters = new URLSearchParams(location.search);
const hue = Number(parameters.get('hue'));

function picture() {
  const canvas = document.createElement('canvas');
  canvas.width = 1280;
  canvas.height = 720;
  const context = canvas.getContext('2d');
  let frame = 0;
  setInterval(() => {
    frame += 1;
    const sky = context.createLinearGradient(0, 0, 1280, 720);
    sky.addColorStop(0, `hsl(${hue} 55% 24%)`);
    sky.addColorStop(1, `hsl(${hue + 70} 60% 46%)`);
    context.fillStyle = sky;
    context.fillRect(0, 0, 1280, 720);
    for (let i = 0; i < 7; i += 1) {
      const angle = frame / 40 + (i * Math.PI * 2) / 7;
      context.fillStyle = `hsl(${hue + i * 14} 70% ${48 + i * 4}% / 75%)`;
      context.beginPath();
      context.arc(640 + Math.cos(angle) * 230, 360 + Math.sin(angle * 1.5) * 170, 46 + i * 6, 0, 7);
      context.fill();
    }
  }, 1000 / 30);
  return canvas.captureStream(30);
}

function tone() {
  const audio = new AudioContext();
  const oscillator = audio.createOscillator();
  const out = audio.createMediaStreamDestination();
  oscillator.connect(out);
  oscillator.start();
  return out.stream.getAudioTracks();
}

const stream = picture();
if (parameters.get('sound') === '1') for (const track of tone()) stream.addTrack(track);

const api = new GstWebRTCAPI({
  signalingServerUrl: parameters.get('signalling'),
  meta: JSON.parse(parameters.get('meta')),
  webrtcConfig: { iceServers: [] },
  reconnectionTimeout: 300,
});
api.registerConnectionListener({
  connected(id) {
    // The library ends a session together with its tracks, and after a reconnection it needs them again.
    const session = api.createProducerSession(stream.clone());
    session.addEventListener('stateChanged', () => {
      if (session.state === GstWebRTCAPI.SessionState.streaming) document.body.dataset.id = id;
    });
    session.start();
    window.goOffAir = () => session.close();
  },
  disconnected() {
    delete document.body.dataset.id;
  },
});
