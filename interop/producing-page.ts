/** A Chromium page that produces a picture and a tone, and a connection of ours that takes them. */
import type { Browser, Page } from 'playwright-core';
import { Connection, type Transceiver } from '../packages/tswebrtc/src/connection/connection.ts';
import { NodeSrtpSender } from '../packages/tswebrtc/src/connection/srtp/node-srtp-sender.ts';
import type { IceCandidateInit } from '../packages/tswebrtc/src/connection/types.ts';
import { openPage } from './chromium.ts';

declare global {
  var producer: RTCPeerConnection;
  var takeCandidate: (candidate: RTCIceCandidateInit) => Promise<void>;
}

export interface Producing {
  readonly page: Page;
  readonly errors: readonly string[];
  readonly connection: Connection;
  readonly picture: Transceiver;
  readonly sound: Transceiver;
  close(): Promise<void>;
}

export interface ProducingOptions {
  /** As in the SDP. */
  readonly codec: string;
  /** Noise takes as many bits as it is given. Default: a box that moves. */
  readonly noise?: boolean;
  /** bit/s; default: the browser's. */
  readonly maxBitrate?: number;
}

/** `prepare`: called before the page makes its offer, for listeners that must hear everything. */
export async function produce(
  browser: Browser,
  { codec, noise = false, maxBitrate }: ProducingOptions,
  prepare: (picture: Transceiver, sound: Transceiver) => void = () => {},
): Promise<Producing> {
  const { page, errors } = await openPage(browser);
  const srtpSender = new NodeSrtpSender();
  const connection = await Connection.create({ srtpSender, gatherLoopback: true });
  const picture = connection.addTransceiver({
    kind: 'video',
    direction: 'recvonly',
    codecs: [{ name: codec, clockRate: 90_000 }],
    fec: true,
  });
  const sound = connection.addTransceiver({
    kind: 'audio',
    direction: 'recvonly',
    codecs: [{ name: 'OPUS', clockRate: 48_000, channels: 2 }],
  });
  prepare(picture, sound);
  await page.exposeFunction('takeCandidate', (candidate: IceCandidateInit) => connection.addIceCandidate(candidate));
  connection.on('icecandidate', async ({ candidate, sdpMLineIndex, sdpMid }) => {
    await page.evaluate((init) => producer.addIceCandidate(init), { candidate, sdpMLineIndex, sdpMid: sdpMid ?? null });
  });
  const sdp = await page.evaluate(offerOf, { codec, noise, maxBitrate });
  await connection.setRemoteDescription({ type: 'offer', sdp });
  const answer = await connection.createAnswer();
  await connection.setLocalDescription(answer);
  await page.evaluate((description) => producer.setRemoteDescription(description), answer);
  return {
    page,
    errors,
    connection,
    picture,
    sound,
    close: async () => {
      await connection.close();
      srtpSender.close();
      await page.close();
    },
  };
}

/** In the page: draws, sounds, and offers both. */
async function offerOf(options: { codec: string; noise: boolean; maxBitrate: number | undefined }): Promise<string> {
  const { codec, noise, maxBitrate } = options;
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [640, 360];
  const context = canvas.getContext('2d')!;
  const image = context.createImageData(640, 360);
  let drawn = 0;
  const draw = (): void => {
    if (noise) {
      const pixels = new Uint32Array(image.data.buffer);
      for (let i = 0; i < pixels.length; i++) pixels[i] = 0xff000000 | (Math.random() * 0x1000000);
      context.putImageData(image, 0, 0);
    } else {
      context.fillStyle = `hsl(${drawn % 360} 80% 50%)`;
      context.fillRect(0, 0, 640, 360);
      context.fillStyle = 'white';
      context.fillRect((drawn * 8) % 600, 100, 40, 40);
    }
    drawn++;
  };
  draw();
  setInterval(draw, 33);
  const audio = new AudioContext();
  const oscillator = audio.createOscillator();
  const destination = audio.createMediaStreamDestination();
  oscillator.connect(destination);
  oscillator.start();
  globalThis.producer = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
  producer.onicecandidate = ({ candidate }) => {
    if (candidate) void takeCandidate(candidate.toJSON());
  };
  const stream = canvas.captureStream(30);
  const video = producer.addTransceiver(stream.getVideoTracks()[0]!, {
    direction: 'sendonly',
    streams: [stream],
    sendEncodings: [maxBitrate === undefined ? {} : { maxBitrate }],
  });
  const codecs = RTCRtpSender.getCapabilities('video')!.codecs;
  const helpers = codecs.filter(({ mimeType }) => /rtx|red|ulpfec/i.test(mimeType));
  video.setCodecPreferences([...codecs.filter(({ mimeType }) => mimeType === `video/${codec}`), ...helpers]);
  producer.addTransceiver(destination.stream.getAudioTracks()[0]!, { direction: 'sendonly', streams: [stream] });
  await producer.setLocalDescription(await producer.createOffer());
  return producer.localDescription!.sdp;
}
