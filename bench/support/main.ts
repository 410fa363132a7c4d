/**
 * `npm run support [-- WORD...] [--seconds N]`: tries each input and codec with each consumer on this machine, and writes what came of it to
 * docs/support.md. With words only the rows and consumers that contain one of them are tried anew; the others keep what
 * they had.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createReadStream, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { CommandProcess } from '../../interop/command-process.ts';
import { Child } from '../child.ts';
import { NetworkLab, networkMissing } from '../network/network-lab.ts';
import { allConsumers, type Consumer, type Watched } from './consumers.ts';
import { allRows, type Row } from './rows.ts';
import { type Cell, cellKey, readSupportPage, supportPage } from './table.ts';

const PAGE = 'docs/support.md';
/** Of the frames that come, this part has to be decoded: 28 of 30. */
const ENOUGH = 28 / 30;
/** What the sink, or a consumer, says where they have no codec in common. */
const NONE_TAKEN = /took none of the offered codecs/;

interface Producer {
  readonly signalling: string;
  /** Why its session came to nothing, where it knows. */
  reason(): string | undefined;
  stop(): Promise<unknown>;
}

const { values, positionals: words } = parseArgs({
  options: { seconds: { type: 'string', default: '5' } },
  allowPositionals: true,
});
const seconds = Number(values.seconds);
const directory = mkdtempSync(join(tmpdir(), 'tswebrtc-support-'));
const lab = networkMissing() ? undefined : new NetworkLab();
/** Ends what a row runs beside its producer. */
const beside = new Set<() => void>();
/** Producers, of which none may outlive this. */
const running = new Set<ChildProcess>();
const within = (host: { namespace: string }): string[] => ['ip', 'netns', 'exec', host.namespace];

async function startSink(args: readonly string[], apart: boolean): Promise<Producer> {
  const servers = apart
    ? ['--run-signalling-server', '--signalling-server-host', lab!.producer.address, '--signalling-server-port', '8443']
    : ['--run-signalling-server', '--signalling-server-port', '0'];
  const sink = new CommandProcess(
    ['sink', '--json', '--stun-server', 'none', ...servers, ...args],
    apart ? within(lab!.producer) : [],
  );
  running.add(sink.child);
  try {
    await sink.event('registered', () => true, 30_000);
  } catch {
    await sink.stop();
    throw new Error(sink.stderr.trim().split('\n').at(-1) || 'the sink did not start');
  }
  return {
    signalling: apart ? `ws://${lab!.producer.address}:8443` : sink.signallingUri,
    reason: () => sink.events.find(({ event, sessionId }) => event === 'error' && sessionId)?.message as string | undefined,
    stop: () => sink.stop(),
  };
}

async function startProgram([program, ...args]: readonly string[]): Promise<Producer> {
  const child = spawn(program!, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  running.add(child);
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const { value } = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
  return {
    signalling: /ws:\S+/.exec(String(value))![0],
    reason: () => undefined,
    stop: async () => {
      child.kill('SIGINT');
      await exited;
    },
  };
}

async function attempt(row: Row, consumer: Consumer): Promise<Cell> {
  if (consumer.missing) return { ok: null, text: consumer.missing };
  let producer: Producer | undefined;
  try {
    producer = row.program ? await startProgram(row.program) : await startSink(row.sink ?? [], consumer.apart);
    const watched = await consumer.watch(producer.signalling, seconds, consumer.apart ? within(lab!.viewer) : []);
    return judge(row, watched, plain(row, producer.reason()));
  } catch (error) {
    return { ok: false, text: plain(row, producer?.reason() ?? (error as Error).message.split('\n')[0]!) };
  } finally {
    await producer?.stop();
  }
}

/** A reason as the page gives it, whoever gave it. */
function plain<Reason extends string | undefined>(row: Row, reason: Reason): Reason | string {
  return reason !== undefined && NONE_TAKEN.test(reason) ? untaken(row) : reason;
}

function untaken({ video, audio }: Pick<Row, 'video' | 'audio'>): string {
  return `it takes no ${(video ?? audio)?.codec}`;
}

function judge({ video, audio }: Row, watched: Watched, reason: string | undefined): Cell {
  const said: string[] = [];
  if (video) {
    const { codec, rate = 0, width, height } = watched.video ?? { codec: undefined };
    if (codec !== video.codec) return { ok: false, text: reason ?? untaken({ video }) };
    said.push(`${width}×${height} ${rate.toFixed(1)} fps`);
    if (rate < ENOUGH * video.rate) return { ok: false, text: said.join(', ') };
  }
  if (audio) {
    const { codec, rate = 0, energy = 0 } = watched.audio ?? { codec: undefined };
    if (codec !== audio.codec) return { ok: false, text: reason ?? untaken({ audio }) };
    if (rate === 0 || energy === 0) return { ok: false, text: `${audio.codec}: nothing is heard` };
    said.push('heard');
  }
  return { ok: true, text: said.join(', ') };
}

/** A file of the directory, also from its middle: an mp4 has its index at the end. */
function serveFile(request: IncomingMessage, response: ServerResponse): void {
  const path = join(directory, basename(request.url ?? ''));
  const size = statSync(path, { throwIfNoEntry: false })?.size;
  if (size === undefined) return void response.writeHead(404).end();
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  response.writeHead(206, { 'Content-Range': `bytes ${start}-${size - 1}/${size}` });
  createReadStream(path, { start }).pipe(response);
}

/** However this ends, and at once: what runs in the background has to end with it. */
process.once('exit', () => {
  for (const child of running) child.kill('SIGTERM');
  for (const end of beside) end();
  lab?.remove();
  rmSync(directory, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

const cells = existsSync(PAGE) ? readSupportPage(readFileSync(PAGE, 'utf8')) : {};
const consumers = allConsumers();
const files = createServer(serveFile);
await new Promise<void>((resolve) => files.listen(0, '127.0.0.1', resolve));
const cameras = [new Child('support/cameras.js'), ...(lab ? [new Child('support/cameras.js', within(lab.producer))] : [])];
await Promise.all(cameras.map((camera) => camera.ask('start')));
const served = `http://127.0.0.1:${(files.address() as AddressInfo).port}`;
const rows = allRows(directory, served);
try {
  for (const row of rows) {
    const chosen = consumers.filter(({ name }) => {
      const among = !row.consumers || row.consumers.includes(name);
      return among && (words.length === 0 || words.some((word) => `${row.section} ${row.name} ${name}`.includes(word)));
    });
    if (chosen.length === 0) continue;
    let failure: string | undefined;
    const done = await row.prepare?.().catch((error: Error) => {
      failure = `what it needs could not be made: ${error.message.split('\n').at(-2) ?? error.message}`;
      return undefined;
    });
    if (done) beside.add(done);
    for (const consumer of chosen) {
      const cell: Cell = failure === undefined ? await attempt(row, consumer) : { ok: null, text: failure };
      cells[cellKey(row.section, row.name, consumer.name)] = cell;
      console.log(
        `${row.section}: ${row.name} → ${consumer.name}: ${cell.ok === null ? '–' : cell.ok ? 'ok' : 'NO'}, ${cell.text}`,
      );
      writeFileSync(PAGE, supportPage(rows, consumers, cells, seconds));
    }
    done?.();
  }
} finally {
  await Promise.all(consumers.map((consumer) => consumer.close()));
  await Promise.all(cameras.map((camera) => camera.close()));
}
console.log(`written to ${PAGE}`);
process.exit(0);
