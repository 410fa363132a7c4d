/** What a producer is called on the page and in its address. */
import type { Peer } from '@tswebrtc/browser';

/** Its `meta.name` where it has one, else undefined. */
export function nameOf(peer: Peer): string | undefined {
  const { name } = peer.meta;
  return typeof name === 'string' && name.trim() !== '' ? name : undefined;
}

/** A stranger wrote the name: more characters than this are not shown. */
const MAX_TITLE = 80;

/** What to show for it: its name, else the beginning of its id. */
export function titleOf(peer: Peer): string {
  const name = nameOf(peer);
  if (name === undefined) return `Stream ${peer.id.slice(0, 8)}`;
  const characters = [...name];
  return characters.length > MAX_TITLE ? `${characters.slice(0, MAX_TITLE - 1).join('')}…` : name;
}

/** What to call it in an address: its name, which outlives a restart, where no other producer has the same; else its id. */
export function keyOf(peer: Peer, all: readonly Peer[]): string {
  const name = nameOf(peer);
  const unique =
    name !== undefined && !all.some((other) => other.id !== peer.id && (nameOf(other) === name || other.id === name));
  return unique ? name : peer.id;
}

/** The producer a key means: the one with that id, else the first with that name. */
export function findByKey(key: string, all: readonly Peer[]): Peer | undefined {
  return all.find((peer) => peer.id === key) ?? all.find((peer) => nameOf(peer) === key);
}
