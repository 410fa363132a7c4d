/**
 * H.264 profiles and levels as SDP says them: `profile-level-id` is profile_idc, constraint flags and level_idc in hex, and
 * several spellings name the same profile (RFC 6184 §8.1, table 5). What an answer may say follows RFC 6184 §8.2.2.
 */

/** From the least to the most demanding: a decoder of one decodes those before it. */
export const H264_PROFILES = [
  'constrained-baseline',
  'baseline',
  'main',
  'constrained-high',
  'high',
  'high-10',
  'high-4:2:2',
  'high-4:4:4',
] as const;

export type H264Profile = (typeof H264_PROFILES)[number];

export interface H264ProfileLevel {
  readonly profile: H264Profile;
  /** Ten times the level: 31 is level 3.1; level 1b is 10.5. */
  readonly level: number;
}

/** What a format without `profile-level-id` is taken for: what every WebRTC endpoint decodes (RFC 7742 §6.2). */
const DEFAULT_PROFILE_LEVEL_ID = '42e01f';

/** profile_idc, mask over the constraint flags, their value under the mask, profile. First match wins. */
const PATTERNS: readonly (readonly [idc: number, mask: number, flags: number, profile: H264Profile])[] = [
  [0x42, 0x4f, 0x40, 'constrained-baseline'],
  [0x4d, 0x8f, 0x80, 'constrained-baseline'],
  [0x58, 0xcf, 0xc0, 'constrained-baseline'],
  [0x42, 0x4f, 0x00, 'baseline'],
  [0x58, 0xcf, 0x80, 'baseline'],
  [0x4d, 0xaf, 0x00, 'main'],
  [0x64, 0xff, 0x00, 'high'],
  [0x64, 0xff, 0x0c, 'constrained-high'],
  [0x6e, 0x00, 0x00, 'high-10'],
  [0x7a, 0x00, 0x00, 'high-4:2:2'],
  [0xf4, 0x00, 0x00, 'high-4:4:4'],
];

const LEVEL_1B = 10.5;
const CONSTRAINT_SET3 = 0x10;

/** Reads a `profile-level-id`; undefined when it is no such thing or names a profile that is not known here. */
export function parseProfileLevelId(text: string | undefined): H264ProfileLevel | undefined {
  const value = text ?? DEFAULT_PROFILE_LEVEL_ID;
  if (!/^[0-9a-f]{6}$/i.test(value)) return undefined;
  const idc = Number.parseInt(value.slice(0, 2), 16);
  const flags = Number.parseInt(value.slice(2, 4), 16);
  const levelIdc = Number.parseInt(value.slice(4, 6), 16);
  for (const [patternIdc, mask, pattern, profile] of PATTERNS) {
    // Constraint set 3 tells level 1b from 1.1 below High, and says nothing about the profile there.
    if (idc !== patternIdc || (flags & mask) !== pattern) continue;
    const is1b = idc < 0x64 && levelIdc === 11 && (flags & CONSTRAINT_SET3) !== 0;
    return { profile, level: is1b ? LEVEL_1B : levelIdc };
  }
  return undefined;
}

/** `profile-level-id` of an answer: the offered profile, and our level where levels may differ, the lower one elsewhere. */
export function answerProfileLevelId(offered: string | undefined, local: string | undefined, asymmetry: boolean): string {
  const theirs = offered ?? DEFAULT_PROFILE_LEVEL_ID;
  const ours = local ?? DEFAULT_PROFILE_LEVEL_ID;
  const theirLevel = parseProfileLevelId(theirs)?.level;
  const ourLevel = parseProfileLevelId(ours)?.level;
  if (theirLevel === undefined || ourLevel === undefined) return theirs;
  const level = asymmetry ? ourLevel : Math.min(theirLevel, ourLevel);
  if (level === theirLevel) return theirs;
  let flags = Number.parseInt(theirs.slice(2, 4), 16);
  if (Number.parseInt(theirs.slice(0, 2), 16) < 0x64) {
    flags = level === LEVEL_1B ? flags | CONSTRAINT_SET3 : flags & ~CONSTRAINT_SET3;
  }
  const hex = (byte: number): string => byte.toString(16).padStart(2, '0');
  return theirs.slice(0, 2).toLowerCase() + hex(flags) + hex(level === LEVEL_1B ? 11 : level);
}

/** What was agreed for an H.264 stream, as its sender has to keep to it. */
export interface H264Agreement {
  readonly packetizationMode: 0 | 1;
  readonly profile: H264Profile;
  /** Ten times the highest level; undefined where levels may differ: then each side sends what it likes (RFC 6184 §8.1). */
  readonly level?: number;
}

/** Those there are (ITU-T H.264 table A-1), times ten: whatever else a peer says has the limits of the one below. */
const LEVELS = [10, LEVEL_1B, 11, 12, 13, 20, 21, 22, 30, 31, 32, 40, 41, 42, 50, 51, 52, 60, 61, 62] as const;

type Fmtp = Readonly<Record<string, string>>;

/**
 * Reads the agreement out of the two formats. `offered`: which of them is the offer's: its packetization mode stands, also where an
 * answer leaves out its fmtp, as some do.
 */
export function agreeOnH264(local: Fmtp, remote: Fmtp, offered: Fmtp): H264Agreement {
  const silent = remote['profile-level-id'] === undefined;
  const theirs =
    (silent ? undefined : parseProfileLevelId(remote['profile-level-id'])) ?? parseProfileLevelId(local['profile-level-id']);
  const asymmetric = local['level-asymmetry-allowed'] === '1' && remote['level-asymmetry-allowed'] === '1';
  return {
    packetizationMode: offered['packetization-mode'] === '1' ? 1 : 0,
    profile: theirs?.profile ?? 'constrained-baseline',
    ...(silent || asymmetric || !theirs ? {} : { level: LEVELS.findLast((level) => level <= theirs.level) ?? LEVELS[0] }),
  };
}

export type H264Role = 'send' | 'receive' | 'both';

/**
 * How well a local format fits a remote one: 0 = exactly; greater = the decoder's profile is that many steps above what will
 * be sent; undefined = not at all. Packetisation modes must be equal (RFC 6184 §8.2.2), but who receives can do with the simpler
 * one: all that mode 0 sends is part of mode 1. GStreamer's pipelines offer it by saying nothing of modes.
 */
export function h264Distance(
  local: Readonly<Record<string, string>>,
  remote: Readonly<Record<string, string>>,
  role: H264Role,
): number | undefined {
  const [ourMode, theirMode] = [local['packetization-mode'] ?? '0', remote['packetization-mode'] ?? '0'];
  const simpler = role === 'receive' && ourMode === '1' && theirMode === '0';
  if (ourMode !== theirMode && !simpler) return undefined;
  const ours = parseProfileLevelId(local['profile-level-id']);
  const theirs = parseProfileLevelId(remote['profile-level-id']);
  if (!ours || !theirs) return undefined;
  const steps = H264_PROFILES.indexOf(theirs.profile) - H264_PROFILES.indexOf(ours.profile);
  if (steps !== 0 && !(role === 'send' && steps > 0) && !(role === 'receive' && steps < 0)) return undefined;
  // Less than a step of profile: of two formats of one profile the one with both modes is wanted.
  return Math.abs(steps) + (simpler ? 0.5 : 0);
}
