/**
 * Extended reports (RFC 3611): the two blocks by which a receiver that sends no media learns the round-trip time. It says when it
 * sent (§4.4), the other side how long ago it had that (§4.5). Other blocks are passed over.
 */
import { type ByteWriter, readUint16, readUint32 } from './bytes.ts';
import type { ExtendedReport } from './types.ts';

const REFERENCE_TIME = 4;
const DELAYS = 5;
const DELAY_LENGTH = 12;

/** `body` starts at the sender's SSRC. */
export function readExtendedReport(body: Uint8Array): ExtendedReport | undefined {
  if (body.length < 4) return undefined;
  let referenceTime: ExtendedReport['referenceTime'];
  const delays: { ssrc: number; lastReference: number; delay: number }[] = [];
  for (let at = 4; at + 4 <= body.length; ) {
    const end = at + 4 + 4 * readUint16(body, at + 2);
    if (end > body.length) break;
    if (body[at] === REFERENCE_TIME && end - at === 12) {
      referenceTime = { seconds: readUint32(body, at + 4), fraction: readUint32(body, at + 8) };
    } else if (body[at] === DELAYS) {
      for (let block = at + 4; block + DELAY_LENGTH <= end; block += DELAY_LENGTH) {
        const [ssrc, lastReference, delay] = [0, 4, 8].map((offset) => readUint32(body, block + offset)) as [
          number,
          number,
          number,
        ];
        delays.push({ ssrc, lastReference, delay });
      }
    }
    at = end;
  }
  return { type: 'xr', ssrc: readUint32(body, 0), ...(referenceTime ? { referenceTime } : {}), delays };
}

export function writeExtendedReport(out: ByteWriter, { ssrc, referenceTime, delays }: ExtendedReport): void {
  out.uint32(ssrc);
  if (referenceTime) {
    out.uint32((REFERENCE_TIME << 24) | 2);
    out.uint32(referenceTime.seconds);
    out.uint32(referenceTime.fraction);
  }
  if (delays.length === 0) return;
  out.uint32((DELAYS << 24) | (3 * delays.length));
  for (const { ssrc: receiver, lastReference, delay } of delays) {
    out.uint32(receiver);
    out.uint32(lastReference);
    out.uint32(delay);
  }
}
