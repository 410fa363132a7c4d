/**
 * Addresses of `….local` names: browsers hide their host addresses behind such names (draft-ietf-mmusic-mdns-ice-candidates).
 * A one-shot question by multicast DNS (RFC 6762 §5.1) on the shared port, so that multicast answers reach us too.
 */
import { createSocket, type Socket } from 'node:dgram';
import { networkInterfaces } from 'node:os';

const GROUP = '224.0.0.251';
const GROUP_IPV6 = 'ff02::fb';
const PORT = 5353;
const TYPE_A = 1;
const TYPE_AAAA = 28;
/** RFC 6762 §5.4: the top bit of the class asks for a unicast answer. */
const CLASS_IN_UNICAST = 0x8001;
/** ms after the first time. */
const ASK_AGAIN = [250, 1000];
const TIMEOUT = 3000;
/** Names asked for at once; others wait. */
const MOST_LOOKUPS = 32;
/** A machine with many container bridges would otherwise open a socket on each. */
const MOST_INTERFACES = 8;

/** The question for the addresses of `name`. */
export function mdnsQuestion(name: string): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt16BE(2, 4);
  const labels = name.split('.').map((label) => {
    const bytes = Buffer.from(label).subarray(0, 63);
    return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  });
  const questions = [TYPE_A, TYPE_AAAA].flatMap((type) => {
    const end = Buffer.alloc(5);
    end.writeUInt16BE(type, 1);
    end.writeUInt16BE(CLASS_IN_UNICAST, 3);
    return [...labels, end];
  });
  return Buffer.concat([header, ...questions]);
}

/** The address of `name` in a DNS answer, IPv4 or IPv6; undefined when the message is malformed or says nothing of it. */
export function mdnsAnswer(message: Buffer, name: string): string | undefined {
  try {
    if ((message.readUInt16BE(2) & 0x8000) === 0) return undefined;
    let at = 12;
    for (let i = message.readUInt16BE(4); i > 0; i--) at = readName(message, at).next + 4;
    for (let i = message.readUInt16BE(6) + message.readUInt16BE(8) + message.readUInt16BE(10); i > 0; i--) {
      const owner = readName(message, at);
      at = owner.next;
      const type = message.readUInt16BE(at);
      const length = message.readUInt16BE(at + 8);
      at += 10;
      if (owner.name.toLowerCase() === name.toLowerCase() && at + length <= message.length) {
        if (type === TYPE_A && length === 4) return [...message.subarray(at, at + 4)].join('.');
        if (type === TYPE_AAAA && length === 16) return ipv6(message.subarray(at, at + 16));
      }
      at += length;
    }
  } catch {
    // Ends before it should.
  }
  return undefined;
}

/** In the form the system writes it in, since the addresses of arriving datagrams are compared with it. */
function ipv6(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16));
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

function readName(message: Buffer, start: number): { name: string; next: number } {
  const labels: string[] = [];
  let next = -1;
  let at = start;
  // RFC 1035 §4.1.4: compression pointers; the bound keeps a loop of them from holding us.
  for (let steps = 0; steps < 64; steps++) {
    const length = message.readUInt8(at);
    if (length === 0) return { name: labels.join('.'), next: next < 0 ? at + 1 : next };
    if (length >= 0xc0) {
      if (next < 0) next = at + 2;
      at = message.readUInt16BE(at) & 0x3fff;
    } else {
      labels.push(message.toString('utf8', at + 1, at + 1 + length));
      at += 1 + length;
    }
  }
  throw new RangeError('name too long');
}

interface Lookup {
  readonly name: string;
  readonly question: Buffer;
  readonly timers: NodeJS.Timeout[];
  readonly settle: (address?: string) => void;
}

/** Looks names up, many on the same sockets, which are open while there is something to look up. */
export class MdnsResolver {
  readonly #links: () => readonly MulticastLink[];
  readonly #waiting = new Set<Lookup>();
  readonly #running = new Set<Lookup>();
  #sockets: Socket[] = [];
  /** Those that can send, and where to. */
  readonly #ready = new Map<Socket, string>();

