/** `tswebrtc src` and `tswebrtc play` as processes, beside a `tswebrtc sink` and a signalling server. */
import { spawn } from 'node:child_process';
import { chmod, mkdtemp, readFile as readBytes, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SignallingServer } from '@tswebrtc/signalling-server';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readFile } from '../media/read-file.testing.ts';
import { command, finish, killRuns, Run } from './command-run.testing.ts';

let scratch: string;
let server: SignallingServer;
let sink: Run;
let uri: string;
let producerId: string;
const local = '--stun-server=none';

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'src-'));
});
beforeEach(async () => {
  server = await SignallingServer.listen({ host: '127.0.0.1', port: 0 });
  uri = `gstwebrtc://127.0.0.1:${server.port}`;
  const options = ['--signaller-uri', `ws://127.0.0.1:${server.port}`, local, '--meta', 'name=probe'];
  sink = new Run(['sink', '--json', ...options, 'testsrc:width=320,height=240,framerate=30', 'tone']);
  producerId = (await sink.event('registered')).peerId as string;
});
afterEach(async () => {
  killRuns();
  await server.close();
});
afterAll(() => rm(scratch, { recursive: true }));

const file = (name: string): string => join(scratch, name);

describe('src', () => {
  it('sends events to the producer and ends when they are handled', async () => {
    const options = ['--signaller-uri', `ws://127.0.0.1:${server.port}`, local, '--enable-control-data-channel'];
    const controlled = new Run(['sink', '--json', ...options, 'testsrc:width=320,height=240,framerate=30']);
    const { peerId } = await controlled.event('registered');
    const sends = [
      '--send-navigation',
      '{"event":"MouseButtonPress","button":1,"x":20,"y":10}',
      '--send-event',
      'light={"on":true}',
    ];
    const run = new Run(['src', '--json', local, `${uri}?peer-id=${String(peerId)}`, ...sends]);
    expect(await run.exit, run.stderr).toBe(0);
    const navigation = { event: 'MouseButtonPress', button: 1, x: 20, y: 10, modifier_state: '' };
    expect(await controlled.event('navigation')).toMatchObject({ mid: null, tracks: ['video_0'], navigation });
    expect(await controlled.event('custom-upstream-event')).toMatchObject({ structureName: 'light', structure: { on: true } });
    expect(run.events().find(({ event }) => event === 'navigation-sent')).toMatchObject({ navigation });

    const refused = new Run(['src', '--json', local, `${uri}?peer-id=${producerId}`, '--send-event', 'light={"on":null}']);
    expect(await refused.exit).toBe(2);
    expect(refused.stderr).toContain('"on" that is null');
  });

  it('lists the producers', async () => {
    const { code, stdout } = await finish('src', '--list', uri);
    expect([code, stdout]).toEqual([0, `${producerId}  {"name":"probe"}\n`]);
    const json = await finish('src', '--list', '--json', uri);
    expect(JSON.parse(json.stdout)).toMatchObject({ event: 'producer', peerId: producerId, meta: { name: 'probe' } });
  });

  it('records for as long as it was told to, takes a picture, and tells of all of it', async () => {
    const [film, picture] = [file('film.mp4'), file('picture.jpg')];
    const run = new Run([
      ...['src', '--json', local, `${uri}?peer-id=${producerId}`, '--record', film, '--duration', '2'],
      ...['--snapshot', picture, '--stats-interval', '0.5'],
    ]);
    expect(await run.exit, run.stderr).toBe(0);
    const events = run.events();
    const one = (name: string) => events.find(({ event }) => event === name)!;
    expect(one('session-started')).toMatchObject({ producerId });
    expect(events.filter(({ event }) => event === 'track').map(({ name, codec }) => [name, codec])).toEqual([
      ['video_0', 'H264'],
      ['audio_0', 'opus'],
    ]);
    expect(one('recording-begun')).toMatchObject({ path: film, tracks: [{ codec: 'H264' }, { codec: 'OPUS' }] });
    expect(one('recording-ended')).toMatchObject({ path: film, reason: 'duration', framesDropped: 0 });
    expect(one('snapshot')).toMatchObject({ path: picture, width: 320, height: 240 });
    const stats = events.filter(({ event }) => event === 'stats').at(-1) as unknown as { tracks: object[] };
    expect(stats.tracks).toMatchObject([
      { name: 'video_0', codec: 'H264', width: 320, height: 240 },
      { name: 'audio_0', codec: 'opus' },
    ]);
    const { duration, streams } = await readFile(film);
    expect(duration).toBeGreaterThan(1.8);
    expect(duration).toBeLessThan(2.2);
    expect(streams.map(({ kind, errors }) => [kind, errors])).toEqual([
      ['video', 0],
      ['audio', 0],
    ]);
    expect((await readBytes(picture)).subarray(0, 2)).toEqual(Buffer.from([0xff, 0xd8]));
  });

  it.each([
    ['matroska', /^1a45dfa3/],
    ['y4m', new RegExp(`^${Buffer.from('YUV4MPEG2 W320 H240 ').toString('hex')}`)],
    // IVF or a start code.
    ['encoded', /^444b4946|^(00)?000001/],
  ])('passes the stream on: %s', async (format, begins) => {
    const child = spawn(process.execPath, [command, 'src', uri, local, '--stdout', '--format', format], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const exit = new Promise((resolve) => child.once('close', resolve));
    let bytes = Buffer.alloc(0);
    for await (const part of child.stdout) {
      bytes = Buffer.concat([bytes, part as Buffer]);
      if (bytes.length > 20_000) break;
    }
    expect(bytes.toString('hex', 0, 40)).toMatch(begins);
    // The reader has gone: that is an end like any other.
    expect(await exit).toBe(0);
  });

  it('completes its file at Ctrl-C, and when the producer goes', async () => {
    const [stopped, left] = [file('stopped.mkv'), file('left.mp4')];
    const first = new Run(['src', '--json', local, uri, '--record', stopped]);
    const second = new Run(['src', '--json', local, uri, '--record', left]);
    await Promise.all([first.event('recording-begun'), second.event('recording-begun')]);
    await expect.poll(async () => (await stat(stopped)).size, { timeout: 10_000 }).toBeGreaterThan(20_000);
    first.child.kill('SIGINT');
    expect(await first.exit).toBe(0);
    expect((await readFile(stopped)).streams[0]!.decoded.length).toBeGreaterThan(5);
    // Killed in the middle of it.
    sink.child.kill('SIGKILL');
    expect(await second.event('session-ended')).toMatchObject({ reason: 'ended' });
    expect(await second.exit).toBe(0);
    expect((await readFile(left)).streams[0]!.decoded.length).toBeGreaterThan(5);
  });

  it('says in a sentence what is wrong', async () => {
    const cases: [args: string[], code: number, message: RegExp][] = [
      [['src', '--record', 'a.avi'], 2, /"a\.avi" tells of no container/],
      [['src', '--snapshot', 'a.gif'], 2, /must end in \.png/],
      [['src', '--stdout', '--json'], 2, /cannot both have standard output/],
      [['src', '--format', 'y4m'], 2, /add --stdout/],
      [['src', '--stdout', '--format', 'matrosca'], 2, /did you mean matroska/],
      [['src', 'http://127.0.0.1'], 2, /^The URI is "http:\/\/127\.0\.0\.1"/],
      [['src', uri, '--signaller-uri', uri], 2, /stands there twice/],
      [['src', '--duration', '-3'], 2, /--duration/],
      [['src', '--turn-servers', 'turn:host'], 2, /turn:\/\/user:password@/],
      [['src', uri, '--record', join(scratch, 'no/such/a.mp4')], 1, /cannot be made: no writing in/],
      [['src', '--list', 'gstwebrtc://127.0.0.1:1'], 1, /cannot be reached/],
      [['play', '--player', 'vlc'], 2, /must be ffplay or gstreamer/],
    ];
    await Promise.all(
      cases.map(async ([args, expected, message]) => {
        const { code, stdout, stderr } = await finish(...args);
        expect([args.join(' '), code, stderr]).toEqual([args.join(' '), expected, expect.stringMatching(message)]);
        expect(stdout).toBe('');
      }),
    );
  });
});

describe('play', () => {
  it('gives the stream to a player, and ends with it', async () => {
    const [player, played] = [file('ffplay'), file('played.mkv')];
    await writeFile(player, `#!/bin/sh\necho "$@" >${file('arguments')}\nhead -c 30000 >${played}\n`);
    await chmod(player, 0o755);
    const run = new Run(['play', uri, local], { env: { PATH: `${scratch}:${process.env.PATH}` } });
    expect(await run.exit, run.stderr).toBe(0);
    expect(await readBytes(file('arguments'), 'utf8')).toContain('-i pipe:0');
    expect((await readFile(played)).streams.map(({ kind }) => kind)).toEqual(['video', 'audio']);
  });

  it('says which player failed, or that there is none', async () => {
    await writeFile(file('ffplay'), '#!/bin/sh\necho "no display" >&2\nexit 3\n');
    await chmod(file('ffplay'), 0o755);
    const failing = new Run(['play', uri, local], { env: { PATH: `${scratch}:${process.env.PATH}` } });
    expect(await failing.exit).toBe(1);
    expect(failing.stderr).toContain('The player ffplay failed: no display.');
    const none = new Run(['play', uri], { env: { PATH: '/nowhere' } });
    expect(await none.exit).toBe(1);
    expect(none.stderr).toMatch(/There is no player: neither ffplay nor gst-launch-1\.0 is installed; install/);
  });
});
