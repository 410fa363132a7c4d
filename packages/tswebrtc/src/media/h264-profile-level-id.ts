/** `profile-level-id` (RFC 6184 §8.1) of an H.264 stream, from the parameter sets that come with it. */

const SPS = 7;
const AVC_CONFIGURATION = 1;

/** `configuration`: an avcC box (ISO/IEC 14496-15 §5.3.3.1) or a byte stream; undefined where neither. */
export function h264ProfileLevelId(configuration: Uint8Array): string | undefined {
  if (configuration.length < 4) return undefined;
  if (configuration[0] === AVC_CONFIGURATION) return hex(configuration.subarray(1, 4));
  for (let i = 0; i + 6 < configuration.length; i++) {
    const start = configuration[i] === 0 && configuration[i + 1] === 0 && configuration[i + 2] === 1;
    if (start && (configuration[i + 3]! & 0x1f) === SPS) return hex(configuration.subarray(i + 4, i + 7));
  }
  return undefined;
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
