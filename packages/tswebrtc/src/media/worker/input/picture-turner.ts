/** Turns decoded pictures upright, whatever their pixel format. */
import { AV_BUFFERSRC_FLAG_KEEP_REF } from 'node-av/constants';
import { FFmpegError, Filter, type FilterContext, FilterGraph, Frame } from 'node-av/lib';
import type { Orientation } from './orientation.ts';

interface Chain {
  readonly graph: FilterGraph;
  readonly source: FilterContext;
  readonly sink: FilterContext;
}

export class PictureTurner {
  readonly #orientation: Orientation;
  readonly #turned = new Frame();
  #chain: Chain | undefined;
  /** What the chain was made for. */
  #key = '';

  constructor(orientation: Orientation) {
    this.#orientation = orientation;
    this.#turned.alloc();
  }

  /** The picture turned; good until the next one. */
  turn(frame: Frame): Frame {
    const { source, sink } = this.#follow(frame);
    this.#turned.unref();
    FFmpegError.throwIfError(source.buffersrcAddFrameSync(frame, AV_BUFFERSRC_FLAG_KEEP_REF), 'turn a picture');
    FFmpegError.throwIfError(sink.buffersinkGetFrameSync(this.#turned), 'turn a picture');
    return this.#turned;
  }

  close(): void {
    this.#chain?.graph.free();
    this.#chain = undefined;
    this.#turned.free();
  }

  /** Size and format may change in the middle of a file. */
  #follow({ width, height, format, sampleAspectRatio, colorSpace, colorRange }: Frame): Chain {
    const shape = `${sampleAspectRatio.num}/${Math.max(1, sampleAspectRatio.den)}`;
    const key = `video_size=${width}x${height}:pix_fmt=${format}:pixel_aspect=${shape}:colorspace=${colorSpace}:range=${colorRange}`;
    if (this.#chain && key === this.#key) return this.#chain;
    this.#chain?.graph.free();
    this.#chain = undefined;
    this.#chain = createChain(`${key}:time_base=1/1000000`, this.#orientation);
    this.#key = key;
    return this.#chain;
  }
}

function createChain(input: string, { filters }: Orientation): Chain {
  const graph = new FilterGraph();
  graph.alloc();
  const add = (name: string, options: string): FilterContext => {
    const filter = Filter.getByName(name);
    const context = filter && graph.createFilter(filter, name, options);
    if (!context) throw new Error('its pictures cannot be turned upright');
    return context;
  };
  try {
    const source = add('buffer', input);
    let last = source;
    const append = (name: string, options: string): FilterContext => {
      const next = add(name, options);
      FFmpegError.throwIfError(last.link(0, next, 0), 'set up a filter');
      last = next;
      return next;
    };
    for (const [name, options] of filters) append(name, options);
    const sink = append('buffersink', '');
    FFmpegError.throwIfError(graph.configSync(), 'set up a filter');
    return { graph, source, sink };
  } catch (error) {
    graph.free();
    throw error;
  }
}
