/**
 * The command `tswebrtc-signalling-server`, with the options of the reference's (reference §1.8) and two differences: it
 * listens on this machine only unless told otherwise, and it ends properly, with every peer's connection closed.
 */
import { parseArgs } from 'node:util';
import { isLoopback } from './addresses.ts';
import { SignallingServerError } from './errors.ts';
import { createLogger, logLevel } from './log-level.ts';
import { DEFAULT_HOST, DEFAULT_PORT } from './options.ts';
import { SignallingServer } from './server.ts';

const USAGE = `Usage: tswebrtc-signalling-server [options]

Signalling server of the GStreamer WebRTC family.

  --host <address>    address to listen on (default: ${DEFAULT_HOST}; 0.0.0.0 opens the server to the network)
  -p, --port <port>   port to listen on, 0 for any that is free (default: ${DEFAULT_PORT})
  -c, --cert <file>   certificate chain (PEM); with --key turns TLS on
  -k, --key <file>    private key (PEM)
  --json              one JSON object a line on stdout, and nothing else there
  -h, --help          this text
  -V, --version       the version

The log goes to stderr; TSWEBRTC_LOG sets its level (error, warn, info, debug, trace; default: info).
`;

/** What the command needs of its surroundings. */
export interface CommandIo {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  /** Aborts when the command shall end. */
  readonly signal: AbortSignal;
}

/** Runs the command until its signal aborts; resolves with the exit code: 0, 2 for wrong usage, 1 for everything else. */
export async function runCommand(argv: readonly string[], io: CommandIo): Promise<number> {
  let options: ReturnType<typeof parse>;
  try {
    options = parse(argv);
  } catch (error) {
    const { message } = error as Error;
    io.stderr(`${message.replace(/[^.]$/, '$&.')} Try --help.\n`);
    return 2;
  }
  if (options.help) {
    io.stdout(USAGE);
    return 0;
  }
  if (options.version) {
    io.stdout(`${io.version}\n`);
    return 0;
  }
  const { host, cert, key } = options;
  const logger = createLogger(logLevel(io.env.TSWEBRTC_LOG ?? io.env.WEBRTCSINK_SIGNALLING_SERVER_LOG), io.stderr);
  let server: SignallingServer;
  try {
    server = await SignallingServer.listen({
      host,
      port: options.port,
      logger,
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    });
  } catch (error) {
    io.stderr(`${error instanceof SignallingServerError ? error.message : String(error)}\n`);
    return error instanceof SignallingServerError && error.code === 'INVALID_OPTION' ? 2 : 1;
  }
  if (options.json) io.stdout(`${JSON.stringify({ event: 'listening', time: Date.now(), urls: server.urls })}\n`);
  else io.stdout(`The signalling server listens on ${server.urls.join(' and ')}. Press Ctrl-C to stop.\n`);
  if (!isLoopback(server.address))
    io.stderr(`Warning: whoever can reach port ${server.port} of ${server.address} can use this signalling server.\n`);
  if (!io.signal.aborted) await new Promise((resolve) => io.signal.addEventListener('abort', resolve, { once: true }));
  await server.close();
  return 0;
}

function parse(argv: readonly string[]) {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      host: { type: 'string', default: DEFAULT_HOST },
      port: { type: 'string', short: 'p', default: String(DEFAULT_PORT) },
      cert: { type: 'string', short: 'c' },
      key: { type: 'string', short: 'k' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
      version: { type: 'boolean', short: 'V', default: false },
    },
  });
  const port = /^\d{1,5}$/.test(values.port) ? Number(values.port) : 65_536;
  if (port > 65_535) throw new Error(`The port ${JSON.stringify(values.port)} is none: give a whole number from 0 to 65535.`);
  return { ...values, port };
}
