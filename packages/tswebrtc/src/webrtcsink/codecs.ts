/** Codecs of the sink: what each is called by the engine and in a session description. */
import type { CodecPreference } from '../connection/types.ts';
import type { CodecName } from '../media/types.ts';

const preferences: Record<CodecName, CodecPreference> = {
  VP8: { name: 'VP8', clockRate: 90000 },
  H264: { name: 'H264', clockRate: 90000 },
  VP9: { name: 'VP9', clockRate: 90000 },
  H265: { name: 'H265', clockRate: 90000 },
  AV1: { name: 'AV1', clockRate: 90000 },
  OPUS: { name: 'opus', clockRate: 48000, channels: 2 },
};

/** How the codecs are offered, in the order given. */
export function preferencesFor(codecs: readonly CodecName[]): CodecPreference[] {
  return codecs.map((name) => preferences[name]);
}

/** The engine's name of a codec that a session description calls `name`. */
export function codecNameOf(name: string): CodecName {
  return name.toUpperCase() as CodecName;
}
