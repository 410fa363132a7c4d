/** GStreamer's webrtcbin produces, on another host; `tswebrtc src` records it. `npm run interop`. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { NetworkLab, networkMissing } from '../bench/network/network-lab.ts';
import { readFile } from '../packages/tswebrtc/src/media/read-file.testing.ts';
import { CommandProcess } from './command-process.ts';

const SCRIPT = fileURLToPath(new URL('webrtcbin-producer.py', import.meta.url));
const DURATION = 10;

const imports = 'import gi, websockets; gi.require_version("GstWebRTC", "1.0"); from gi.repository import GstWebRTC';
const missing =
  networkMissing() ?? (spawnSync('/usr/bin/python3', ['-c', imports]).status === 0 ? undefined : 'peer not available: webrtcbin');

let lab: NetworkLab;
let directory: string;
const children: ChildProcess[] = [];
beforeEach(async (context) => {
  if (missing) return context.skip(missing);
  lab = new NetworkLab();
  directory = await mkdtemp(join(tmpdir(), 'tswebrtc-webrtcbin-'));
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  lab?.remove();
  if (directory) await rm(directory, { recursive: true, force: true });
});

it.each<[codec: string, sound: string, packetRate: number]>([
  ['VP8', 'OPUS', 50],
  ['H264', 'OPUS', 50],
  // GStreamer's payloaders of what is not compressed fill packets of 1400 bytes, or send what the source gives at once: 1024 samples.
  ['VP8', 'L16', 100],
  ['VP8', 'PCMU', 7],
])(
  '%s and %s',
  async (codec, sound, packetRate) => {
    const within = (namespace: string): string[] => ['ip', 'netns', 'exec', namespace];
    const run = (...args: string[]): CommandProcess => {
      const command = new CommandProcess(args, within(lab.viewer.namespace));
      children.push(command.child);
      return command;
    };
    const server = run('signalling-server', '--json', '--host', lab.viewer.address, '--port', '8443');
    await server.event('listening');
    const uri = `ws://${lab.viewer.address}:8443`;
    const [ip, ...rest] = within(lab.producer.namespace);
    children.push(spawn(ip!, [...rest, '/usr/bin/python3', SCRIPT, uri, codec, sound], { stdio: 'ignore' }));
    const file = join(directory, `${codec}-${sound}.mkv`);
    const options = [
      '--stun-server',
      'none',
      '--audio-codecs',
      sound,
      '--record',
      file,
      '--duration',
      String(DURATION),
      '--stats-interval',
      '1',
    ];
    const src = run('src', '--json', uri, ...options);
    const { code } = await src.exit;
    expect(code, src.stderr).toBe(0);
    const { duration, streams } = await readFile(file);
    const [video, audio] = streams;
    console.log(
      `webrtcbin ${codec} and ${sound}: ${duration.toFixed(2)} s, ${video!.decoded.length} frames, ${video!.errors} errors, ` +
        `${audio!.times.length} packets of sound`,
    );
    expect(src.events.filter(({ event }) => event === 'track').map(({ codec: name }) => String(name).toUpperCase())).toEqual([
      codec,
      sound,
    ]);
    expect(Math.abs(duration - DURATION)).toBeLessThan(0.2);
    expect(video!.decoded.length).toBeGreaterThanOrEqual(0.97 * 30 * DURATION);
    expect(video!.errors + audio!.errors).toBe(0);
    expect(audio!.times.length).toBeGreaterThan(0.97 * packetRate * DURATION);
  },
  60_000,
);
