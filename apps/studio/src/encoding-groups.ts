/** Who shares which encoding, and why, in words. */
import type { EncodingFigures, NetworkState, SessionFigures, SinkStats } from './sink-stats.ts';

/** The sessions of one encoding; its id is `''` for those that have none yet. */
export interface EncodingGroup {
  readonly id: string;
  readonly encoding: Omit<EncodingFigures, 'id' | 'sessions'>;
  readonly sessions: readonly SessionFigures[];
}

/** The groups in the order of their first session, and the encodings whose sessions are told by another one, such as sound. */
export function groupByEncoding({ sessions, encodings }: SinkStats): { groups: EncodingGroup[]; others: EncodingFigures[] } {
  const members = new Map<string, SessionFigures[]>();
  for (const session of sessions) {
    const id = session.encodingId ?? '';
    const group = members.get(id);
    if (group) group.push(session);
    else members.set(id, [session]);
  }
  const known = new Map(encodings.map((encoding) => [encoding.id, encoding]));
  const groups = [...members].map(([id, group]) => ({
    id,
    encoding: known.get(id) ?? asTold(group[0] as SessionFigures),
    sessions: group,
  }));
  return { groups, others: encodings.filter(({ id }) => !members.has(id)) };
}

/** What to call a peer: the beginning of its id. */
export function shortId(id: string): string {
  return id.length > 12 ? id.slice(0, 8) : id;
}

const REASONS = {
  alone: { label: 'Alone', title: 'Nobody else is on this encoding: it follows the target of this consumer exactly' },
  shared: { label: 'Shared', title: 'The highest bitrate of the ladder that the target of each of them allows' },
  merged: {
    label: 'Moved down',
    title: 'No more encodings run at a time: the consumers of neighbouring bitrates share the lower',
  },
  limited: {
    label: 'Thinned',
    title: 'The encoding is above what may be sent to this consumer: frames are left out until it changes',
  },
  'per-consumer': { label: 'Its own', title: 'encoding=per-consumer: no two consumers share' },
} as const;

/** Peers that are named; the others are counted. */
const MAX_NAMED = 3;

/** Why a session gets what it gets: a word, a sentence beside it, and more to read when the pointer rests on it. */
export function reasonOf(session: SessionFigures): { label: string; sentence: string; title: string } {
  const { encodingReason, sharedWith, framesSkipped } = session;
  const together = sharedWith.length === 0 ? '' : `with ${list(sharedWith.map(shortId))}`;
  if (encodingReason === null) return { label: together && 'Shared', sentence: together, title: '' };
  const { label, title } = REASONS[encodingReason];
  const sentences = {
    alone: 'follows its target',
    shared: together,
    merged: [together, 'all encoders are taken'].filter(Boolean).join('; '),
    limited: [framesSkipped > 0 ? `${framesSkipped} frames left out` : 'frames are left out', together]
      .filter(Boolean)
      .join('; '),
    'per-consumer': together,
  };
  return { label, sentence: sentences[encodingReason], title };
}

export const NETWORK_WORDS: Readonly<Record<NetworkState, { label: string; title: string }>> = {
  normal: { label: 'Normal', title: 'Packets arrive as fast as they are sent' },
  overuse: { label: 'Overuse', title: 'A queue grows on the way: the target goes down' },
  underuse: { label: 'Underuse', title: 'A queue on the way empties: the target waits' },
};

function list(names: readonly string[]): string {
  const named = names.length > MAX_NAMED + 1 ? [...names.slice(0, MAX_NAMED), `${names.length - MAX_NAMED} more`] : names;
  return named.length < 2 ? named.join('') : `${named.slice(0, -1).join(', ')} and ${named.at(-1)}`;
}

function asTold(session: SessionFigures): EncodingGroup['encoding'] {
  const { codec, encodingBitrate, width, height, framerate } = session;
  return { track: '', codec, bitrate: encodingBitrate, width, height, framerate };
}
