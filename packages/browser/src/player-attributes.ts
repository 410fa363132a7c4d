/** Reads the attributes of `<webrtc-player>`: what cannot be is warned of, and the default taken. */

type Warn = (words: string) => void;

/** Default: the host of the page at the signalling servers' usual port. */
export function readUrl(value: string | null, page: Pick<Location, 'protocol' | 'hostname'>, warn: Warn): string {
  const standard = `${page.protocol === 'https:' ? 'wss' : 'ws'}://${page.hostname || '127.0.0.1'}:8443`;
  if (value === null || value === '') return standard;
  try {
    const { protocol, href } = new URL(value);
    if (protocol === 'ws:' || protocol === 'wss:') return href;
  } catch {
    // Said below.
  }
  warn(`signalling="${value}" is no ws: or wss: URL; ${standard} is taken.`);
  return standard;
}

export function readIceServers(value: string | null, warn: Warn): RTCIceServer[] {
  if (value === null || value === '' || value === 'none') return [];
  try {
    const servers = JSON.parse(value) as unknown;
    if (Array.isArray(servers) && servers.every((server) => typeof server === 'object' && server !== null && 'urls' in server)) {
      return servers as RTCIceServer[];
    }
  } catch {
    // Said below.
  }
  warn('ice-servers is neither "none" nor "signalling" nor a JSON array of objects with "urls"; none is taken.');
  return [];
}

/** ms; undefined for none. */
export function readInterval(value: string | null, warn: Warn): number | undefined {
  if (value === null) return undefined;
  const interval = Number(value);
  if (interval >= 50) return interval;
  warn(`figures-interval="${value}" is no number of ms from 50 on; there are no figures.`);
  return undefined;
}
