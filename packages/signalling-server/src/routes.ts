/** What the server answers to plain HTTP: whether it lives and is ready, its figures, and ICE servers. */
import type { Context, Hono } from 'hono';
import { bearerToken } from './access-tokens.ts';
import type { Doorkeeper } from './admission.ts';
import type { IceServers } from './ice-servers.ts';
import type { Metrics } from './metrics.ts';

export interface Operations {
  readonly metrics: Metrics;
  /** Why the server takes no peers at present; undefined while it does. */
  readonly notReady: () => string | undefined;
}

/** For those who run the server. */
export function operations(app: Hono, { metrics, notReady }: Operations, withMetrics: boolean): Hono {
  app.get('/healthz', (context) => context.json({ status: 'ok' }));
  app.get('/readyz', (context) => {
    const reason = notReady();
    return reason === undefined ? context.json({ status: 'ready' }) : context.json({ status: 'not ready', reason }, 503);
  });
  if (withMetrics)
    app.get('/metrics', async (context) => context.body(await metrics.text(), 200, { 'Content-Type': metrics.contentType }));
  return app;
}

/** For peers: where to find STUN and TURN servers, of which pages of allowed origins may read, too (the Fetch standard's CORS). */
export function iceServersRoute(app: Hono, iceServers: IceServers, doorkeeper: Doorkeeper): Hono {
  const headers = ({ req }: Context): Record<string, string> => {
    const origin = req.header('origin');
    const allowed: Record<string, string> =
      origin !== undefined && doorkeeper.allowsOrigin(origin)
        ? { 'Access-Control-Allow-Origin': origin, 'Access-Control-Allow-Headers': 'Authorization' }
        : {};
    return { ...allowed, Vary: 'Origin', 'Cache-Control': 'no-store' };
  };
  app.options('/ice-servers', (context) => context.body(null, 204, headers(context)));
  app.get('/ice-servers', async (context) => {
    const { req } = context;
    const { tokens } = doorkeeper;
    if (!doorkeeper.allowsOrigin(req.header('origin'))) return context.text('Pages of this origin may not ask.\n', 403);
    const authorization = req.header('authorization');
    const token = bearerToken({ headers: authorization === undefined ? {} : { authorization }, url: req.url });
    const grants = tokens ? await tokens.check(token) : { name: 'anybody' };
    if ('status' in grants)
      return context.text(`${grants.details}\n`, grants.status, { ...headers(context), 'WWW-Authenticate': 'Bearer' });
    return context.json(iceServers.for(grants.name ?? 'bearer', Date.now()), 200, headers(context));
  });
  return app;
}

/** Everything else: the server speaks WebSocket (RFC 9110 §15.5.22). */
export function upgradeRequired(app: Hono): Hono {
  app.notFound((context) =>
    context.text('This is a WebRTC signalling server: connect with a WebSocket.\n', 426, {
      Upgrade: 'websocket',
      Connection: 'close',
    }),
  );
  return app;
}
