/**
 * Where the signalling server is. Three ways to know, the first that speaks counts: `?signalling=` in the page's own address,
 * `config.json` of the server the page came from, and the family's usual port 8443 on that host.
 */
export interface PageConfig {
  readonly signallingUrl: string;
  readonly iceServers: RTCIceServer[];
  /** Where the server of this page tells its sink's figures; undefined where it has none. */
  readonly statsUrl?: string;
}

/** `config.json`, as the sink's web server writes it; all of it optional. */
interface ServedConfig {
  signalling?: { port?: unknown; tls?: unknown; path?: unknown };
  iceServers?: unknown;
  stats?: unknown;
}

const USUAL_PORT = 8443;

/**
 * @param page address of this page
 * @param served contents of `config.json`, undefined where there is none
 */
export function pageConfig(page: URL, served: unknown): PageConfig {
  const given: ServedConfig = typeof served === 'object' && served !== null ? served : {};
  const iceServers = Array.isArray(given.iceServers) ? (given.iceServers as RTCIceServer[]) : [];
  const override = page.searchParams.get('signalling');
  const signallingUrl = (override && readUrl(override)) || servedUrl(page, given);
  return { signallingUrl, iceServers, ...(given.stats === true ? { statsUrl: new URL('stats', page).href } : {}) };
}

/** Asks the server the page came from; silence, a 404 or nonsense count as nothing said. */
export async function loadPageConfig(page: URL, fetchJson = fetchOrNothing): Promise<PageConfig> {
  return pageConfig(page, await fetchJson(new URL('config.json', page)));
}

function servedUrl(page: URL, { signalling = {} }: ServedConfig): string {
  const port = validPort(signalling?.port) ? signalling.port : USUAL_PORT;
  const tls = typeof signalling?.tls === 'boolean' ? signalling.tls : page.protocol === 'https:';
  const path = typeof signalling?.path === 'string' ? signalling.path : '/';
  const url = new URL(`${tls ? 'wss' : 'ws'}://${page.hostname || '127.0.0.1'}:${port}`);
  url.pathname = path;
  return url.href;
}

function readUrl(text: string): string | undefined {
  try {
    const url = new URL(text);
    return url.protocol === 'ws:' || url.protocol === 'wss:' ? url.href : undefined;
  } catch {
    return undefined;
  }
}

function validPort(port: unknown): port is number {
  return Number.isInteger(port) && (port as number) > 0 && (port as number) < 65_536;
}

async function fetchOrNothing(url: URL): Promise<unknown> {
  try {
    const response = await fetch(url, { cache: 'no-store', signal: AbortSignal.timeout(5000) });
    return response.ok ? await response.json() : undefined;
  } catch {
    return undefined;
  }
}
