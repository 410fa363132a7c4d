/** A producer that changes its mind: tracks that come and go while others play on (reference §3.7). The signaller is the test. */
import { afterEach, describe, expect, it } from 'vitest';
import { Emitter } from '../common/emitter.ts';
import { Connection, type Transceiver } from '../connection/connection.ts';
import { NodeSrtpSender } from '../connection/srtp/node-srtp-sender.ts';
import { PacketArena } from '../rtp/packet-arena.ts';
import { createPacketiser } from '../rtp/packetiser.ts';
import { SendOps } from '../rtp/send-ops.ts';
import { OPUS, VP8 } from '../sdp/session.testing.ts';
import type { SessionDescription, Signaller, SignallerEvents } from '../signalling/signaller.ts';
import type { SrcTrack } from './src-track.ts';
import { WebRTCSrc } from './webrtcsrc.ts';

/** Both ends of the signalling: what the source says goes to a connection that produces. */
class DirectSignaller extends Emitter<SignallerEvents> implements Signaller {
  readonly ended: string[] = [];
  connection: Connection | undefined;
  #answered: () => void = () => {};

  start(): void {
    this.emit('registered', 'src');
  }

  async stop(): Promise<void> {}

  sendSdp(_sessionId: string, description: SessionDescription): void {
    void this.connection?.setRemoteDescription(description).then(() => this.#answered());
  }

  addIce(_sessionId: string, candidate: string, sdpMLineIndex: number): void {
    void this.connection?.addIceCandidate({ candidate, sdpMLineIndex });
  }

  endSession(sessionId: string): void {
    this.ended.push(sessionId);
  }

  override emit<K extends keyof SignallerEvents>(event: K, ...args: SignallerEvents[K]): void {
    super.emit(event, ...args);
  }

  /** Offers what the connection has now; resolves with its answer. */
  async offer(): Promise<void> {
    const connection = this.connection!;
    const answered = new Promise<void>((resolve) => {
      this.#answered = resolve;
    });
    const offer = await connection.createOffer();
    this.emit('session-description', 's', offer);
    await connection.setLocalDescription(offer);
    await answered;
  }
}

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function setUp() {
  const srtpSender = new NodeSrtpSender();
  const connection = await Connection.create({ srtpSender, gatherLoopback: true, reception: false });
  const signaller = new DirectSignaller();
  signaller.connection = connection;
  const src = new WebRTCSrc({ signaller, stunServer: null });
  const tracks: SrcTrack[] = [];
  src.on('track', (track) => tracks.push(track));
  const frames = new Map<string, number>();
  src.on('track', (track) => track.on('frame', () => frames.set(track.name, (frames.get(track.name) ?? 0) + 1)));
  const errors: Error[] = [];
  src.on('error', (error) => errors.push(error));
  cleanups.push(
    () => srtpSender.close(),
    () => connection.close(),
    () => src.close(),
  );
  await src.start();
  connection.on('icecandidate', ({ candidate, sdpMLineIndex }) =>
    signaller.emit('handle-ice', 's', sdpMLineIndex ?? 0, undefined, candidate),
  );
  signaller.emit('session-started', 's', 'producer');
  const arena = new PacketArena();
  let time = 0;
  const senders = new Map<Transceiver, ReturnType<typeof createPacketiser>>();
  const timer = setInterval(() => {
    time += 20_000;
    for (const transceiver of connection.transceivers) {
      const { sender, currentDirection, kind } = transceiver;
      if (connection.state !== 'connected' || currentDirection !== 'sendonly' || !sender?.codec || !sender.stream) continue;
      const packetiser = senders.get(transceiver) ?? createPacketiser(sender.codec.name);
      senders.set(transceiver, packetiser);
      // A frame tag of a VP8 keyframe, its start code and size.
      const picture = Uint8Array.of(0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 1, 0xf0, 0, 1, 2, 3);
      const data = kind === 'video' ? picture : new Uint8Array(80).fill(7);
      const captureTime = performance.timeOrigin + performance.now();
      const frame = packetiser.packetise(
        { data, timestamp: time, captureTime, keyframe: true, temporalLayer: 0, duration: 20_000 },
        arena,
      )!;
      const ops = new SendOps();
      for (let i = 0; i < frame.count; i++) {
        const now = performance.now();
        sender.stream.writePacket(ops, connection.lane!, arena, frame, i, now, connection.nextTransportSequenceNumber());
      }
      srtpSender.send(arena, ops);
    }
  }, 20);
  cleanups.push(() => clearInterval(timer));
  const arrives = async (name: string): Promise<void> => {
    const before = frames.get(name) ?? 0;
    await expect.poll(() => frames.get(name) ?? 0, { timeout: 10_000 }).toBeGreaterThan(before + 10);
  };
  return { connection, signaller, src, tracks, errors, frames, arrives };
}

describe('renegotiation', () => {
  it('shows tracks as they come, ends those that go, and leaves the others alone', async () => {
    const { connection, signaller, src, tracks, errors, frames, arrives } = await setUp();
    const first = connection.addTransceiver({ kind: 'video', direction: 'sendonly', codecs: [VP8] });
    await signaller.offer();
    await arrives('video_0');
    expect(tracks.map(({ name }) => name)).toEqual(['video_0']);

    connection.addTransceiver({ kind: 'audio', direction: 'sendonly', codecs: [OPUS] });
    connection.addTransceiver({ kind: 'video', direction: 'sendonly', codecs: [VP8] });
    await signaller.offer();
    await arrives('audio_0');
    await arrives('video_1');
    await arrives('video_0');
    expect(tracks.map(({ name }) => name).sort()).toEqual(['audio_0', 'video_0', 'video_1']);
    expect(new Set(tracks.map(({ mid }) => mid)).size).toBe(3);

    first.direction = 'inactive';
    await signaller.offer();
    await expect.poll(() => tracks[0]!.ended).toBe(true);
    expect(src.tracks.map(({ name }) => name).sort()).toEqual(['audio_0', 'video_1']);
    const gone = frames.get('video_0');
    await arrives('audio_0');
    await arrives('video_1');
    expect(frames.get('video_0')).toBe(gone);

    // The same offer again changes nothing: no name is used twice, none is taken away.
    await signaller.offer();
    await arrives('video_1');
    expect(tracks).toHaveLength(3);
    expect(errors).toEqual([]);
    expect(signaller.ended).toEqual([]);
  });

  it('refuses a second session while there is one', async () => {
    const { connection, signaller, arrives } = await setUp();
    connection.addTransceiver({ kind: 'video', direction: 'sendonly', codecs: [VP8] });
    await signaller.offer();
    await arrives('video_0');
    signaller.emit('session-started', 'other', 'somebody');
    expect(signaller.ended).toEqual(['other']);
    await arrives('video_0');
  });
});
