import { describe, expect, it } from 'vitest';
import { loadPageConfig, pageConfig } from './page-config.ts';

const url = (page: string, served?: unknown): string => pageConfig(new URL(page), served).signallingUrl;

describe('the signalling server is found', () => {
  it.each([
    ['http://10.0.0.2:8080/', undefined, 'ws://10.0.0.2:8443/'],
    ['https://host/studio/', undefined, 'wss://host:8443/'],
    ['http://[::1]:8080/', { signalling: { port: 9000 } }, 'ws://[::1]:9000/'],
    ['https://host/', { signalling: { port: 9000, tls: false, path: '/ws' } }, 'ws://host:9000/ws'],
    ['http://host/?signalling=wss://other:1/x?token=7', { signalling: { port: 9000 } }, 'wss://other:1/x?token=7'],
    ['http://host/?signalling=javascript:alert(1)', undefined, 'ws://host:8443/'],
    ['http://host/', { signalling: { port: '9000', tls: 'yes', path: 5 } }, 'ws://host:8443/'],
    ['http://host/', { signalling: null }, 'ws://host:8443/'],
    ['http://host/', 'nonsense', 'ws://host:8443/'],
  ])('from %s with %j at %s', (page, served, expected) => expect(url(page, served)).toBe(expected));

  it('asks beside the page, wherever it is served', async () => {
    const asked: string[] = [];
    const config = await loadPageConfig(new URL('http://host:8080/sub/?x#door'), async (address) => {
      asked.push(address.href);
      return { signalling: { port: 1 }, iceServers: [{ urls: 'stun:host' }] };
    });
    expect(asked).toEqual(['http://host:8080/sub/config.json']);
    expect(config).toEqual({ signallingUrl: 'ws://host:1/', iceServers: [{ urls: 'stun:host' }] });
  });

  it('knows where figures are, beside the page, only where there are some', () => {
    const statsUrl = (served: unknown): string | undefined => pageConfig(new URL('http://host/sub/?a=1#door'), served).statsUrl;
    expect(statsUrl({ stats: true })).toBe('http://host/sub/stats');
    expect([statsUrl({}), statsUrl({ stats: 'http://elsewhere/' }), statsUrl(undefined)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('asks nobody outside unless told to', () => {
    expect(pageConfig(new URL('http://host/'), undefined).iceServers).toEqual([]);
  });
});
