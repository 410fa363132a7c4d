import { describe, expect, it } from 'vitest';
import { UsageError } from './exit.ts';
import { type Parsed, parseCommandLine } from './program.ts';

const parse = (line: string): Parsed => parseCommandLine(line === '' ? [] : line.split(' '), () => {});

describe('sink', () => {
  it('streams a test picture and a test tone when nothing is named', () => {
    expect(parse('sink')).toMatchObject({
      command: 'sink',
      json: false,
      inputs: [{ type: 'testsrc' }, { type: 'tone' }],
      options: {},
    });
  });

  it('takes every form of switch, without swallowing the argument behind it', () => {
    const parsed = parse(
      'sink --loop=true --run-web-server a.mp4 --run-signalling-server=false --no-do-retransmission b.mp4 --json',
    );
    expect(parsed).toMatchObject({
      json: true,
      inputs: [
        { type: 'file', path: 'a.mp4', loop: true },
        { type: 'file', path: 'b.mp4', loop: true },
      ],
      options: { runWebServer: true, runSignallingServer: false, doRetransmission: false },
    });
  });

  it('leaves what stands behind -- alone', () => {
    expect(parse('sink -- --loop=false')).toMatchObject({ inputs: [{ type: 'file', path: '--loop=false' }] });
  });

  it("takes the sink's properties under their names", () => {
    const parsed = parse(
      'sink --video-codecs H264,VP8 --max-bitrate 3000000 --meta name=x --meta floor=2 --signaller-uri ws://10.0.0.1:1 --stun-server none --ice-port-range=50000-50100 --stats-interval 0.5',
    );
    expect(parsed).toMatchObject({
      statsInterval: 0.5,
      options: {
        videoCodecs: ['H264', 'VP8'],
        maxBitrate: 3_000_000,
        meta: { name: 'x', floor: 2 },
        signaller: { uri: 'ws://10.0.0.1:1' },
        stunServer: null,
        icePortRange: [50_000, 50_100],
      },
    });
  });
});

describe('signalling-server', () => {
  it('is left to its own package', () => {
    expect(parse('signalling-server -p 0 --max-peers 5')).toEqual({
      command: 'signalling-server',
      args: ['-p', '0', '--max-peers', '5'],
    });
    expect(parse('help signalling-server')).toEqual({ command: 'signalling-server', args: ['--help'] });
  });
});

it.each(['--signaller-uri', '--video-codecs', '--meta'])('does not take an empty %s for none', (flag) => {
  expect(() => parseCommandLine(['sink', flag, ''], () => {})).toThrow(new RegExp(`^${flag} is "", but it must be .*none`));
});

describe('src', () => {
  it('takes the first producer unless one is named, or none is wanted', () => {
    expect(parse('src')).toMatchObject({
      command: 'src',
      options: { connectToFirstProducer: true },
      outputs: {},
      reconnect: false,
    });
    const named = parse('src gstwebrtc://10.0.0.1:8443?peer-id=abc --record a.mkv --duration 2.5 --reconnect');
    expect(named).toMatchObject({
      options: { connectToFirstProducer: false, signaller: { uri: 'gstwebrtc://10.0.0.1:8443?peer-id=abc' } },
      outputs: { record: 'a.mkv' },
      duration: 2.5,
      reconnect: true,
    });
    expect(parse('src --no-connect-to-first-producer')).toMatchObject({ options: { connectToFirstProducer: false } });
    const byFlag = parse('src --signaller-producer-peer-id abc') as { options: object };
    expect(byFlag.options).toEqual({ signaller: { producerPeerId: 'abc' } });
  });

  it("takes the source's properties under their names", () => {
    const line =
      'src --video-codecs H264,VP8 --audio-codecs none --no-do-retransmission --min-playout-delay 40 --turn-servers turn://u:p@h:1';
    expect(parse(line)).toMatchObject({
      options: {
        videoCodecs: ['H264', 'VP8'],
        audioCodecs: [],
        doRetransmission: false,
        minPlayoutDelay: 40,
        turnServers: ['turn://u:p@h:1'],
      },
    });
  });

  it('lists, and plays', () => {
    expect(parse('src --list')).toMatchObject({ command: 'list', json: false });
    expect(parse('play ws://h:1 --player gstreamer')).toMatchObject({ command: 'play', player: 'gstreamer' });
  });
});

describe('wrong usage', () => {
  it.each([
    ['', 'Say what to do: tswebrtc sink, src, play, inspect or signalling-server; tswebrtc --help tells more.'],
    ['snik', 'Unknown command snik; did you mean sink?'],
    ['help sinc', 'Unknown command sinc; did you mean sink?'],
    ['help everything', 'Unknown command everything.'],
    ['sink --lop', 'Unknown option --lop; did you mean --loop?'],
    ['sink --run-web-sever', 'Unknown option --run-web-sever; did you mean --run-web-server?'],
    ['sink --loop=maybe', '--loop is "maybe", but it must be true or false.'],
    ['sink --max-bitrate', '--max-bitrate needs a value behind it.'],
    ['sink --max-bitrate 8M', '--max-bitrate is "8M", but it must be a whole number from 1 to 4294967295 (bit/s).'],
    ['sink --min-bitrate 2 --max-bitrate 1', '--min-bitrate is 2 bit/s, but it must not exceed --max-bitrate, which is 1 bit/s.'],
    ['sink --video-caps none --video-codecs VP8', '--video-codecs and --video-caps mean the same; give only one of them.'],
    ['sink --stats-interval 0', '--stats-interval is "0", but it must be a number from 0.1 to 86400 (s).'],
  ])('%s', (line, expected) => {
    expect(() => parse(line)).toThrow(new UsageError(expected));
  });
});

it('lists every property in the help of sink, and says what the defaults are', () => {
  let help = '';
  expect(parseCommandLine(['sink', '--help'], (text) => (help += text))).toEqual({ command: 'none' });
  expect(help).toContain('--signalling-server-port <number>');
  expect(help.replace(/\s+/g, ' ')).toContain('(default: stun://stun.l.google.com:19302)');
  expect(help).not.toContain('--no-loop');
});

it('sends events of both kinds in the order in which they were typed', () => {
  const key = (name: string): string => `--send-navigation {"event":"KeyPress","key":"${name}"}`;
  const parsed = parse(`src ${key('a')} --send-event light={"on":true} ${key('b')}`);
  expect(parsed).toMatchObject({
    sends: [{ navigation: { key: 'a' } }, { structureName: 'light' }, { navigation: { key: 'b' } }],
    options: { enableControlDataChannel: true },
  });
});
