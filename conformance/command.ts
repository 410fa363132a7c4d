/** `npm run conformance`: tries a signalling server case by case and prints what was found as a table, or as JSON lines. */
import { parseArgs } from 'node:util';
import { SignallingServer } from '@tswebrtc/signalling-server';
import { WebSocket } from 'ws';
import type { Case } from './case.ts';
import { cases as allCases } from './cases/index.ts';
import { differencesTable } from './differences.ts';
import { type CaseResult, type Outcome, runCase } from './run.ts';

const USAGE = `Usage: npm run conformance -- [ws://HOST:PORT] [--json] [--differences]

Tries every rule of the signalling protocol on the server at the address, or on our own when there is none.

  --json         one JSON object a line
  --differences  prints where our server differs from the original on purpose, and why
  --help         this text
`;

/** Room for a title in the table; longer ones push their outcome to the right. */
const TITLE_WIDTH = 90;
/** How long, in ms, the server may take to accept the first connection. */
const PATIENCE = 5_000;

export interface CommandIo {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
}

/** Runs the command; resolves with the exit code: 0 when no case has failed, 1 when one has or there is no server, 2 for wrong usage. */
export async function runCommand(argv: readonly string[], io: CommandIo, cases: readonly Case[] = allCases): Promise<number> {
  let options: ReturnType<typeof parse>;
  try {
    options = parse(argv);
  } catch (error) {
    io.stderr(`${(error as Error).message}\n\n${USAGE}`);
    return 2;
  }
  if (options.help) io.stdout(USAGE);
  else if (options.differences) io.stdout(`${differencesTable(cases)}\n`);
  else if (options.url) return runAgainst(options.url, options.json, io, cases);
  else {
    const server = await SignallingServer.listen({ port: 0 });
    try {
      // Our own must do what ours shall do: what the original does instead is a failure.
      return await runAgainst(server.urls[0]!, options.json, io, cases.map(strict));
    } finally {
      await server.close();
    }
  }
  return 0;
}

async function runAgainst(url: string, json: boolean, io: CommandIo, cases: readonly Case[]): Promise<number> {
  const obstacle = await obstacleTo(url);
  if (obstacle) {
    io.stderr(`The server at ${url} cannot be reached (${obstacle}): start it, or correct the address.\n`);
    return 1;
  }
  const counts: Record<Outcome, number> = {
    ok: 0,
    'as the original': 0,
    'as release 0.15': 0,
    FAILED: 0,
    'not over a socket': 0,
  };
  for (const one of cases) {
    const result = await runCase(url, one);
    counts[result.outcome]++;
    io.stdout(json ? line({ event: 'case', ...flat(result) }) : row(result));
  }
  if (json) io.stdout(line({ event: 'summary', url, ...counts }));
  else {
    const parts = Object.entries(counts).map(([outcome, count]) => `${count} ${outcome}`);
    io.stdout(`\n${url}: ${cases.length} cases, ${parts.join(', ')}.\n`);
  }
  return counts.FAILED === 0 ? 0 : 1;
}

function parse(argv: readonly string[]) {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      differences: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const [url] = positionals;
  if (positionals.length > 1) throw new Error('Give one address, or none.');
  if (url !== undefined && (!URL.canParse(url) || new URL(url).protocol !== 'ws:'))
    throw new Error(`"${url}" is not the address of a signalling server without TLS: it has to begin with ws://.`);
  return { ...values, url };
}

/** Why no connection can be had; undefined when one can. */
function obstacleTo(url: string): Promise<string | undefined> {
  const socket = new WebSocket(url, { handshakeTimeout: PATIENCE });
  return new Promise<string | undefined>((resolve) => {
    socket.on('open', () => resolve(undefined));
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  }).finally(() => socket.terminate());
}

/** The case without the ways in which the original may pass it. */
function strict(one: Case): Case {
  if ('unreachable' in one) return one;
  const { id, title, reference, run } = one;
  return { id, title, reference, run };
}

function row({ case: { id, title }, outcome, difference }: CaseResult): string {
  const text = `${id.padEnd(4)}  ${title.padEnd(TITLE_WIDTH)}  ${outcome}`;
  return `${outcome === 'FAILED' ? `${text}: ${difference}` : text}\n`;
}

function flat({ case: one, outcome, difference }: CaseResult): object {
  const { id, title, reference } = one;
  return { id, title, reference, outcome, ...(difference === undefined ? {} : { difference }) };
}

function line(event: object): string {
  return `${JSON.stringify({ ...event, time: Date.now() })}\n`;
}
