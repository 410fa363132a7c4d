/** Which stream a packet belongs to where no SSRC was announced: by the name of its m-line, and of several encodings one. */
import { afterEach, describe, expect, it } from 'vitest';
import { RtpReceiver } from './rtp-receiver.ts';
import { RtpReception } from './rtp-reception.ts';

const VP8 = 96;
const MID = 4;
const RID = 5;

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

/** Two pictures with the same payload type. */
function setUp(extensions = { mid: MID, rid: RID }) {
  const codec = { name: 'VP8', payloadType: VP8, clockRate: 90_000, fmtp: {}, rtcpFeedback: ['nack'] };
  const receivers = ['video0', 'video1'].map((mid) => {
    const receiver = new RtpReceiver('video');
    receiver.configure([codec], [], true, mid);
    return receiver;
  });
  const frames: [mid: string | undefined, data: number][] = [];
  for (const receiver of receivers) receiver.on('frame', ({ data }) => frames.push([receiver.mid, data.at(-1)!]));
  const reception = new RtpReception({
    cname: 'c',
    receivers: () => receivers,
    extensions: () => extensions,
    roundTripTime: () => undefined,
    send: () => {},
  });
  cleanups.push(() => reception.stop());
  const numbers = new Map<number, number>();
  /** One packet with a keyframe that ends in `mark`. */
  const receive = (ssrc: number, mark: number, texts: Readonly<Record<number, string>> = {}): void => {
    const sequence = (numbers.get(ssrc) ?? 0) + 1;
    numbers.set(ssrc, sequence);
    const elements = Object.entries(texts).flatMap(([id, text]) => [(Number(id) << 4) | (text.length - 1), ...Buffer.from(text)]);
    while (elements.length % 4 !== 0) elements.push(0);
    const header = [elements.length > 0 ? 0x90 : 0x80, 0x80 | VP8, sequence >> 8, sequence & 0xff, 0, 0, sequence, 0];
    const source = [ssrc >>> 24, (ssrc >> 16) & 0xff, (ssrc >> 8) & 0xff, ssrc & 0xff];
    const block = elements.length > 0 ? [0xbe, 0xde, 0, elements.length / 4, ...elements] : [];
    const frame = [0x10, 0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 1, 0xf0, 0, mark];
    reception.receive(Uint8Array.from([...header, ...source, ...block, ...frame]), performance.now());
  };
  return { frames, receive };
}

describe('packets whose SSRC is not known', () => {
  it('go where their m-line is named, and so do those behind them without a name', () => {
    const { frames, receive } = setUp();
    receive(11, 1, { [MID]: 'video1' });
    receive(22, 2, { [MID]: 'video0' });
    receive(11, 3);
    receive(22, 4);
    expect(frames).toEqual([
      ['video1', 1],
      ['video0', 2],
      ['video1', 3],
      ['video0', 4],
    ]);
  });

  it('go nowhere where two m-lines could be meant, or one that is not there', () => {
    const { frames, receive } = setUp();
    receive(11, 1);
    receive(11, 2, { [MID]: 'video7' });
    expect(frames).toEqual([]);
  });

  it('are of one encoding: the first that shows', () => {
    const { frames, receive } = setUp();
    receive(11, 1, { [MID]: 'video0', [RID]: 'low' });
    receive(12, 2, { [MID]: 'video0', [RID]: 'high' });
    receive(11, 3, { [MID]: 'video0', [RID]: 'low' });
    // Its SSRC may change.
    receive(13, 4, { [MID]: 'video0', [RID]: 'low' });
    expect(frames.map(([, mark]) => mark)).toEqual([1, 3, 4]);
  });
});
