/** SDES and BYE: bodies behind the RTCP header (RFC 3550 §6.5, §6.6). */
import { type ByteWriter, readUint32 } from './bytes.ts';
import type { Goodbye, SourceDescription } from './types.ts';

const END = 0;
const CNAME = 1;
const LONGEST_TEXT = 255;

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** `count` chunks; those that are cut off are left out. */
export function readSourceDescription(body: Uint8Array, count: number): SourceDescription {
  const chunks: { ssrc: number; cname: string | undefined }[] = [];
  let at = 0;
  while (chunks.length < count && at + 4 <= body.length) {
    const ssrc = readUint32(body, at);
    let cname: string | undefined;
    at += 4;
    while (at < body.length && body[at] !== END) {
      if (at + 2 > body.length || at + 2 + body[at + 1]! > body.length) return { type: 'sdes', chunks };
      const end = at + 2 + body[at + 1]!;
      if (body[at] === CNAME) cname = decoder.decode(body.slice(at + 2, end));
      at = end;
    }
    chunks.push({ ssrc, cname });
    // At least one zero ends the items, then zeros up to the next word.
    at = (at + 4) & ~3;
  }
  return { type: 'sdes', chunks };
}

export function writeSourceDescription(out: ByteWriter, description: SourceDescription): void {
  for (const { ssrc, cname } of description.chunks) {
    out.uint32(ssrc);
    if (cname !== undefined) {
      out.uint8(CNAME);
      writeText(out, cname);
    }
    out.uint8(END);
    out.align();
  }
}

export function readGoodbye(body: Uint8Array, count: number): Goodbye | undefined {
  if (body.length < 4 * count) return undefined;
  const ssrcs: number[] = [];
  for (let i = 0; i < count; i++) ssrcs.push(readUint32(body, 4 * i));
  const at = 4 * count;
  const length = body[at] ?? 0;
  if (length === 0 || at + 1 + length > body.length) return { type: 'bye', ssrcs };
  return { type: 'bye', ssrcs, reason: decoder.decode(body.slice(at + 1, at + 1 + length)) };
}

export function writeGoodbye(out: ByteWriter, goodbye: Goodbye): void {
  for (const ssrc of goodbye.ssrcs) out.uint32(ssrc);
  if (goodbye.reason) writeText(out, goodbye.reason);
  out.align();
}

/** A length byte and UTF-8, cut at a character's boundary where it is too long. */
function writeText(out: ByteWriter, text: string): void {
  const buffer = new Uint8Array(LONGEST_TEXT);
  const { written } = encoder.encodeInto(text, buffer);
  out.uint8(written);
  out.bytes(buffer.subarray(0, written));
}
