/**
 * Simulcast: several encodings of one medium at once, each named by a RID (RFC 8851, RFC 8853). Which RIDs a section lists, which
 * of a peer's we take, and what an offer and its answer come to.
 */
import type { MediaDescription, SimulcastStream } from './description.ts';
import { RID_URI } from './local-media.ts';

/** Names that say which encoding is larger, largest first. */
const SIZED_NAMES: readonly (readonly string[])[] = [
  ['f', 'h', 'q'],
  ['h', 'm', 'l'],
  ['hi', 'mid', 'lo'],
  ['high', 'mid', 'low'],
];
/** Longer ones have no room in our packets' headers. */
export const LONGEST_RID = 3;
const MAX_STREAMS = 16;
/** RFC 8852 §3.3: what can also be said in a header extension. RFC 8851 has `-` and `_` too. */
const RID = /^[A-Za-z0-9_-]{1,255}$/;

/** Names of so many encodings of ours, largest first; none of fewer than two. */
export function ridsFor(count: number): readonly string[] {
  if (count < 2) return [];
  return count === 2 ? ['h', 'l'] : ['h', 'm', 'l'];
}

/** Reads what follows `a=rid:`; undefined where that makes no sense. */
export function parseRid(text: string): MediaDescription['rids'][number] | undefined {
  const [id, direction, ...restrictions] = text.trim().split(/\s+/);
  if (!id || !RID.test(id) || (direction !== 'send' && direction !== 'recv')) return undefined;
  return { id, direction, restrictions: restrictions.join(' ') };
}

/** Reads what follows `a=simulcast:`, `send h;~m,n recv x`; undefined where that makes no sense. */
export function parseSimulcast(text: string): MediaDescription['simulcast'] {
  const words = text.trim().split(/\s+/);
  const lists: { send: SimulcastStream[]; recv: SimulcastStream[] } = { send: [], recv: [] };
  for (let i = 0; i < words.length; i += 2) {
    const direction = words[i];
    const list = words[i + 1];
    if ((direction !== 'send' && direction !== 'recv') || !list || lists[direction].length > 0) return undefined;
    const streams = list.split(';').map((stream) => stream.split(',').map(parseAlternative));
    if (streams.length > MAX_STREAMS || !streams.flat().every(({ rid }) => RID.test(rid))) return undefined;
    lists[direction] = streams;
  }
  return lists;
}

function parseAlternative(text: string): SimulcastStream[number] {
  return text.startsWith('~') ? { rid: text.slice(1), paused: true } : { rid: text, paused: false };
}

/** What is written behind `a=simulcast:`. */
export function simulcastText({ send, recv }: NonNullable<MediaDescription['simulcast']>): string {
  const list = (streams: readonly SimulcastStream[]): string =>
    streams.map((stream) => stream.map(({ rid, paused }) => `${paused ? '~' : ''}${rid}`).join(',')).join(';');
  return [...(send.length > 0 ? [`send ${list(send)}`] : []), ...(recv.length > 0 ? [`recv ${list(recv)}`] : [])].join(' ');
}

/** The part of a section that says that `rids` are sent; nothing where there are none. */
export function describeSimulcast(rids: readonly string[]): Pick<MediaDescription, 'rids' | 'simulcast'> {
  if (rids.length === 0) return { rids: [], simulcast: undefined };
  return {
    rids: rids.map((id) => ({ id, direction: 'send', restrictions: '' })),
    simulcast: { send: rids.map((rid) => [{ rid, paused: false }]), recv: [] },
  };
}

/** Which of the encodings that an offer wants to receive we send: at most `most`, largest first. None of fewer than two. */
export function answerRids(offered: MediaDescription, most: number): readonly string[] {
  if (most < 2 || !offered.extensions.some(({ uri }) => uri === RID_URI)) return [];
  const wanted = (offered.simulcast?.recv ?? []).flatMap(
    (stream) => stream.find(({ rid, paused }) => !paused && fits(rid)) ?? [],
  );
  const rids = [...new Set(wanted.map(({ rid }) => rid))];
  const sizes = SIZED_NAMES.find((names) => rids.every((rid) => names.includes(rid)));
  // By RFC 8853 §5.1 the most wanted stands first.
  if (sizes) rids.sort((a, b) => sizes.indexOf(a) - sizes.indexOf(b));
  return rids.length < 2 ? [] : rids.slice(0, most);
}

const fits = (rid: string): boolean => rid.length <= LONGEST_RID && /^[A-Za-z0-9]+$/.test(rid);

/** The encodings that we are to send, largest first, as we listed them; none where the peer does not take them. */
export function agreeOnRids(ours: MediaDescription, theirs: MediaDescription, ridId: number | undefined): readonly string[] {
  if (ridId === undefined || !ours.simulcast || !theirs.simulcast) return [];
  const taken = theirs.simulcast.recv.flat().filter(({ paused }) => !paused);
  return ours.simulcast.send.flatMap(([first]) => (first && taken.some(({ rid }) => rid === first.rid) ? first.rid : []));
}
