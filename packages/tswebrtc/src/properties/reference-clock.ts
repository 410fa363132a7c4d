/** The clock that sent times are of, as `do-clock-signalling` tells it (RFC 7273; reference §2.16). */
import type { PropertyType } from './property-types.ts';

const NTP = /^ntp=(\[[0-9a-f:.]+\]|[a-z0-9.-]+?)(?::(\d{1,5}))?$/i;
const PTP = /^ptp=(IEEE1588-20(?:02|08|19)(?:[:-][0-9A-Za-z.]+)?):([0-9a-f]{2}(?:-[0-9a-f]{2}){7})(?::(\d{1,3}))?$/i;
const NTP_PORT = 123;

/** `local`, `ntp=ADDRESS[:PORT]` or `ptp=VERSION:GRANDMASTER[:DOMAIN]`, as it stands in `a=ts-refclk`. */
export function referenceClock(): PropertyType<string> {
  const check = (value: unknown): string | undefined => {
    if (value === 'local') return value;
    if (typeof value !== 'string') return undefined;
    const ntp = NTP.exec(value);
    if (ntp) {
      const port = ntp[2] === undefined ? NTP_PORT : Number(ntp[2]);
      return port >= 1 && port <= 65535 ? `ntp=${ntp[1]}${port === NTP_PORT ? '' : `:${port}`}` : undefined;
    }
    const ptp = PTP.exec(value);
    const domain = Number(ptp?.[3] ?? 0);
    return ptp && domain <= 255 ? `ptp=${ptp[1]}:${ptp[2]!.toLowerCase()}${domain === 0 ? '' : `:${domain}`}` : undefined;
  };
  return {
    label: 'clock',
    expected:
      'local, ntp=ADDRESS or ntp=ADDRESS:PORT, or ptp=IEEE1588-2008:GRANDMASTER with the eight bytes of its id as 00-11-…-77 and :DOMAIN where that is not 0',
    placeholder: 'clock',
    parse: check,
    check,
    format: String,
  };
}
