/** The live figures under a picture. Each tile carries its bare number in `data-value`, for machines. */
import type { ConsumerFigures } from '@tswebrtc/browser';
import { element, setText } from './dom.ts';
import { formatBitrate, formatDuration, formatPercent, formatRate, formatSize, UNKNOWN } from './format.ts';
import { Sparkline } from './sparkline.ts';

const TILES = {
  bitrate: ['Bitrate', 'Media received in a second, sound included'],
  size: ['Size', 'Width and height of the decoded picture'],
  fps: ['Frame rate', 'Decoded frames in a second'],
  loss: ['Loss', 'Packets lost and not recovered, of the last second'],
  rtt: ['Round trip', 'Time of a packet to the sender and back'],
  codec: ['Codec', 'How picture and sound are encoded'],
  'jitter-buffer': ['Buffer', 'Time media waits for late packets before it is decoded'],
  'first-frame': ['First frame', 'From the click to the first picture'],
} as const;

type Tile = keyof typeof TILES;

export class FigurePanel {
  readonly element: HTMLElement;
  readonly #values = new Map<Tile, HTMLElement>();
  readonly #sparkline = new Sparkline();

  constructor() {
    const tiles = (Object.keys(TILES) as Tile[]).map((tile) => {
      const [label, title] = TILES[tile];
      const value = element('dd', { attributes: { 'data-testid': `figure-${tile}` } }, UNKNOWN);
      this.#values.set(tile, value);
      const graph = tile === 'bitrate' && this.#sparkline.element;
      return element('div', { class: `figure figure-${tile}`, title }, element('dt', {}, label), value, graph);
    });
    this.element = element('dl', { class: 'figures' }, ...tiles);
  }

  show(figures: ConsumerFigures): void {
    const { video, audio } = figures;
    const codecs = [video?.codec, audio?.codec].filter(Boolean).join(' · ');
    const buffer = (video ?? audio)?.jitterBufferDelay ?? null;
    this.#set(
      'size',
      formatSize(video?.width ?? null, video?.height ?? null),
      video?.width ? `${video.width}x${video.height}` : null,
    );
    this.#set('fps', formatRate(video?.framesPerSecond ?? null), video?.framesPerSecond ?? null);
    this.#set('bitrate', formatBitrate(figures.bitrate), figures.bitrate);
    this.#set('loss', formatPercent(figures.lossPercent), figures.lossPercent);
    this.#set('rtt', formatDuration(figures.roundTripTime), figures.roundTripTime);
    this.#set('codec', codecs || UNKNOWN, codecs || null);
    this.#set('jitter-buffer', formatDuration(buffer), buffer);
    if (figures.bitrate !== null) this.#sparkline.add(figures.bitrate);
    this.#values.get('loss')?.parentElement?.classList.toggle('is-bad', (figures.lossPercent ?? 0) >= 2);
  }

  /** ms from the click to the first picture. */
  showFirstFrame(ms: number): void {
    this.#set('first-frame', formatDuration(ms), Math.round(ms));
  }

  clear(): void {
    for (const tile of this.#values.keys()) this.#set(tile, UNKNOWN, null);
    this.#sparkline.clear();
  }

  #set(tile: Tile, text: string, value: string | number | null): void {
    const node = this.#values.get(tile);
    if (!node) return;
    setText(node, text);
    if (value === null) delete node.dataset.value;
    else node.dataset.value = String(value);
  }
}
