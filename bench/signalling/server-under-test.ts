/** The servers that are measured: ours and the original's as processes of their own, or any that runs already. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { connect } from 'node:net';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../../packages/signalling-server/src/free-port.testing.ts';

export interface ServerUnderTest {
  readonly url: string;
  /** Undefined where nobody told it: what needs it is left out. */
  readonly pid: number | undefined;
  close(): Promise<void>;
}

/** A server that can be had afresh for each figure. */
export interface Contender {
  readonly name: string;
  start(): Promise<ServerUnderTest>;
}

const OUR_COMMAND = 'packages/signalling-server/bin/tswebrtc-signalling-server.js';
const THEIR_COMMAND = 'gst-webrtc-signalling-server';
/** More peers than any figure needs: that limit is for whoever runs a server to set. */
const MAX_PEERS = '100000';
/** How long a server may take to listen, ms. */
const PATIENCE = 10_000;

/** Log as little as each other: errors only. */
const env = { ...process.env, TSWEBRTC_LOG: 'error', WEBRTCSINK_SIGNALLING_SERVER_LOG: 'error' };

/** Our server, as people run it. */
export const ours: Contender = {
  name: 'tswebrtc',
  async start() {
    const args = [OUR_COMMAND, '--port', '0', '--json', '--max-peers', MAX_PEERS];
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
    const line = await new Promise<string>((resolve, reject) => {
      createInterface({ input: child.stdout }).once('line', resolve);
      child.once('exit', (code) => reject(new Error(`The server ended with ${code} before it listened.`)));
    });
    const { urls } = JSON.parse(line) as { urls: string[] };
    return { url: urls[0]!, pid: child.pid, close: () => terminate(child) };
  },
};

/** The original's server; undefined where it is not installed. */
export function original(): Contender | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), join(homedir(), '.cargo', 'bin')];
  const command = folders.map((folder) => join(folder, THEIR_COMMAND)).find(isExecutable);
  if (!command) return undefined;
  return {
    name: THEIR_COMMAND,
    async start() {
      const port = await freePort();
      const child = spawn(command, ['--host', '127.0.0.1', '-p', String(port)], { env, stdio: ['ignore', 'ignore', 'inherit'] });
      await untilListening(port);
      return { url: `ws://127.0.0.1:${port}`, pid: child.pid, close: () => terminate(child) };
    },
  };
}

/** A server that runs already, and goes on running. */
export function running(url: string, pid: number | undefined): Contender {
  return { name: url, start: async () => ({ url, pid, close: async () => {} }) };
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function terminate(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  await exit;
}

async function untilListening(port: number): Promise<void> {
  const deadline = performance.now() + PATIENCE;
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await delay(20);
    } finally {
      socket.destroy();
    }
  }
}
