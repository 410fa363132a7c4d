/** Peers that send what `MalformedFrames` makes up, and come back when the server has had enough of them. */
import { LightPeer, type Target } from './light-peer.testing.ts';
import type { MalformedFrames } from './malformed-frames.testing.ts';
import { clientFrame, Opcode } from './raw-frames.testing.ts';

/** Connections at a time. */
const ATTACKERS = 8;
/** Connections left half said at a time; the oldest goes first. */
const MOST_SILENT = 100;
/** How long a server may take to answer a ping or to close, ms. */
const PATIENCE = 20_000;
const PROBE = 'probe';

export interface Attack {
  readonly frames: number;
  readonly connections: number;
  /** How often the server closed with each code; under `none` without one. */
  readonly closed: Readonly<Record<string, number>>;
  /** How often it neither answered a ping nor closed in time. */
  readonly unanswered: number;
}

/** Sends at least `count` frames; resolves when the server has taken the last and every connection is gone at this end. */
export async function attack(target: Target, malformed: MalformedFrames, count: number): Promise<Attack> {
  let frames = 0;
  let connections = 0;
  let unanswered = 0;
  const closed: Record<string, number> = {};
  const silent: LightPeer[] = [];

  const attacker = async (): Promise<void> => {
    while (frames < count) {
      const peer = await LightPeer.open(target);
      connections++;
      peer.onClose = (code) => {
        closed[code ?? 'none'] = (closed[code ?? 'none'] ?? 0) + 1;
      };
      while (frames < count && !peer.isClosed) {
        const next = malformed.next();
        frames += next.frames;
        peer.write(next.bytes);
        if (next.after !== 'probe') {
          await leave(peer, next.after);
          break;
        }
        if (await answers(peer)) continue;
        if (!peer.isClosed) unanswered++;
        break;
      }
      if (!silent.includes(peer)) drop(peer);
    }
  };
  const leave = async (peer: LightPeer, how: 'silence' | 'end' | 'reset'): Promise<void> => {
    if (how === 'silence') {
      silent.push(peer);
      if (silent.length > MOST_SILENT) drop(silent.shift()!);
    } else if (how === 'end') {
      peer.end();
      await gone(peer);
    }
  };
  await Promise.all(Array.from({ length: ATTACKERS }, attacker));
  for (const peer of silent) drop(peer);
  return { frames, connections, closed, unanswered };
}

/** From here on its end says nothing about the server. */
function drop(peer: LightPeer): void {
  peer.onClose = () => {};
  peer.reset();
}

/** Whether the server still answers; false as soon as it has closed, or when it does neither in time. */
async function answers(peer: LightPeer): Promise<boolean> {
  peer.write(clientFrame(Opcode.ping, PROBE));
  let hasAnswered = false;
  await until(peer, (settle) => {
    peer.onPong = (payload) => {
      if (String(payload) !== PROBE) return;
      hasAnswered = true;
      settle();
    };
  });
  return hasAnswered;
}

const gone = (peer: LightPeer): Promise<void> => until(peer, () => {});

/** Resolves when `watch` settles, when the connection is gone, or when patience ends. */
async function until(peer: LightPeer, watch: (settle: () => void) => void): Promise<void> {
  if (peer.isClosed) return;
  const { onClose } = peer;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, PATIENCE);
    const settle = (): void => {
      clearTimeout(timer);
      resolve();
    };
    peer.onClose = (code) => {
      onClose(code);
      settle();
    };
    watch(settle);
  });
  if (!peer.isClosed) peer.onClose = onClose;
}
