/** A sink that sends its picture in several sizes at once to a peer that takes them, with real encoders. */
import { SignallingServer } from '@tswebrtc/signalling-server';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { decodeVideo } from '../media/decode.testing.ts';
import { HeaderExtensionReader } from '../rtp/header-extensions.ts';
import { parseRtp, RtpHeader } from '../rtp/packet.ts';
import { InboundStream } from '../rtp/receive/inbound-stream.ts';
import { writeRtcp } from '../rtp/rtcp/rtcp.ts';
import { MID_URI, REPAIRED_RID_URI, RID_URI } from '../sdp/local-media.ts';
import type { WebRTCSinkOptions } from './options.ts';
import { TestConsumer, type TestConsumerOptions } from './test-consumer.testing.ts';
import { testVideo } from './tracks.ts';
import { WebRTCSink } from './webrtcsink.ts';

let server: SignallingServer;
let sink: WebRTCSink;
let consumer: TestConsumer;

beforeEach(async () => {
  server = await SignallingServer.listen({ host: '127.0.0.1', port: 0 });
});

afterEach(async () => {
  await consumer?.close();
  await sink.close();
  await server.close();
});

interface ReceivedLayer {
  readonly ssrc: number;
  readonly mids: Set<string>;
  readonly frames: { readonly data: Uint8Array; readonly keyframe: boolean }[];
}

/** Layers as they come in, by RID. `ids`: of the header extensions. */
class Layers {
  readonly byRid = new Map<string, ReceivedLayer>();
  readonly #streams = new Map<number, { stream: InboundStream; layer: ReceivedLayer }>();
  readonly #ids: { mid: number; rid: number };

  constructor(ids = { mid: 5, rid: 6 }) {
    this.#ids = ids;
  }

  get complete(): boolean {
    return ['h', 'm', 'l'].every((rid) => (this.byRid.get(rid)?.frames.length ?? 0) > 20);
  }

  readonly receive = (packet: Uint8Array, arrival: number): void => {
    const header = new RtpHeader();
    if (!parseRtp(packet, header) || header.payloadType !== 96) return;
    const [mid, rid] = [this.#say(packet, header, this.#ids.mid), this.#say(packet, header, this.#ids.rid)];
    let known = this.#streams.get(header.ssrc);
    if (!known && rid !== undefined) {
      const formats = new Map([[96, { name: 'VP8', clockRate: 90_000 }]]);
      const bounds = { floor: 0, ceiling: 1000 };
      const stream = new InboundStream({ ssrc: header.ssrc, kind: 'video', formats, nack: false, bounds });
      known = { stream, layer: { ssrc: header.ssrc, mids: new Set(), frames: [] } };
      this.#streams.set(header.ssrc, known);
      this.byRid.set(rid, known.layer);
    }
    if (!known) return;
    if (mid !== undefined) known.layer.mids.add(mid);
    known.stream.packet(packet.slice(), header, arrival);
    for (let frame = known.stream.take(arrival); frame; frame = known.stream.take(arrival)) {
      known.layer.frames.push({ data: frame.data.slice(), keyframe: frame.keyframe });
    }
  };

  #say(packet: Uint8Array, header: RtpHeader, id: number): string | undefined {
    const reader = new HeaderExtensionReader();
    reader.reset(packet, header);
    return reader.find(id) ? Buffer.from(packet.subarray(reader.offset, reader.offset + reader.length)).toString() : undefined;
  }
}

const RECEIVES = ['a=rid:h recv', 'a=rid:m recv', 'a=rid:l recv', 'a=simulcast:recv h;m;l'];

/** Puts lines into the section of the picture. */
const withLines = (sdp: string, lines: readonly string[]): string => {
  const at = sdp.indexOf('a=mid:', sdp.indexOf('m=video'));
  return `${sdp.slice(0, at)}${lines.join('\r\n')}\r\n${sdp.slice(at)}`;
};
const taking = (sdp: string): string => withLines(sdp, RECEIVES);

