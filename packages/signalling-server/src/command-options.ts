/** The flags of the command, declared once: its help, its documentation and the options of the server come from here. */
import { readFile } from 'node:fs/promises';
import { Command, CommanderError } from 'commander';
import { SignallingServerError } from './errors.ts';
import { DEFAULT_HOST, DEFAULT_LIMITS, DEFAULT_PORT, type MetricsAddress, type SignallingServerOptions } from './options.ts';
import { DEFAULT_RATES } from './rate-limiter.ts';
import { selfSignedCertificate } from './self-signed.ts';

/** Columns. */
const HELP_WIDTH = 110;

/** Wrong usage: one sentence. */
export class UsageError extends Error {}

export interface Flag {
  /** As commander takes it: `-p, --port <port>`. */
  readonly flags: string;
  readonly help: string;
  readonly default?: string;
  /** May be given several times. */
  readonly many?: boolean;
}

export interface FlagGroup {
  readonly title: string;
  readonly flags: readonly Flag[];
}

const seconds = (ms: number): string => String(ms / 1000);

export const flagGroups: readonly FlagGroup[] = [
  {
    title: 'Where it listens',
    flags: [
      {
        flags: '--host <address>',
        help: 'Address to listen on; 0.0.0.0 opens the server to the network.',
        default: DEFAULT_HOST,
      },
      { flags: '-p, --port <port>', help: 'Port to listen on; 0 takes any that is free.', default: String(DEFAULT_PORT) },
      { flags: '-c, --cert <file>', help: 'PEM file of a certificate chain: with --key it serves wss. SIGHUP reads it anew.' },
      { flags: '-k, --key <file>', help: 'PEM file of the private key of --cert.' },
      { flags: '--tls <how>', help: 'self-signed: serves wss with a certificate that this machine gives itself.' },
      {
        flags: '--trusted-proxy <address>',
        help: 'Address or network of a reverse proxy whose X-Forwarded-For is believed.',
        many: true,
      },
    ],
  },
  {
    title: 'Who may connect',
    flags: [
      {
        flags: '--origin <origin>',
        help: 'Origin of pages that may connect, such as https://example.org. (default: any)',
        many: true,
      },
      {
        flags: '--token-secret-file <file>',
        help: 'Asks for tokens signed with the secret in that file (HS256). Or TSWEBRTC_TOKEN_SECRET.',
      },
      {
        flags: '--token-jwks <where>',
        help: 'Asks for tokens signed with a key of the JSON Web Key Set at that URL or in that file.',
      },
      { flags: '--token-issuer <iss>', help: 'What the "iss" of tokens has to be.' },
      { flags: '--token-audience <aud>', help: 'What has to be in the "aud" of tokens.' },
    ],
  },
  {
    title: 'What peers are given',
    flags: [
      {
        flags: '--ice-server <uri>',
        help: 'STUN or TURN server for peers that ask: stun:host:port, turn:host:port?transport=udp.',
        many: true,
      },
      {
        flags: '--turn-secret-file <file>',
        help: 'Secret shared with the TURN servers (static-auth-secret of coturn). Or TSWEBRTC_TURN_SECRET.',
      },
      { flags: '--turn-ttl <s>', help: 'For how long credentials for TURN servers are good.', default: '43200' },
      {
        flags: '--header <name=value>',
        help: 'HTTP header of the answer that opens each WebSocket, such as X-Served-By=eu1.',
        many: true,
      },
    ],
  },
  {
    title: 'Limits',
    flags: [
      {
        flags: '--max-message-size <bytes>',
        help: 'Of a message from a peer; a larger one ends its connection (1009).',
        default: String(DEFAULT_LIMITS.maxMessageSize),
      },
      {
        flags: '--max-meta-size <bytes>',
        help: 'Of the meta of a peer; a larger one is answered by an error.',
        default: String(DEFAULT_LIMITS.maxMetaSize),
      },
      {
        flags: '--max-backlog <bytes>',
        help: 'Waiting for one peer to read; more ends its connection (1013).',
        default: String(DEFAULT_LIMITS.maxBacklog),
      },
      {
        flags: '--max-peers <n>',
        help: 'At a time; 0 is any number. One more is refused with HTTP status 503. By default fewer where the system allows fewer files.',
        default: String(DEFAULT_LIMITS.maxPeers),
      },
      {
        flags: '--max-peers-per-address <n>',
        help: 'At a time; 0 is any number. One more is refused with HTTP status 429.',
        default: String(DEFAULT_LIMITS.maxPeersPerAddress),
      },
      {
        flags: '--max-sessions-per-peer <n>',
        help: 'At a time; one more is answered by an error.',
        default: String(DEFAULT_LIMITS.maxSessionsPerPeer),
      },
      {
        flags: '--rate-limit <kind=n>',
        help: `Messages a second of a peer, by kind; more end its connection (1008). (default: ${Object.entries(DEFAULT_RATES)
          .map(([kind, rate]) => `${kind}=${rate}`)
          .join(' ')}; peer counts for each session)`,
        many: true,
      },
      { flags: '--handshake-timeout <s>', help: 'For a TLS handshake.', default: seconds(DEFAULT_LIMITS.handshakeTimeout) },
      { flags: '--header-timeout <s>', help: 'For the head of an HTTP request.', default: seconds(DEFAULT_LIMITS.headerTimeout) },
      { flags: '--ping-after <s>', help: 'Of silence of a peer.', default: '10' },
      { flags: '--pong-timeout <s>', help: 'For the answer to a ping, before the peer is taken for dead.', default: '15' },
    ],
  },
  {
    title: 'Operation',
    flags: [
      {
        flags: '--cluster <url>',
        help: 'Broker by which several servers are one: redis://, rediss://, nats:// or tls://. Or TSWEBRTC_CLUSTER.',
      },
      { flags: '--cluster-prefix <name>', help: 'Distinguishes clusters that share a broker.', default: 'tswebrtc' },
      { flags: '--metrics <where>', help: 'on: /metrics is served with the rest; off; or host:port of its own.', default: 'on' },
      {
        flags: '--drain-time <s>',
        help: 'Over which peers are sent away (1012) after SIGTERM, so that they do not come back at once.',
        default: '5',
      },
      { flags: '--log-format <format>', help: 'text or json.', default: 'text' },
      { flags: '--json', help: 'One JSON object a line on stdout, and nothing else there.' },
    ],
  },
];

