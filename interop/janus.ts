/** Runs Janus (Debian's), a server that forwards (SFU), with its WebSocket API and the VideoRoom alone. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../packages/signalling-server/src/free-port.testing.ts';

/** It says so before it refuses the option. */
const tried = spawnSync('janus', ['--version'], { encoding: 'utf8' });

/** Why tests with it cannot run here; undefined where they can. */
export const janusMissing = tried.error ? 'peer not available: Janus' : undefined;

export const janusVersion = /version: \d+ \(([\d.]+)\)/.exec(tried.stdout ?? '')?.[1];

/** There from the beginning; more are made as they are asked for. */
export const ROOM = 1234;

export interface Janus {
  /** Of its WebSocket API. */
  readonly uri: string;
  /** What it says. */
  readonly log: string;
  close(): Promise<void>;
}

export interface JanusOptions {
  readonly address?: string;
  /** A command, with its arguments, that runs the rest of its command line elsewhere. */
  readonly through?: readonly string[];
}

export async function startJanus({ address = '127.0.0.1', through = [] }: JanusOptions = {}): Promise<Janus> {
  const folder = await mkdtemp(join(tmpdir(), 'tswebrtc-janus-'));
  const port = await freePort();
  const only = (library: string): string => `disable = "${others[library]!.map((name) => `libjanus_${name}.so`).join(',')}"`;
  await writeFile(
    join(folder, 'janus.jcfg'),
    [
      `general: { debug_level = 4, session_timeout = 60, server_name = "tswebrtc" }`,
      `plugins: { ${only('plugins')} }`,
      `transports: { ${only('transports')} }`,
    ].join('\n'),
  );
  await writeFile(
    join(folder, 'janus.transport.websockets.jcfg'),
    `general: { json = "compact", ws = true, ws_ip = "${address}", ws_port = ${port}, wss = false }\n`,
  );
  const room = `room-${ROOM}: { publishers = 1, videocodec = "vp8" }`;
  await writeFile(join(folder, 'janus.plugin.videoroom.jcfg'), `general: {}\n${room}\n`);
  const [program, ...args] = [...through, 'janus', '-F', folder, '--disable-colors'];
  const child = spawn(program!, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  await new Promise<void>((resolve, reject) => {
    const read = (text: string): void => {
      log += text;
      if (log.includes('WebSockets thread started')) resolve();
    };
    for (const output of [child.stdout, child.stderr]) output.setEncoding('utf8').on('data', read);
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`Janus did not start: ${log}`)));
  });
  return {
    uri: `ws://${address}:${port}`,
    get log() {
      return log;
    },
    close: async () => {
      await end(child);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** What Debian's package brings and nothing here needs. */
const others: Record<string, readonly string[]> = {
  plugins: [
    'audiobridge',
    'duktape',
    'echotest',
    'lua',
    'nosip',
    'recordplay',
    'sip',
    'streaming',
    'textroom',
    'videocall',
    'voicemail',
  ],
  transports: ['http', 'mqtt', 'nanomsg', 'pfunix', 'rabbitmq'],
};

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}
