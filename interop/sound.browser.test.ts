/**
 * Every audio codec that Chromium can play, from the command. Chromium speaks multi-channel Opus and linear PCM, but offers neither and
 * answers neither: a page that wants them writes them into its own offer, which is what consumers of such producers do.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeSurroundFile, toneOf } from '../packages/tswebrtc/src/media/surround-file.testing.ts';
import { startSink, useChromium } from './use-chromium.ts';

const chromium = useChromium();
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'tswebrtc-sound-'));
});
afterAll(() => rm(directory, { recursive: true }));

/** Starts a sink with a file of so many channels and a page that offers, with `lines` for payload type 127, and plays. */
async function play(codec: string, channels: 2 | 6, lines: readonly string[]): Promise<Page> {
  const sound = path.join(directory, `${channels}.wav`);
  // Longer than the test: where a file starts over, its tones are broken off.
  await makeSurroundFile(sound, channels, 60);
  const sink = await startSink([sound, '--loop', '--audio-caps', codec]);
  const page = await chromium.newPage();
  await page.evaluate(offerAndPlay, { uri: sink.signallingUri, lines });
  return page;
}

declare global {
  interface Window {
    receiving: { readonly connection: RTCPeerConnection; readonly stream: MediaStream };
  }
}

/** In the page: asks the first producer there is, with an offer of its own. Resolves once sound flows. */
async function offerAndPlay({ uri, lines }: { uri: string; lines: readonly string[] }): Promise<void> {
  const connection = new RTCPeerConnection({ iceServers: [] });
  const { receiver } = connection.addTransceiver('audio', { direction: 'recvonly' });
  const { sdp = '' } = await connection.createOffer();
  const added =
    lines.length === 0
      ? sdp
      : sdp.replace(/(m=audio \d+ \S+) /, '$1 127 ').replace(/(a=mid:.*\r\n)/, `$1${lines.join('\r\n')}\r\n`);
  await connection.setLocalDescription({ type: 'offer', sdp: added });
  await new Promise<void>((resolve) => {
    if (connection.iceGatheringState === 'complete') resolve();
    connection.onicegatheringstatechange = () => connection.iceGatheringState === 'complete' && resolve();
  });
  const socket = new WebSocket(uri);
  const send = (message: object): void => socket.send(JSON.stringify(message));
  socket.onmessage = async ({ data }) => {
    const message = JSON.parse(data);
    if (message.type === 'welcome') send({ type: 'list' });
    else if (message.type === 'list') {
      send({ type: 'startSession', peerId: message.producers[0].id, offer: connection.localDescription?.sdp });
    } else if (message.type === 'peer' && message.sdp) await connection.setRemoteDescription(message.sdp);
    else if (message.type === 'peer' && message.ice) await connection.addIceCandidate(message.ice);
  };
  const stream = new MediaStream([receiver.track]);
  // Chromium decodes nothing that no element plays.
  const element = new Audio();
  element.srcObject = stream;
  element.muted = true;
  void element.play();
  window.receiving = { connection, stream };
  for (;;) {
    const stats = [...(await connection.getStats()).values()];
    if (stats.some(({ type, packetsReceived }) => type === 'inbound-rtp' && packetsReceived > 50)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const codecOf = (page: Page) =>
  page.evaluate(async () => {
    const stats = [...(await window.receiving.connection.getStats()).values()];
    const { codecId } = stats.find(({ type }) => type === 'inbound-rtp');
    const { mimeType, channels, clockRate } = stats.find(({ id }) => id === codecId);
    return { mimeType, channels: channels ?? 1, clockRate };
  });

/** For each channel that Chromium gives: which of the pitches it has, by their numbers. */
async function listen(page: Page, channels: number): Promise<number[][]> {
  const pitches = [0, 1, 2, 3, 4, 5].map(toneOf);
  return page.evaluate(
    async ({ channels, pitches }) => {
      const context = new AudioContext({ sampleRate: 48_000 });
      await context.resume();
      const splitter = context.createChannelSplitter(channels);
      context.createMediaStreamSource(window.receiving.stream).connect(splitter);
      const analysers = Array.from({ length: channels }, (_, channel) => {
        const analyser = context.createAnalyser();
        analyser.fftSize = 32_768;
        analyser.smoothingTimeConstant = 0;
        splitter.connect(analyser, channel);
        return analyser;
      });
      // The loudest of several looks: a look at the moment in which the receiver leaves something out shows less.
      const highest = analysers.map(() => pitches.map(() => Number.NEGATIVE_INFINITY));
      for (let look = 0; look < 5; look++) {
        await new Promise((resolve) => setTimeout(resolve, 800));
        for (const [channel, analyser] of analysers.entries()) {
          const spectrum = new Float32Array(analyser.frequencyBinCount);
          analyser.getFloatFrequencyData(spectrum);
          for (const [index, hertz] of pitches.entries()) {
            const bin = Math.round((hertz * analyser.fftSize) / context.sampleRate);
            highest[channel]![index] = Math.max(highest[channel]![index]!, ...spectrum.subarray(bin - 1, bin + 2));
          }
        }
      }
      const heard = highest.map((levels) => levels.flatMap((level, index) => (level > -40 ? [index] : [])));
      await context.close();
      return heard;
    },
    { channels, pitches },
  );
}

/** Chromium takes what its decoder gives for channels in the order of WAVE. */
const SURROUND = 'channel_mapping=0,1,4,5,2,3;coupled_streams=2;minptime=10;num_streams=4;useinbandfec=1';

describe('Chromium', () => {
  it.each(['PCMU', 'PCMA'])('plays %s', async (codec) => {
    const page = await play(codec, 2, []);
    expect(await codecOf(page)).toEqual({ mimeType: `audio/${codec}`, channels: 1, clockRate: 8000 });
    expect(await listen(page, 2)).toEqual([
      [0, 1],
      [0, 1],
    ]);
  });

  it('plays L16 in stereo where the page offers it', async () => {
    const page = await play('L16', 2, ['a=rtpmap:127 L16/48000/2']);
    expect(await codecOf(page)).toEqual({ mimeType: 'audio/L16', channels: 2, clockRate: 48_000 });
    expect(await listen(page, 2)).toEqual([[0], [1]]);
  });

  it('plays 5.1 where the page offers multiopus, all of it on two speakers', async () => {
    const page = await play('MULTIOPUS', 6, ['a=rtpmap:127 multiopus/48000/6', `a=fmtp:127 ${SURROUND}`]);
    expect(await codecOf(page)).toEqual({ mimeType: 'audio/multiopus', channels: 6, clockRate: 48_000 });
    expect(await listen(page, 2)).toEqual([
      [0, 2, 3, 4],
      [1, 2, 3, 5],
    ]);
  });
});
