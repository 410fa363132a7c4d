import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { UsageError } from './exit.ts';
import { checkFiles, checkLoop, parseInput } from './input.ts';

describe('INPUT', () => {
  it.each([
    ['testsrc', { type: 'testsrc' }],
    [
      'testsrc:pattern=ball,width=640,height=360,framerate=25,clock',
      { type: 'testsrc', pattern: 'ball', width: 640, height: 360, framerate: 25, clock: true },
    ],
    ['testsrc:clock=false', { type: 'testsrc', clock: false }],
    ['tone', { type: 'tone' }],
    ['tone:frequency=261.63,volume=0.5,channels=1', { type: 'tone', frequency: 261.63, volume: 0.5, channels: 1 }],
    ['film.mp4', { type: 'file', path: 'film.mp4', loop: true }],
    ['./tone', { type: 'file', path: './tone', loop: true }],
    ['https://host/film.mp4', { type: 'url', url: 'https://host/film.mp4', loop: true }],
    ['https://host/film.mp4#loop=false', { type: 'url', url: 'https://host/film.mp4', loop: false }],
    ['rtsp://ann:secret@camera/1?a=b', { type: 'url', url: 'rtsp://ann:secret@camera/1?a=b' }],
    [
      'rtsp://camera/1#transport=udp,timeout=2.5,reconnect=false,insecure-tls',
      { type: 'url', url: 'rtsp://camera/1', transport: 'udp', timeout: 2.5, reconnect: false, insecureTls: true },
    ],
    ['/dev/video0', { type: 'device', driver: 'v4l2', device: '/dev/video0' }],
    ['alsa:hw:1,0,sample-rate=16000', { type: 'device', driver: 'alsa', device: 'hw:1,0', sampleRate: 16_000 }],
    ['x11grab::0,framerate=25', { type: 'device', driver: 'x11grab', device: ':0', framerate: 25 }],
    ['-', { type: 'pipe' }],
    ['pipe:format=s16le,channels=1', { type: 'pipe', format: 's16le', channels: 1 }],
    ['constructor:x', { type: 'file', path: 'constructor:x', loop: true }],
  ])('%s', (source, expected) => {
    expect(parseInput(source, { loop: true })).toEqual(expected);
  });

  it.each([
    ['', 'An INPUT is empty; name a file, testsrc or tone.'],
    ['testsrc:patern=ball', 'There is no setting patern of testsrc; did you mean pattern?'],
    ['tone:colour=red', 'There is no setting colour of tone: it has frequency, volume, channels.'],
    ['rtsp://ann:secret@camera/#transprot=udp', 'There is no setting transprot of rtsp://camera/; did you mean transport?'],
    [
      'pipe:format=rawvideo',
      'The option "width" is null but must be a number of pixels between 16 and 8192, since raw pictures do not tell.',
    ],
    ['v4l2:', 'The option "device" is "" but must be the name of a device.'],
    ['testsrc:pattern=snow', 'The pattern of testsrc is "snow", but it must be smpte or ball.'],
    ['testsrc:width', 'The width of testsrc is "true", but it must be a whole number from 16 to 7680 (pixels).'],
    ['testsrc:height=361', 'The height of testsrc is 361, but it must be even.'],
    ['tone:volume=2', 'The volume of tone is "2", but it must be a number from 0 to 1.'],
    ['testsrc:__proto__=1', 'There is no setting __proto__ of testsrc: it has pattern, width, height, framerate, clock.'],
  ])('%s is refused', (source, expected) => {
    expect(() => parseInput(source)).toThrow(new UsageError(expected));
  });

  it('is told where nothing is there that could start over', () => {
    const check = (...sources: string[]) => checkLoop(sources.map((source) => parseInput(source, { loop: true })));
    expect(() => check('rtsp://ann:secret@camera/1', '-')).toThrow(
      new UsageError('There is no beginning for --loop to go back to in rtsp://camera/1, the standard input; leave it out.'),
    );
    for (const sources of [
      ['film.mp4', 'alsa:default'],
      ['https://host/film.mp4', '-'],
      ['testsrc', 'tone'],
    ])
      check(...sources);
  });

  it('names the file that is not there, and what was meant', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'input-'));
    const path = join(directory, 'film.mp4');
    try {
      await writeFile(path, '');
      await checkFiles([{ type: 'testsrc' }, { type: 'file', path }]);
      const refused = { code: 'INPUT_NOT_FOUND' };
      await expect(checkFiles([{ type: 'file', path: `${path}x` }])).rejects.toMatchObject({
        ...refused,
        message: `There is no file ${path}x.`,
      });
      await expect(checkFiles([{ type: 'file', path: 'testscr' }])).rejects.toMatchObject({
        ...refused,
        message: 'There is no file testscr; did you mean testsrc?',
      });
      await expect(checkFiles([{ type: 'file', path: directory }])).rejects.toMatchObject({
        ...refused,
        message: `The input ${directory} is a directory; name a file in it.`,
      });
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
