/** Serves the page under test: the published gstwebrtc-api, unmodified, and a few functions that watch with it. */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

const root = new URL(import.meta.url.includes('/dist/') ? '../../../' : '../', import.meta.url);
const files: Record<string, [path: URL, type: string]> = {
  '/': [new URL('interop/page/index.html', root), 'text/html'],
  '/player.js': [new URL('interop/page/player.js', root), 'text/javascript'],
  '/gstwebrtc-api.min.js': [new URL('node_modules/gstwebrtc-api/dist/gstwebrtc-api-3.0.0.min.js', root), 'text/javascript'],
};

export interface PlayerPage {
  readonly url: string;
  close(): Promise<void>;
}

export async function servePlayerPage(): Promise<PlayerPage> {
  const server = createServer(async (request, response) => {
    const file = files[new URL(request.url ?? '/', 'http://localhost').pathname];
    if (!file) return void response.writeHead(404).end();
    response.writeHead(200, { 'content-type': file[1] }).end(await readFile(fileURLToPath(file[0])));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** What the drivers of Chromium and of Firefox can both do with a page. */
export interface DrivenPage {
  evaluate<Result, Argument>(script: (argument: Argument) => Result, argument: Argument): Promise<Awaited<Result>>;
}

/** Connects the player in a page to a signalling server; resolves with the first producer that this lists. */
export async function firstProducer(page: DrivenPage, signallingUri: string): Promise<ListedProducer> {
  await page.evaluate((uri: string) => window.player.connect(uri), signallingUri);
  const [producer] = await page.evaluate((_: undefined) => window.player.producers(), undefined);
  if (!producer) throw new Error('the signalling server lists no producer');
  return producer;
}

/** The same, and plays it; resolves with its first picture. */
export async function watchFirst(page: DrivenPage, signallingUri: string): Promise<FirstPicture> {
  const { id } = await firstProducer(page, signallingUri);
  return page.evaluate((producerId: string) => window.player.watch(producerId), id);
}

export function figuresOf(page: DrivenPage): Promise<PlayerFigures> {
  return page.evaluate((_: undefined) => window.player.figures(), undefined);
}

/** How many in a second, between two looks. */
export function rateOf(
  before: InboundFigures,
  after: InboundFigures,
  what: 'framesDecoded' | 'packetsReceived' = 'framesDecoded',
): number {
  return (1000 * (after[what] - before[what])) / (after.timestamp - before.timestamp);
}

export interface ListedProducer {
  readonly id: string;
  readonly meta: Record<string, unknown>;
}

/** `ttff`: ms */
export interface FirstPicture {
  readonly ttff: number;
  readonly width: number;
  readonly height: number;
}

/** What the page gives the tests; see page/player.js. */
export interface Player {
  connect(signallingUri: string): Promise<string>;
  producers(): Promise<ListedProducer[]>;
  watch(producerId: string, key?: string, options?: { frames?: boolean }): Promise<FirstPicture>;
  /** RTP timestamps of all frames, by m-line; of sessions watched with `frames`. */
  frameTimes(key?: string): Promise<Record<string, number[]>>;
  tracks(key?: string): { mid: string; kind: string; streams: string[]; ended: boolean }[];
  inbound(key?: string): Promise<Record<string, InboundFigures>>;
  figures(key?: string): Promise<PlayerFigures>;
  listen(duration: number, key?: string): Promise<{ levels: [number, number]; frequency: number }>;
  readClock(duration: number, key?: string): Promise<[capture: number | null, presented: number][]>;
  flashesAndBeeps(duration: number, key?: string): Promise<{ flashes: number[]; beeps: number[] }>;
  /** `longest`: ms */
  watchGaps(duration: number, key?: string): Promise<{ longest: number; frames: number }>;
  path(key?: string): Promise<PlayerPath>;
  echo(key?: string): void;
  playAll(key?: string): void;
  unmute(key?: string): Promise<void>;
  stop(key?: string): void;
}

interface PathEnd {
  address: string;
  port: number;
  protocol: string;
  candidateType: string;
}

export interface PlayerPath {
  changes: number;
  state: RTCPeerConnectionState;
  local: PathEnd;
  remote: PathEnd;
  producer: string;
}

export interface InboundFigures {
  timestamp: number;
  codec: string;
  fmtp?: string;
  packetsReceived: number;
  packetsLost: number;
  bytesReceived: number;
  framesReceived: number;
  framesDecoded: number;
  framesDropped: number;
  keyFramesDecoded: number;
  freezeCount: number;
  totalFreezesDuration: number;
  frameWidth?: number;
  firCount: number;
  nackCount: number;
  pliCount: number;
  retransmittedPacketsReceived: number;
  estimatedPlayoutTimestamp?: number;
  jitterBufferDelay: number;
  jitterBufferEmittedCount: number;
  totalAudioEnergy: number;
  totalSamplesDuration: number;
  concealedSamples: number;
  totalSamplesReceived: number;
  decoder?: string;
}

export interface PlayerFigures {
  errors: string[];
  closed: boolean;
  video?: InboundFigures;
  audio?: InboundFigures;
  roundTripTime?: number;
}

declare global {
  interface Window {
    player: Player;
  }
}
