/** The RTP payloads (RFC 2435) in which JPEG cameras send their pictures, for tests. */

export interface JpegFile {
  readonly width: number;
  readonly height: number;
  /** 0 for 4:2:2, 1 for 4:2:0. */
  readonly type: number;
  /** The quantisation tables, 64 bytes each. */
  readonly tables: Buffer;
  readonly huffman: readonly Buffer[];
  readonly restartInterval: number;
  readonly scan: Buffer;
}

/** Takes a JPEG file apart. */
export function readJpegFile(file: Buffer): JpegFile {
  const tables: Buffer[] = [];
  const huffman: Buffer[] = [];
  let [width, height, type, restartInterval] = [0, 0, 0, 0];
  for (let at = 2; ; ) {
    const marker = file[at + 1]!;
    const end = at + 2 + file.readUInt16BE(at + 2);
    const content = file.subarray(at + 4, end);
    if (marker === 0xdb) for (let i = 0; i < content.length; i += 65) tables.push(content.subarray(i + 1, i + 65));
    if (marker === 0xc4) huffman.push(content);
    if (marker === 0xdd) restartInterval = content.readUInt16BE(0);
    if (marker === 0xc0) [height, width, type] = [content.readUInt16BE(1), content.readUInt16BE(3), content[7] === 0x22 ? 1 : 0];
    at = end;
    if (marker !== 0xda) continue;
    // One table for all has to stand there for both.
    const both = tables.length === 1 ? [...tables, ...tables] : tables;
    return { width, height, type, tables: Buffer.concat(both), huffman, restartInterval, scan: file.subarray(end) };
  }
}

const MOST = 1200;

export interface JpegPayloadOptions {
  /** §3.1.4. Default 255: the tables are sent with each picture. */
  readonly q?: number;
  /** Whether the tables are sent, where `q` is 128 or more. Default true. */
  readonly withTables?: boolean;
  /** Does not tell the size, as of what is larger than RTP can tell. Default false. */
  readonly unsized?: boolean;
}

/** The RTP payloads of a JPEG file. */
export function jpegPayloads(
  file: Uint8Array,
  { q = 255, withTables = true, unsized = false }: JpegPayloadOptions = {},
): Buffer[] {
  const { width, height, type, tables, restartInterval, scan } = readJpegFile(Buffer.from(file));
  const payloads: Buffer[] = [];
  for (let at = 0; at < scan.length; at += MOST) {
    const main = Buffer.alloc(8);
    main.writeUInt32BE(at);
    main.set([type | (restartInterval > 0 ? 0x40 : 0), q, unsized ? 0 : width >> 3, unsized ? 0 : height >> 3], 4);
    const restart = restartInterval > 0 ? [restartInterval >> 8, restartInterval & 0xff, 0xff, 0xff] : [];
    const sent = withTables ? tables : Buffer.alloc(0);
    const quantisation = q >= 128 && at === 0 ? [0, 0, sent.length >> 8, sent.length & 0xff, ...sent] : [];
    payloads.push(Buffer.concat([main, Buffer.from(restart), Buffer.from(quantisation), scan.subarray(at, at + MOST)]));
  }
  return payloads;
}
