/** Runs coturn (Debian's) on a loopback address, over UDP, TCP and TLS, with credentials by a shared secret. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { testCertificateFiles } from '../packages/signalling-server/src/test-certificate.testing.ts';

export const TURN_SECRET = 'shared with the TURN server';

/** Why tests with it cannot run here; undefined where they can. */
export const coturnMissing = spawnSync('turnserver', ['--help']).error ? 'peer not available: coturn' : undefined;

export interface Coturn {
  /** UDP and TCP. */
  readonly port: number;
  readonly tlsPort: number;
  /** File of the authority that vouches for its certificate. */
  readonly cafile: string;
  /** What it says, with all that clients ask of it. */
  readonly log: string;
  /** Ends it as a crash would. */
  kill(): Promise<void>;
  close(): Promise<void>;
}

export interface CoturnOptions {
  readonly address?: '127.0.0.1' | '::1';
  /** Taken from one that is gone. */
  readonly port?: number;
  readonly args?: readonly string[];
}

export async function startCoturn({ address = '127.0.0.1', port = somePort(), args = [] }: CoturnOptions = {}): Promise<Coturn> {
  const files = await testCertificateFiles();
  const tlsPort = somePort();
  const child = spawn(
    'turnserver',
    [
      '-n',
      '--no-cli',
      '--allow-loopback-peers',
      '--verbose',
      '--log-file=stdout',
      '--realm=tswebrtc',
      '--use-auth-secret',
      `--static-auth-secret=${TURN_SECRET}`,
      `--listening-ip=${address}`,
      `--relay-ip=${address === '::1' ? (globalIpv6() ?? address) : address}`,
      `--listening-port=${port}`,
      `--tls-listening-port=${tlsPort}`,
      `--cert=${files.cert}`,
      `--pkey=${files.key}`,
      ...args,
    ],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  let log = '';
  const started = new Promise<void>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      log += text;
      if (log.includes('admin thread')) resolve();
    });
    child.once('exit', () => reject(new Error(`coturn did not start: ${log}`)));
  });
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  await started;
  return {
    port,
    tlsPort,
    cafile: files.cert,
    get log() {
      return log;
    },
    kill,
    close: async () => {
      await kill();
      await files.remove();
    },
  };
}

/** Relays have to be on an address that Chromium's own candidates reach: it has none on the IPv6 loopback. */
function globalIpv6(): string | undefined {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return all.find(({ family, internal, scopeid }) => family === 'IPv6' && !internal && scopeid === 0)?.address;
}

/** Why tests over IPv6 cannot run here; undefined where they can. */
export const ipv6Missing = globalIpv6() === undefined ? 'this machine has no IPv6 address' : undefined;

/** Below those that the system gives out and those that coturn relays on; it says so when one is taken. */
function somePort(): number {
  return 10_000 + Math.floor(Math.random() * 20_000);
}
