/**
 * NTP timestamps as RTCP carries them (RFC 3550 §4): seconds since 1900 as 32.32 fixed point, and the middle 32 bits of that
 * for round-trip times. Also the 6.18 format of the abs-send-time header extension.
 */

/** Seconds from 1 January 1900 to 1 January 1970. */
const UNIX_EPOCH = 2_208_988_800;

export interface NtpTime {
  /** Seconds since 1900, modulo 2^32. */
  readonly seconds: number;
  /** Units of 2^-32 s. */
  readonly fraction: number;
}

/** `wallTime` in ms since the Unix epoch. */
export function toNtp(wallTime: number): NtpTime {
  const whole = Math.floor(wallTime / 1000);
  const fraction = Math.min(Math.round(((wallTime - whole * 1000) / 1000) * 2 ** 32), 0xffffffff);
  return { seconds: (whole + UNIX_EPOCH) >>> 0, fraction };
}

/** ms since the Unix epoch. Takes times of the second NTP era (from 2036 on) for what they are. */
export function fromNtp(time: NtpTime): number {
  const era = time.seconds < UNIX_EPOCH ? 2 ** 32 : 0;
  return (time.seconds + era - UNIX_EPOCH) * 1000 + (time.fraction / 2 ** 32) * 1000;
}

/** The middle 32 bits: what a report block repeats as LSR (RFC 3550 §6.4.1). Units of 2^-16 s. */
export function compactNtp(time: NtpTime): number {
  return ((time.seconds << 16) | (time.fraction >>> 16)) >>> 0;
}

/** 24-bit value of abs-send-time (seconds, 6.18 fixed point) of a time in ms. Wraps every 64 s. */
export function toAbsSendTime(milliseconds: number): number {
  return Math.floor((milliseconds * 262_144) / 1000) & 0xffffff;
}