/** What was typed, by the long names of the flags. */
type Typed = Readonly<Record<string, string | readonly string[] | boolean | undefined>>;

export interface ParsedCommand {
  readonly json: boolean;
  readonly logFormat: 'text' | 'json';
  /** ms. */
  readonly drainTime: number;
  readonly options: SignallingServerOptions;
}

/**
 * Reads `argv`; undefined where it asked for help or the version, which has been written then. Throws `UsageError`, and what
 * `SignallingServer.listen` throws of options.
 */
export async function readCommandLine(
  argv: readonly string[],
  surroundings: {
    readonly name: string;
    readonly version: string;
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly write: (text: string) => void;
  },
): Promise<ParsedCommand | undefined> {
  const { name, version, env, write } = surroundings;
  let complaint = '';
  const command = new Command(name)
    .description('Signalling server of the GStreamer WebRTC family.')
    .version(version, '-V, --version', 'the version')
    .helpOption('-h, --help', 'this text')
    .exitOverride()
    .configureHelp({ helpWidth: HELP_WIDTH })
    .configureOutput({ writeOut: write, writeErr: (text) => (complaint ||= text), outputError: (text) => (complaint ||= text) })
    .addHelpText(
      'after',
      '\nThe log goes to stderr; TSWEBRTC_LOG sets its level (error, warn, info, debug, trace; default: info).\n',
    );
  for (const { title, flags } of flagGroups) {
    command.optionsGroup(`${title}:`);
    for (const flag of flags) {
      const help = flag.default === undefined ? flag.help : `${flag.help} (default: ${flag.default})`;
      if (flag.many) command.option(flag.flags, help, (value: string, before: string[] = []) => [...before, value]);
      else command.option(flag.flags, help);
    }
  }
  try {
    command.parse([...argv], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return undefined;
    const words = complaint.replace(/^error: /, '').trim();
    throw new UsageError(
      words
        .split('\n')[0]!
        .replace(/^./, (letter) => letter.toUpperCase())
        .replace(/\.?$/, '.'),
    );
  }
  if (command.args.length > 0) throw new UsageError('There are arguments too many: this command takes options only.');
  return resolve(command.opts(), env);
}

async function resolve(typed: Typed, env: Readonly<Record<string, string | undefined>>): Promise<ParsedCommand> {
  const text = (name: string): string | undefined => typed[name] as string | undefined;
  const list = (name: string): readonly string[] | undefined => typed[name] as readonly string[] | undefined;
  const number = (name: string, least: number, scale = 1): number | undefined => {
    const value = text(name);
    if (value === undefined) return undefined;
    const parsed = /^\d+(\.\d+)?$/.test(value) ? Number(value) : Number.NaN;
    if (!(parsed >= least)) throw new UsageError(`${flagOf(name)} is "${value}", but it must be a number, ${least} at least.`);
    return scale === 1 ? parsed : Math.round(parsed * scale);
  };
  const whole = (name: string, least: number): number | undefined => {
    const value = number(name, least);
    if (value !== undefined && !Number.isInteger(value))
      throw new UsageError(`${flagOf(name)} is "${value}", but it must be a whole number.`);
    return value;
  };
  // An empty one is a mistake somewhere else, and must not leave a server open.
  const fromEnvironment = (variable: string): string | undefined => {
    const value = env[variable]?.trim();
    if (value === '')
      throw new SignallingServerError('KEYS_UNREADABLE', `The variable ${variable} is empty: give it its value, or unset it.`);
    return value;
  };
  const secret = async (file: string, variable: string): Promise<string | undefined> => {
    const path = text(file);
    return path === undefined ? fromEnvironment(variable) : readSecret(path, flagOf(file));
  };

  const port = text('port');
  if (port !== undefined && !(/^\d{1,5}$/.test(port) && Number(port) <= 65_535))
    throw new UsageError(`The port ${JSON.stringify(port)} is none: give a whole number from 0 to 65535.`);
  const logFormat = text('logFormat') ?? 'text';
  if (logFormat !== 'text' && logFormat !== 'json')
    throw new UsageError(`--log-format is "${logFormat}", but it must be text or json.`);

  const tokenSecret = await secret('tokenSecretFile', 'TSWEBRTC_TOKEN_SECRET');
  const turnSecret = await secret('turnSecretFile', 'TSWEBRTC_TURN_SECRET');
  const jwks = text('tokenJwks');
  const [issuer, audience] = [text('tokenIssuer'), text('tokenAudience')];
  const isTokenWanted = tokenSecret !== undefined || jwks !== undefined || issuer !== undefined || audience !== undefined;
  const [pingAfter, pongTimeout] = [number('pingAfter', 0.001, 1000), number('pongTimeout', 0.001, 1000)];
  const urls = list('iceServer');
  const turnTtl = whole('turnTtl', 1);
  return {
    json: typed.json === true,
    logFormat,
    drainTime: number('drainTime', 0, 1000) ?? 5_000,
    options: defined({
      host: text('host'),
      port: port === undefined ? undefined : Number(port),
      ...(await certificate(text('tls'), text('cert'), text('key'))),
      proxies: list('trustedProxy'),
      headers: list('header') && Object.fromEntries(list('header')!.map(header)),
      origins: list('origin'),
      tokens: isTokenWanted ? defined({ secret: tokenSecret, jwks, issuer, audience }) : undefined,
      iceServers: urls && defined({ urls, secret: turnSecret, ttl: turnTtl }),
      cluster: text('cluster') ?? fromEnvironment('TSWEBRTC_CLUSTER'),
      clusterPrefix: text('clusterPrefix'),
      metrics: metrics(text('metrics') ?? 'on'),
      maxMessageSize: whole('maxMessageSize', 1),
      maxMetaSize: whole('maxMetaSize', 1),
      maxBacklog: whole('maxBacklog', 1),
      maxPeers: whole('maxPeers', 0),
      maxPeersPerAddress: whole('maxPeersPerAddress', 0),
      maxSessionsPerPeer: whole('maxSessionsPerPeer', 1),
      rates: list('rateLimit') && Object.fromEntries(list('rateLimit')!.map(rate)),
      handshakeTimeout: number('handshakeTimeout', 0.001, 1000),
      headerTimeout: number('headerTimeout', 0.001, 1000),
      keepAlive: defined({ pingAfter, pongTimeout }),
    }),
  };
}

async function certificate(tls?: string, cert?: string, key?: string): Promise<{ cert?: string; key?: string }> {
  if (tls === undefined) return defined({ cert, key });
  if (tls !== 'self-signed') throw new UsageError(`--tls is "${tls}", but it must be self-signed.`);
  if (cert ?? key) throw new UsageError('--tls self-signed and --cert are two certificates: leave one of them out.');
  return selfSignedCertificate();
}

async function readSecret(path: string, flag: string): Promise<string> {
  let secret: string;
  try {
    secret = (await readFile(path, 'utf8')).trim();
  } catch (cause) {
    throw new SignallingServerError(
      'KEYS_UNREADABLE',
      `The file ${path} of ${flag} cannot be read: check its name and permissions.`,
      { cause },
    );
  }
  if (secret === '')
    throw new SignallingServerError('KEYS_UNREADABLE', `The file ${path} of ${flag} is empty: it has to hold the secret.`);
  return secret;
}

function metrics(where: string): boolean | MetricsAddress {
  if (where === 'on' || where === 'off') return where === 'on';
  const [, host, port] = /^(?:(\[[\da-fA-F:]+\]|[^:]+):)?(\d{1,5})$/.exec(where) ?? [];
  if (port === undefined)
    throw new UsageError(`--metrics is "${where}", but it must be on, off, or an address such as 127.0.0.1:9090.`);
  return { host: host?.replace(/^\[|\]$/g, '') ?? DEFAULT_HOST, port: Number(port) };
}

function header(text: string): [string, string] {
  const [, name, value] = /^([^=:]+)=(.*)$/s.exec(text) ?? [];
  if (name === undefined) throw new UsageError('--header must be a name and a value, such as X-Served-By=eu1.');
  return [name.trim(), value!.trim()];
}

function rate(text: string): [string, number] {
  const [, kind, value] = /^(\w+)=(\d+(?:\.\d+)?)$/.exec(text) ?? [];
  if (kind === undefined) throw new UsageError(`--rate-limit is "${text}", but it must be a kind and a number, such as list=20.`);
  return [kind, Number(value)];
}

/** `tokenSecretFile` as it was typed: `--token-secret-file`. */
function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** Without what is undefined. */
function defined<Value extends object>(value: Value): { [Key in keyof Value]: Exclude<Value[Key], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as never;
}
