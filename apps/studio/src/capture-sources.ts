/** What can be captured: a camera with its microphone, a screen, a picture of the page's own. */

export type CaptureSource = 'camera' | 'screen' | 'test';

/** Names as the page shows them. */
export const CAPTURE_SOURCES: readonly (readonly [source: CaptureSource, name: string])[] = [
  ['camera', 'Camera and microphone'],
  ['screen', 'Screen'],
  ['test', 'Test picture and tone'],
];

const WIDTH = 1280;
const HEIGHT = 720;
const FRAMERATE = 30;

/** Opens a source. Rejects with a sentence that says what to do. */
export async function openSource(source: CaptureSource): Promise<MediaStream> {
  if (source === 'test') return testPicture();
  const { mediaDevices } = navigator;
  if (!mediaDevices) {
    throw new Error(
      'The browser hands out cameras and screens on https: and localhost only: start the sink with --tls self-signed.',
    );
  }
  const video = { width: { ideal: WIDTH }, height: { ideal: HEIGHT }, frameRate: { ideal: FRAMERATE } };
  try {
    if (source === 'screen') return await mediaDevices.getDisplayMedia({ video, audio: true });
    return await mediaDevices.getUserMedia({ video, audio: true });
  } catch (error) {
    const name = error instanceof DOMException ? error.name : '';
    // A machine may have a camera and no microphone.
    if (source === 'camera' && name === 'NotFoundError') return mediaDevices.getUserMedia({ video });
    throw new Error(reasonOf(source, name), { cause: error });
  }
}

function reasonOf(source: CaptureSource, name: string): string {
  const what = source === 'screen' ? 'the screen' : 'the camera';
  switch (name) {
    case 'NotAllowedError':
      return `The browser may not use ${what}: allow it in the address bar, and try again.`;
    case 'NotFoundError':
      return `There is no such device: ${what} was not found.`;
    case 'NotReadableError':
      return `Another program holds ${what}: close it, and try again.`;
    default:
      return `The browser did not open ${what}${name && ` (${name})`}.`;
  }
}

/**
 * A disc that goes round on a dial, once in four seconds; with each round a beep and a flash. It ends when its tracks are
 * stopped.
 */
function testPicture(): MediaStream {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [WIDTH, HEIGHT];
  const context = canvas.getContext('2d', { alpha: false })!;
  const stream = canvas.captureStream(FRAMERATE);
  const audio = new AudioContext();
  const destination = audio.createMediaStreamDestination();
  const gain = new GainNode(audio, { gain: 0.02 });
  const oscillator = new OscillatorNode(audio, { frequency: 440 });
  oscillator.connect(gain).connect(destination);
  oscillator.start();
  for (const track of destination.stream.getAudioTracks()) stream.addTrack(track);
  const [picture] = stream.getVideoTracks();
  const timer = setInterval(() => {
    if (picture?.readyState !== 'live') {
      clearInterval(timer);
      void audio.close();
      return;
    }
    draw(context, performance.now() / 1000);
  }, 1000 / FRAMERATE);
  return stream;
}

function draw(context: CanvasRenderingContext2D, seconds: number): void {
  const angle = (seconds / 4) * 2 * Math.PI;
  context.fillStyle = `hsl(${(seconds * 20) % 360} 40% 22%)`;
  context.fillRect(0, 0, WIDTH, HEIGHT);
  context.strokeStyle = 'rgb(255 255 255 / 40%)';
  context.lineWidth = 4;
  context.beginPath();
  context.arc(WIDTH / 2, HEIGHT / 2, 240, 0, 2 * Math.PI);
  context.stroke();
  context.fillStyle = 'white';
  context.beginPath();
  context.arc(WIDTH / 2 + 240 * Math.sin(angle), HEIGHT / 2 - 240 * Math.cos(angle), 28, 0, 2 * Math.PI);
  context.fill();
  context.font = '64px monospace';
  context.textAlign = 'center';
  context.fillText(new Date().toISOString().slice(11, 23), WIDTH / 2, HEIGHT / 2 + 22);
}
