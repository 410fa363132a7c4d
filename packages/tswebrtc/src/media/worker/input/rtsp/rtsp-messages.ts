/** What RTSP 1.0 (RFC 2326) looks like on the wire: requests, responses and interleaved packets (§10.12). */

export interface RtspResponse {
  readonly status: number;
  readonly reason: string;
  /** By name in lower case; of several of one name the values joined by line breaks. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

export interface InterleavedPacket {
  readonly channel: number;
  readonly data: Uint8Array;
}

const DOLLAR = 0x24;
/** No response is longer: what claims to be is no RTSP. */
const LONGEST_HEAD = 65_536;
const LONGEST_BODY = 1 << 20;

export function formatRequest(method: string, uri: string, headers: Readonly<Record<string, string | number>>): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${uri} RTSP/1.0\r\n${lines.join('')}\r\n`;
}

/** Cuts what comes from a server into messages. */
export class RtspParser {
  #pending: Buffer = Buffer.alloc(0);

  /** What is complete with these bytes. Throws where they are not RTSP. Packets lie in the bytes given. */
  push(bytes: Buffer): (RtspResponse | InterleavedPacket)[] {
    let data = this.#pending.length > 0 ? Buffer.concat([this.#pending, bytes]) : bytes;
    const found: (RtspResponse | InterleavedPacket)[] = [];
    for (;;) {
      const length = data.length === 0 ? undefined : data[0] === DOLLAR ? packetLength(data) : messageLength(data);
      if (length === undefined || data.length < length) break;
      const whole = data.subarray(0, length);
      data = data.subarray(length);
      if (whole[0] === DOLLAR) found.push({ channel: whole[1]!, data: whole.subarray(4) });
      else if (whole.subarray(0, 5).toString('latin1') === 'RTSP/') found.push(parseResponse(whole));
      // A request of the server's own (ANNOUNCE, REDIRECT, …) is of no use here.
    }
    this.#pending = data.length > 0 ? Buffer.from(data) : data;
    return found;
  }
}

function packetLength(data: Buffer): number | undefined {
  return data.length < 4 ? undefined : 4 + data.readUInt16BE(2);
}

function messageLength(data: Buffer): number | undefined {
  const head = data.indexOf('\r\n\r\n');
  if (head < 0) {
    if (data.length > LONGEST_HEAD) throw new Error('what it sends is no RTSP');
    return undefined;
  }
  const body = Number(/^content-length:\s*(\d+)\s*$/im.exec(data.subarray(0, head).toString('latin1'))?.[1] ?? 0);
  if (body > LONGEST_BODY) throw new Error('its description is too long');
  return head + 4 + body;
}

function parseResponse(data: Buffer): RtspResponse {
  const end = data.indexOf('\r\n\r\n');
  const [first = '', ...lines] = data.subarray(0, end).toString('utf8').split('\r\n');
  const status = /^RTSP\/\d\.\d (\d{3}) ?(.*)$/.exec(first);
  if (!status) throw new Error('what it sends is no RTSP');
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon < 0) continue;
    const name = line.slice(0, colon).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers.set(name, headers.has(name) ? `${headers.get(name)}\n${value}` : value);
  }
  return { status: Number(status[1]), reason: status[2]!, headers, body: data.subarray(end + 4).toString('utf8') };
}
