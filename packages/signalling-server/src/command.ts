/**
 * The command `tswebrtc-signalling-server`, with the options of the reference's (reference §1.8) and two differences: it
 * listens on this machine only unless told otherwise, and it ends properly, with every peer's connection closed.
 */
import { isLoopback } from './addresses.ts';
import { readCommandLine, UsageError } from './command-options.ts';
import { SignallingServerError } from './errors.ts';
import { createLogger, logLevel } from './log-level.ts';
import type { Logger } from './logger.ts';
import { SignallingServer } from './server.ts';

/** What the command needs of its surroundings. */
export interface CommandIo {
  /** As it is called in its help. */
  readonly name: string;
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  /** Aborts when the command shall end, with the reason `drain` where the peers are to be let go one by one. */
  readonly signal: AbortSignal;
  /** Calls back when the certificate is to be read anew; returns a function that puts an end to it. */
  readonly onReload: (listener: () => void) => () => void;
}

/** The reason of a `signal` that leaves time for the peers to go elsewhere. */
export const DRAIN = 'drain';

/** RFC 6455, registry of close codes: the service restarts, come back. */
const SERVICE_RESTART = 1012;

/** Runs the command until its signal aborts; resolves with the exit code: 0, 2 for wrong usage, 1 for everything else. */
export async function runCommand(argv: readonly string[], io: CommandIo): Promise<number> {
  const event = (name: string, fields: object): void =>
    io.stdout(`${JSON.stringify({ event: name, time: Date.now(), ...fields })}\n`);
  let isJson = argv.includes('--json');
  let server: SignallingServer;
  let drainTime: number;
  let logger: Logger;
  try {
    const command = await readCommandLine(argv, { ...io, write: io.stdout });
    if (!command) return 0;
    ({ json: isJson, drainTime } = command);
    const level = logLevel(io.env.TSWEBRTC_LOG ?? io.env.WEBRTCSINK_SIGNALLING_SERVER_LOG);
    logger = createLogger(level, command.logFormat, io.stderr);
    server = await SignallingServer.listen({ ...command.options, logger });
    if (!isLoopback(server.address) && command.options.tokens === undefined)
      io.stderr(
        `Warning: whoever can reach port ${server.port} of ${server.address} can use this signalling server: ` +
          'see --token-secret-file and --origin.\n',
      );
  } catch (error) {
    if (error instanceof UsageError) {
      io.stderr(`${error.message} Try --help.\n`);
      return 2;
    }
    const { message, code } = error instanceof SignallingServerError ? error : { message: String(error), code: 'INTERNAL' };
    if (isJson) event('error', { code, message });
    io.stderr(`${message}\n`);
    return code === 'INVALID_OPTION' ? 2 : 1;
  }
  const stopReloading = io.onReload(() => void reload(server, logger));
  if (isJson) event('listening', { urls: server.urls });
  else io.stdout(`The signalling server listens on ${server.urls.join(' and ')}. Press Ctrl-C to stop.\n`);
  if (!io.signal.aborted) await new Promise((resolve) => io.signal.addEventListener('abort', resolve, { once: true }));
  stopReloading();
  await server.close(io.signal.reason === DRAIN ? { code: SERVICE_RESTART, drainTime } : {});
  return 0;
}

async function reload(server: SignallingServer, logger: Logger): Promise<void> {
  try {
    await server.reloadCertificate();
  } catch (error) {
    logger.error({ err: error }, 'The certificate stays the one that was read before.');
  }
}
