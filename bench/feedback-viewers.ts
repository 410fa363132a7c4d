/** The viewers of the feedback benchmark: each sends what it would if packets had reached it, some late and a few not at all. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { serve, sharedClock } from './child.ts';
import { viewerKeys, viewerSsrc } from './fanout-viewer.ts';
import { INTERVAL, PACKETS, schedule, takeTurn } from './feedback-schedule.ts';
import { load } from './tswebrtc.ts';

const { SrtcpProtector } = await load('connection/srtp/srtp-context');
const { writeRtcp } = await load('rtp/rtcp/rtcp');
const { NOT_RECEIVED } = await load('rtp/rtcp/twcc');

let socket: Socket | undefined;
let stop: (() => void) | undefined;

serve({
  /** Sends to `ports`, one for each viewer, from `start` on. */
  async start({ ports, start }: { ports: number[]; start: number }): Promise<void> {
    const out = createSocket('udp4');
    out.bind(0, '127.0.0.1');
    await once(out, 'listening');
    socket = out;
    const protectors = ports.map((_port, viewer) => {
      const { profile, masterKey, masterSalt } = viewerKeys(viewer, 'feedback');
      return new SrtcpProtector(profile, masterKey, masterSalt);
    });
    const arrivals = new Int32Array(PACKETS);
    stop = schedule(start, sharedClock, (turn) =>
      takeTurn(turn, ports.length, (viewer, round) => {
        const referenceTime = Math.floor((round * INTERVAL) / 64);
        const first = round * INTERVAL - referenceTime * 64;
        for (let i = 0; i < PACKETS; i++) {
          // Frames of seven packets, paced; a packet in a hundred is lost.
          const lost = (viewer * 31 + round * 17 + i) % 100 === 7;
          const jitter = ((viewer + round * 5 + i * 3) % 9) / 4;
          const time = first + Math.floor(i / 7) * (INTERVAL / 3) + (i % 7) * 2 + jitter;
          arrivals[i] = lost ? NOT_RECEIVED : Math.round(time * 4);
        }
        const compound = writeRtcp([
          {
            type: 'transport-cc',
            senderSsrc: 1,
            mediaSsrc: viewerSsrc(viewer),
            baseSequenceNumber: (round * PACKETS) & 0xffff,
            referenceTime: referenceTime & 0x7fffff,
            feedbackPacketCount: round & 0xff,
            arrivals,
          },
        ]);
        const datagram = protectors[viewer]!.protect(compound);
        if (datagram) out.send(datagram, ports[viewer]!, '127.0.0.1');
      }),
    );
  },

  stop(): void {
    stop?.();
    socket?.close();
  },
});
