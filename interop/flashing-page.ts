/**
 * In the page: a producer by the published gstwebrtc-api whose picture flashes and whose tone beeps at the same moments, so that
 * a recording tells by how much they have drifted apart. Everything is in one function, which Chromium and Firefox evaluate.
 */
import './gst-webrtc-api.ts';

export interface FlashingOptions {
  readonly signalling: string;
  /** Camera and microphone (the browser's fake ones) instead. */
  readonly camera: boolean;
}

declare global {
  var clientSession: { rtcPeerConnection: RTCPeerConnection };
}

/** Resolves with the client id when the producer is registered. */
export async function startFlashing({ signalling, camera }: FlashingOptions): Promise<string> {
  /** The sound, and what turns it on and off. */
  const beeper = async (): Promise<{ track: MediaStreamTrack; set: (on: boolean) => void }> => {
    if (navigator.userAgent.includes('Firefox')) {
      // Without a sound card its audio contexts stand still; its fake microphone hears a tone all the time.
      const [track] = (await navigator.mediaDevices.getUserMedia({ audio: true })).getAudioTracks();
      const set = (on: boolean): void => {
        track!.enabled = on;
      };
      return { track: track!, set };
    }
    const audio = new AudioContext();
    const oscillator = new OscillatorNode(audio, { frequency: 1000 });
    const gain = new GainNode(audio, { gain: 0 });
    const destination = audio.createMediaStreamDestination();
    oscillator.connect(gain).connect(destination);
    oscillator.start();
    const set = (on: boolean): void => {
      gain.gain.value = on ? 0.5 : 0;
    };
    return { track: destination.stream.getAudioTracks()[0]!, set };
  };
  const flashing = async (): Promise<MediaStream> => {
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [640, 360];
    document.body.append(canvas);
    const context = canvas.getContext('2d', { alpha: false })!;
    const sound = await beeper();
    sound.set(false);
    let count = 0;
    let bright = false;
    const draw = (): void => {
      const due = performance.now() % 1000 < 100;
      if (due !== bright) sound.set(due);
      bright = due;
      context.fillStyle = due ? 'white' : '#303030';
      context.fillRect(0, 0, 640, 360);
      context.fillStyle = due ? '#ddd' : '#444';
      context.fillRect((count++ * 6) % 600, 160, 40, 40);
    };
    draw();
    setInterval(draw, 10);
    const stream = canvas.captureStream(30);
    stream.addTrack(sound.track);
    return stream;
  };
  const stream = camera
    ? await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 360, frameRate: 30 }, audio: true })
    : await flashing();
  return new Promise((resolve) => {
    const api = new GstWebRTCAPI({
      meta: { name: 'flashing' },
      signalingServerUrl: signalling,
      webrtcConfig: { iceServers: [], bundlePolicy: 'max-bundle' },
    });
    api.registerConnectionListener({
      connected: (id: string) => {
        const session = api.createProducerSession(stream);
        session.addEventListener('stateChanged', () => resolve(id));
        session.addEventListener('clientConsumerAdded', (event) => {
          globalThis.clientSession = (event as CustomEvent).detail;
        });
        session.start();
      },
      disconnected: () => {},
    });
  });
}

/** Frames that the page has sent to its last consumer. */
export async function framesSent(): Promise<number> {
  const report = await clientSession.rtcPeerConnection.getStats();
  let sent = 0;
  report.forEach((entry: Record<string, unknown>) => {
    if (entry.type === 'outbound-rtp' && entry.kind === 'video') sent += entry.framesSent as number;
  });
  return sent;
}
