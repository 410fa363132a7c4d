/** Chromium as a subscriber of a VideoRoom of Janus: the driver signals, the page has the connection and the picture. */
import type { Page } from 'playwright-core';
import type { JanusClient, JanusHandle } from '../examples/janus-videoroom/janus-client.js';

export interface ViewerFigures {
  /** Of the picture that is shown, pixels. */
  readonly width: number;
  readonly framesDecoded: number;
  /** Of the page's clock, ms. */
  readonly time: number;
  readonly samples: number;
}

export class JanusViewer {
  readonly #handle: JanusHandle;
  readonly #page: Page;
  /** Of the picture's m-line in the subscription. */
  readonly #mid: string;

  static async watch(client: JanusClient, room: number, feed: number, page: Page): Promise<JanusViewer> {
    const handle = await client.attach('janus.plugin.videoroom');
    const { data, jsep } = await handle.request({ request: 'join', ptype: 'subscriber', room, streams: [{ feed }] });
    const answer = await page.evaluate(connect, jsep!.sdp);
    await handle.request({ request: 'start' }, { type: 'answer', sdp: answer });
    const streams = data.streams as { type: string; mid: string }[];
    return new JanusViewer(handle, page, streams.find(({ type }) => type === 'video')!.mid);
  }

  private constructor(handle: JanusHandle, page: Page, mid: string) {
    this.#handle = handle;
    this.#page = page;
    this.#mid = mid;
  }

  /** Which layer it wants, 0 the smallest, and how many temporal layers of it beyond the first. */
  async choose(substream: number, temporal = 2): Promise<void> {
    await this.#handle.request({ request: 'configure', streams: [{ mid: this.#mid, substream, temporal }] });
  }

  async figures(): Promise<ViewerFigures> {
    return this.#page.evaluate(read);
  }

  /** Frames decoded per second, over `duration` ms. */
  async framerate(duration: number): Promise<number> {
    const before = await this.figures();
    await this.#page.waitForTimeout(duration);
    const after = await this.figures();
    return (1000 * (after.framesDecoded - before.framesDecoded)) / (after.time - before.time);
  }
}

interface ViewerWindow extends Window {
  connection: RTCPeerConnection;
}

/** In the page: answers with all candidates. */
async function connect(offer: string): Promise<string> {
  const connection = new RTCPeerConnection();
  (window as unknown as ViewerWindow).connection = connection;
  const video = document.createElement('video');
  video.autoplay = true;
  video.muted = true;
  video.srcObject = new MediaStream();
  document.body.append(video);
  connection.addEventListener('track', ({ track }) => (video.srcObject as MediaStream).addTrack(track));
  await connection.setRemoteDescription({ type: 'offer', sdp: offer });
  await connection.setLocalDescription();
  while (connection.iceGatheringState !== 'complete') {
    await new Promise((resolve) => connection.addEventListener('icegatheringstatechange', resolve, { once: true }));
  }
  return connection.localDescription!.sdp;
}

/** In the page. */
async function read(): Promise<ViewerFigures> {
  const report = await (window as unknown as ViewerWindow).connection.getStats();
  const inbound = [...report.values()].filter(({ type }) => type === 'inbound-rtp');
  const video = inbound.find(({ kind }) => kind === 'video') ?? {};
  const audio = inbound.find(({ kind }) => kind === 'audio') ?? {};
  return {
    width: document.querySelector('video')!.videoWidth,
    framesDecoded: video.framesDecoded ?? 0,
    time: video.timestamp ?? 0,
    samples: audio.totalSamplesReceived ?? 0,
  };
}
