import { expect, it } from 'vitest';
import { PacketArena } from '../../rtp/packet-arena.ts';
import { createPacketiser } from '../../rtp/packetiser.ts';
import { packFrame, unpackFrame } from './packed-frame.ts';

const encoded = (size: number, timestamp = 0) => ({
  data: Uint8Array.from({ length: size }, (_, i) => (i * 31 + timestamp) & 0xfe),
  timestamp,
  captureTime: 1_700_000_000_000.25 + timestamp / 1000,
  keyframe: true,
  temporalLayer: 1,
  duration: 0,
});

const packets = ({ positions, lengths }: { positions: Float64Array; lengths: Uint16Array }, arena: PacketArena) =>
  [...positions].map((position, i) => {
    const from = arena.offset(position);
    return Buffer.from(arena.bytes.slice(from, from + lengths[i]!)).toString('hex');
  });

it('carries every packet of a frame and all that is known of it into another arena, wherever its ring begins anew', () => {
  const [here, there] = [new PacketArena(64 << 10), new PacketArena(32 << 10)];
  const packetiser = createPacketiser('VP8');
  for (let i = 0; i < 40; i++) {
    const frame = packetiser.packetise(encoded(7001, i * 33_333), here)!;
    // As `postMessage` does.
    const carried = unpackFrame(structuredClone(packFrame(frame, here)!), there);
    expect(packets(carried, there)).toEqual(packets(frame, here));
    expect({ ...carried, positions: undefined }).toEqual({ ...frame, positions: undefined });
    expect(carried.count).toBeGreaterThan(5);
  }
});

it('does not carry half a frame', () => {
  const arena = new PacketArena(64 << 10);
  const packetiser = createPacketiser('VP8');
  const frame = packetiser.packetise(encoded(7000), arena)!;
  for (let i = 0; i < 9; i++) packetiser.packetise(encoded(7000, i), arena);
  expect(packFrame(frame, arena)).toBeUndefined();
});