async function watch(layers: Layers, sinkOptions: WebRTCSinkOptions, options: TestConsumerOptions): Promise<void> {
  const uri = `ws://127.0.0.1:${server.port}`;
  const base = { signaller: { uri }, stunServer: null, videoCodecs: ['VP8'] } as const;
  sink = new WebRTCSink({ ...base, simulcast: 3, ...sinkOptions });
  sink.addTrack(testVideo({ width: 640, height: 360, framerate: 30 }));
  await sink.start();
  consumer = await TestConsumer.watch(uri, { ...options, onConnection: (connection) => connection.on('rtp', layers.receive) });
}

it('sends three sizes to a peer that answers so, each a stream of its own that can be decoded', async () => {
  const layers = new Layers();
  await watch(layers, {}, { mungeAnswer: taking });
  await consumer.until(() => layers.complete, 'three layers', 20_000);
  const sizes: Record<string, string> = { h: '640x360', m: '320x180', l: '160x90' };
  for (const [rid, layer] of layers.byRid) {
    expect([...layer.mids], rid).toEqual(['0']);
    expect(layer.frames[0]!.keyframe, rid).toBe(true);
    const pictures = await decodeVideo('VP8', layer.frames.slice(0, 20));
    expect(pictures.length, rid).toBe(20);
    expect(new Set(pictures.map(({ width, height }) => `${width}x${height}`)), rid).toEqual(new Set([sizes[rid]]));
  }
  expect(new Set([...layers.byRid.values()].map(({ ssrc }) => ssrc)).size).toBe(3);
  const report = [...(await sink.sessions[0]!.getStats()).values()];
  const outbound = report.filter(({ type }) => type === 'outbound-rtp');
  expect(outbound.map(({ rid, frameHeight }) => [rid, frameHeight])).toEqual([
    ['h', 360],
    ['m', 180],
    ['l', 90],
  ]);

  // A keyframe that is asked for of one is made of that one.
  const count = (rid: string): number => layers.byRid.get(rid)!.frames.filter(({ keyframe }) => keyframe).length;
  const before = { h: count('h'), m: count('m'), l: count('l') };
  const mediaSsrc = layers.byRid.get('m')!.ssrc;
  consumer.connection!.sendRtcp(writeRtcp([{ type: 'pli', senderSsrc: 1, mediaSsrc }]));
  await consumer.until(() => count('m') > before.m, 'a keyframe of m');
  expect([count('h'), count('l')]).toEqual([before.h, before.l]);
});

it('sends them to a peer that makes the offer, under its names', async () => {
  const layers = new Layers({ mid: 11, rid: 12 });
  const extensions = [MID_URI, RID_URI, REPAIRED_RID_URI].map((uri, index) => `a=extmap:${11 + index} ${uri}`);
  await watch(layers, {}, { offer: (sdp) => withLines(sdp, [...extensions, ...RECEIVES]) });
  await consumer.until(() => layers.complete, 'three layers', 20_000);
});

it('sends no layer that cannot be paid for', async () => {
  const layers = new Layers();
  await watch(layers, { startBitrate: 150_000, maxBitrate: 150_000 }, { mungeAnswer: taking });
  await consumer.until(() => (layers.byRid.get('l')?.frames.length ?? 0) > 60, 'the smallest layer', 20_000);
  expect([...layers.byRid.keys()]).toEqual(['l']);
});

it('sends one stream without a name to a peer that takes no more', async () => {
  const layers = new Layers();
  await watch(layers, {}, {});
  await consumer.until(() => consumer.packets.length > 100, 'packets', 20_000);
  const media = consumer.packets.filter(({ payloadType }) => payloadType === 96);
  expect(new Set(media.map(({ ssrc }) => ssrc)).size).toBe(1);
  expect(layers.byRid.size).toBe(0);
});
