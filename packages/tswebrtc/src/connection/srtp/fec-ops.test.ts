/** RED, ULPFEC and their retransmissions are ops like any other: both senders protect them as they are. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { expect, it, onTestFinished } from 'vitest';
import { render } from '../../rtp/ops.testing.ts';
import { OutboundStream } from '../../rtp/outbound-stream.ts';
import { PacketArena } from '../../rtp/packet-arena.ts';
import { frameOf } from '../../rtp/packetisers/packetisers.testing.ts';
import { Vp8Packetiser } from '../../rtp/packetisers/vp8.ts';
import { SendOps } from '../../rtp/send-ops.ts';
import { createSrtpSender } from './create-srtp-sender.ts';
import { SrtpReceiver } from './srtp-context.ts';

it.each(['plain', 'native'] as const)('the %s sender sends frames in RED with FEC, and both again', async (choice) => {
  const sender = await createSrtpSender({ choice }).catch(() => undefined);
  if (!sender) return expect(choice).toBe('native'); // not built here
  onTestFinished(() => sender.close());
  const [out, inbound] = [createSocket('udp4'), createSocket('udp4')];
  for (const socket of [out, inbound]) {
    onTestFinished(() => void socket.close());
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
  }
  const keys = ['AEAD_AES_128_GCM', Buffer.alloc(16, 1), Buffer.alloc(12, 2)] as const;
  const receiver = new SrtpReceiver(...keys);
  const received: string[] = [];
  inbound.on('message', (datagram) => received.push(receiver.unprotectRtp(datagram)!.toString('hex')));
  const lane = sender.addLane({
    profile: keys[0],
    masterKey: keys[1],
    masterSalt: keys[2],
    socket: out,
    address: '127.0.0.1',
    port: inbound.address().port,
    sendDatagram: () => {},
  });

  const arena = new PacketArena(1 << 20);
  const ops = new SendOps();
  let number = 0;
  const take = (): number => number++;
  const stream = new OutboundStream({
    ...{ ssrc: 1, payloadType: 96, clockRate: 90_000, rtxSsrc: 2, rtxPayloadType: 97 },
    ...{ redPayloadType: 98, ulpfecPayloadType: 99, redRtxPayloadType: 100 },
    extensions: { transportCc: 1, absSendTime: 2 },
    ...{ initialSequenceNumber: 9, initialRtxSequenceNumber: 5, timestampOffset: 7, initialPictureId: 3 },
  });
  stream.fecPercentage = 50;
  const frame = new Vp8Packetiser().packetise(frameOf(Uint8Array.from({ length: 1167 * 20 }, (_, i) => i * 3)), arena)!;
  for (let i = 0; i < frame.count; i++) stream.writePacket(ops, lane, arena, frame, i, 50, take());
  while (stream.nextFec(ops, lane, arena, 50, take) > 0);
  stream.handleNack([9, 10, 30, 31], 51, 10);
  while (stream.nextRetransmission(ops, lane, arena, 51, take) > 0);
  expect(ops.count).toBe(20 + 10 + 4);

  const expected = Array.from({ length: ops.count }, (_, i) => Buffer.from(render(arena, ops, i).bytes).toString('hex'));
  expect(sender.send(arena, ops)).toBe(ops.count);
  await expect.poll(() => received.length).toBe(expected.length);
  expect(received).toEqual(expected);
});