  /** `links`: asked for each time that sockets are opened. */
  constructor(links: () => readonly MulticastLink[] = multicastLinks) {
    this.#links = links;
  }

  /**
   * Asks on every interface, over IPv4 and IPv6; undefined when nobody answers within 3 s of being asked, when multicast does not
   * work here, or on abort.
   */
  resolve(name: string, signal: AbortSignal): Promise<string | undefined> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve(undefined);
      const settle = (address?: string): void => {
        signal.removeEventListener('abort', abort);
        for (const timer of lookup.timers) clearTimeout(timer);
        this.#waiting.delete(lookup);
        this.#running.delete(lookup);
        this.#next();
        resolve(address);
      };
      const abort = (): void => settle();
      const lookup: Lookup = { name, question: mdnsQuestion(name), timers: [], settle };
      signal.addEventListener('abort', abort);
      this.#waiting.add(lookup);
      this.#next();
    });
  }

  #next(): void {
    for (const lookup of this.#waiting) {
      if (this.#running.size >= MOST_LOOKUPS) return;
      this.#waiting.delete(lookup);
      this.#running.add(lookup);
      if (this.#sockets.length === 0) this.#open();
      this.#ask(lookup);
      for (const delay of ASK_AGAIN) lookup.timers.push(setTimeout(() => this.#ask(lookup), delay));
      lookup.timers.push(setTimeout(() => lookup.settle(), TIMEOUT));
    }
    if (this.#running.size > 0) return;
    for (const socket of this.#sockets) this.#close(socket);
    this.#sockets = [];
  }

  #ask({ question }: Lookup): void {
    for (const [socket, group] of this.#ready) socket.send(question, PORT, group, ignore);
  }

  #open(): void {
    this.#sockets = this.#links().map(({ type, group, membership, outgoing }) => {
      const socket = createSocket({ type, reuseAddr: true });
      // An interface that does no multicast: there are others, or the time runs out.
      socket.on('error', () => this.#close(socket));
      socket.on('message', (message) => {
        for (const lookup of [...this.#running]) {
          const address = mdnsAnswer(message, lookup.name);
          if (address) lookup.settle(address);
        }
      });
      socket.bind(PORT, () => {
        try {
          socket.addMembership(group, membership);
          socket.setMulticastInterface(outgoing);
        } catch {
          this.#close(socket);
          return;
        }
        this.#ready.set(socket, group);
        for (const { question } of this.#running) socket.send(question, PORT, group, ignore);
      });
      return socket;
    });
  }

  #close(socket: Socket): void {
    this.#ready.delete(socket);
    try {
      socket.close();
    } catch {
      // It never opened, or is closed.
    }
  }
}

/** Of all connections of the thread. */
export const mdnsResolver = new MdnsResolver();

interface MulticastLink {
  readonly type: 'udp4' | 'udp6';
  readonly group: string;
  readonly membership: string;
  readonly outgoing: string;
}

/** Each interface once for each family; loopback only where there is nothing else. */
export function multicastLinks(interfaces = networkInterfaces()): MulticastLink[] {
  const links: MulticastLink[] = [];
  const all = Object.entries(interfaces).map(([name, list]) => [name, list ?? []] as const);
  const outer = all.filter(([, list]) => list.some(({ internal }) => !internal));
  for (const [name, list] of (outer.length > 0 ? outer : all).slice(0, MOST_INTERFACES)) {
    const v4 = list.find(({ family }) => family === 'IPv4')?.address;
    if (v4) links.push({ type: 'udp4', group: GROUP, membership: v4, outgoing: v4 });
    // IPv6 names the interface; on Windows by its number.
    const v6 = list.find(({ family }) => family === 'IPv6');
    const scope = process.platform === 'win32' ? v6?.scopeid : name;
    if (v6) links.push({ type: 'udp6', group: GROUP_IPV6, membership: `::%${scope}`, outgoing: `::%${scope}` });
  }
  return links;
}

const ignore = (): void => {};
