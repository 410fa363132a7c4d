import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TsWebRTCError } from '../common/errors.ts';
import { camelCase, kebabCase } from '../properties/property-schema.ts';
import type { Signaller } from '../signalling/signaller.ts';
import { validateOptions, type WebRTCSinkOptions } from './options.ts';
import { describeProperties, namedProperties, parseProperty } from './properties.ts';

/** The sentence with which `options` are refused. */
function refusal(options: unknown): string {
  try {
    validateOptions(options as WebRTCSinkOptions);
  } catch (error) {
    expect(error).toBeInstanceOf(TsWebRTCError);
    expect((error as TsWebRTCError).code).toBe('INVALID_OPTION');
    return (error as TsWebRTCError).message;
  }
  throw new Error(`${JSON.stringify(options)} was accepted`);
}

describe('defaults', () => {
  it("are the original's, except that nothing listens to the network", () => {
    expect(validateOptions()).toMatchObject({
      videoCaps: ['VP8', 'H264', 'VP9', 'H265', 'AV1'],
      audioCaps: ['OPUS', 'MULTIOPUS', 'PCMU', 'PCMA'],
      stunServer: 'stun://stun.l.google.com:19302',
      minBitrate: 1000,
      maxBitrate: 8_192_000,
      startBitrate: 2_048_000,
      doRetransmission: true,
      meta: null,
      iceTransportPolicy: 'all',
      runSignallingServer: false,
      signallingServerHost: '127.0.0.1',
      signallingServerPort: 8443,
      runWebServer: false,
      webServerHostAddr: 'http://127.0.0.1:8080',
    });
  });

  it('pass their own checks, as values and as text', () => {
    for (const { name, declaration } of namedProperties) {
      expect(declaration.type.check(declaration.default), name).toEqual(declaration.default);
      expect(parseProperty(name, declaration.type.format(declaration.default)), name).toEqual(declaration.default);
    }
  });
});

describe('options of a program', () => {
  it('are taken in the forms the types promise', () => {
    const resolved = validateOptions({
      videoCodecs: ['H264'],
      audioCaps: null,
      icePortRange: [50_000, 50_100],
      meta: { name: 'camera', tags: ['a', 'b'] },
      stunServer: null,
      signallingServerPort: 0,
      signaller: { uri: 'wss://example.org:8443/path?token=x' },
    });
    expect(resolved).toMatchObject({
      videoCaps: ['H264'],
      audioCaps: [],
      icePortRange: [50_000, 50_100],
      meta: { name: 'camera', tags: ['a', 'b'] },
      stunServer: null,
      signallingServerPort: 0,
      signaller: { uri: 'wss://example.org:8443/path?token=x', insecureTls: false },
    });
  });

  it('hand a signaller of your own through untouched', () => {
    const signaller = { sendSdp: () => {} } as unknown as Signaller;
    expect(validateOptions({ signaller }).signaller).toBe(signaller);
  });

  it.each([
    [{ maxBitrat: 1 }, 'Option maxBitrat does not exist; did you mean maxBitrate?'],
    [{ 'max-bitrate': 1 }, 'Option max-bitrate does not exist; did you mean maxBitrate?'],
    [{ videoCodec: ['VP8'] }, 'Option videoCodec does not exist; did you mean videoCodecs?'],
    [{ colour: 'red' }, 'Option colour does not exist.'],
    [{ signaller: { url: 'ws://x' } }, 'Option signaller.url does not exist; did you mean uri?'],
    [{ maxBitrate: 0 }, 'Option maxBitrate is 0, but it must be a whole number from 1 to 4294967295 (bit/s).'],
    [{ maxBitrate: '5000' }, 'Option maxBitrate is "5000", but it must be a whole number from 1 to 4294967295 (bit/s).'],
    [{ signallingServerPort: 70_000 }, 'Option signallingServerPort is 70000, but it must be a whole number from 0 to 65535.'],
    [{ iceTransportPolicy: 'relays' }, 'Option iceTransportPolicy is "relays", but it must be all or relay.'],
    [{ rtxPercentage: -2 }, 'Option rtxPercentage is -2, but it must be a whole number from -1 to 2147483647 (%).'],
    [
      { enableMitigationModes: ['smaller'] },
      'Option enableMitigationModes is ["smaller"], but it must be downscaled, downsampled or none, or several of them joined by +.',
    ],
    [{ doRetransmission: 'yes' }, 'Option doRetransmission is "yes", but it must be true or false.'],
    [
      { videoCaps: 'video/x-h264;video/x-vp7' },
      'Option videoCaps names the codec "video/x-vp7", but it must be none, or a list, most wanted first, of video/x-vp8 (VP8), video/x-h264 (H264), video/x-vp9 (VP9), video/x-h265 (H265) or video/x-av1 (AV1).',
    ],
    [{ videoCaps: 'VP8', videoCodecs: ['VP8'] }, 'Option videoCodecs and Option videoCaps mean the same; give only one of them.'],
    [
      { minBitrate: 2000, maxBitrate: 1000 },
      'Option minBitrate is 2000 bit/s, but it must not exceed Option maxBitrate, which is 1000 bit/s.',
    ],
    [
      { webServerHostAddr: 'http://127.0.0.1:8080/studio' },
      'Option webServerHostAddr has the path /studio, which belongs into Option webServerPath.',
    ],
    [
      { icePortRange: [50_100, 50_000] },
      'Option icePortRange is [50100,50000], but it must be two ports from 1 to 65535, the lower first, such as 50000-50100, or none.',
    ],
  ])('%j is refused in a sentence that says what would do', (options, expected) => {
    expect(refusal(options)).toBe(expected);
  });

  it('never fail otherwise than with INVALID_OPTION, whatever is given', () => {
    const keys = fc.constantFrom(...namedProperties.map(({ path }) => path[0]!), 'videoCodecs');
    fc.assert(
      fc.property(fc.dictionary(keys, fc.anything(), { maxKeys: 3 }), (options) => {
        try {
          validateOptions(options as WebRTCSinkOptions);
        } catch (error) {
          expect((error as TsWebRTCError).code).toBe('INVALID_OPTION');
        }
      }),
      { seed: 1 },
    );
  });
});

describe('text', () => {
  it.each([
    ['video-caps', 'video/x-h264;video/x-vp8', ['H264', 'VP8']],
    ['video-caps', 'video/x-h264, profile=(string){ baseline, main }; video/x-vp8(memory:SystemMemory)', ['H264', 'VP8']],
    ['video-caps', 'video/x-vp8,video/x-h264', ['VP8', 'H264']],
    ['video-caps', 'video/x-vp8;video/x-vp8', ['VP8']],
    ['video-codecs', 'h264,VP8', ['H264', 'VP8']],
    ['video-caps', 'none', []],
    ['stun-server', 'none', null],
    ['stun-server', 'stun:example.org:3478', 'stun:example.org:3478'],
    ['ice-port-range', '50000-50100', [50_000, 50_100]],
    ['rtx-percentage', '-1', -1],
    ['rtx-percentage', '30', 30],
    ['enable-mitigation-modes', 'none', []],
    ['enable-mitigation-modes', 'downsampled+downscaled', ['downscaled', 'downsampled']],
    ['run-web-server', 'false', false],
    ['signaller::uri', 'ws://127.0.0.1:8443', 'ws://127.0.0.1:8443'],
    ['meta', 'name=gst-stream', { name: 'gst-stream' }],
    ['meta', 'name=My camera,floor=2,live=true', { name: 'My camera', floor: 2, live: true }],
    [
      'meta',
      'meta,name="a, \\"b\\"",n=(int)5,f=(double)1.50,s=(string)7,l=<1,"x, y">',
      { name: 'a, "b"', n: 5, f: 1.5, s: '7', l: [1, 'x, y'] },
    ],
    ['meta', '{"name":"x","nested":{"a":[1]}}', { name: 'x', nested: { a: [1] } }],
    ['meta', 'serial=007', { serial: '007' }],
    ['meta', 'empty=', { empty: '' }],
  ])('%s=%s', (name, source, expected) => {
    expect(parseProperty(name, source)).toEqual(expected);
  });

  it.each([
    ['max-bitrate', '8M', '--max-bitrate is "8M", but it must be a whole number from 1 to 4294967295 (bit/s).'],
    ['max-bitrate', '-1', '--max-bitrate is "-1", but it must be a whole number from 1 to 4294967295 (bit/s).'],
    [
      'web-server-host-addr',
      '127.0.0.1:8080',
      '--web-server-host-addr is "127.0.0.1:8080", but it must be a URI that begins with http:// or https://, such as http://127.0.0.1:8080.',
    ],
    [
      'meta',
      'name',
      '--meta is "name", but it must be fields such as name=camera,floor=2 (quote a value that has a comma in it), or a JSON object, or none.',
    ],
    [
      'meta',
      'name=a,b',
      '--meta is "name=a,b", but it must be fields such as name=camera,floor=2 (quote a value that has a comma in it), or a JSON object, or none.',
    ],
    [
      'meta',
      'n=(int)x',
      '--meta is "n=(int)x", but it must be fields such as name=camera,floor=2 (quote a value that has a comma in it), or a JSON object, or none.',
    ],
  ])('%s=%s is refused', (name, source, expected) => {
    expect(() => parseProperty(name, source, `--${name}`)).toThrow(expected);
  });

  it('of meta cannot reach what all objects share', () => {
    const meta = parseProperty('meta', '__proto__=x,constructor=y') as object;
    expect(Object.getPrototypeOf(meta)).toBe(Object.prototype);
    expect(Object.keys(meta)).toEqual(['__proto__', 'constructor']);
  });
});

it('has two spellings of every name that lead to each other', () => {
  for (const { name, path } of namedProperties) {
    expect(name.replace('signaller::', '')).toBe(kebabCase(path.at(-1)!));
    expect(camelCase(kebabCase(path.at(-1)!))).toBe(path.at(-1));
  }
});

it('describes every property in one table', () => {
  const rows = describeProperties().trim().split('\n');
  expect(rows).toHaveLength(2 + namedProperties.length);
  const columns = new Set(rows.map((row) => row.replaceAll('\\|', '').split('|').length));
  expect(columns.size).toBe(1);
  for (const { name } of namedProperties) expect(rows.some((row) => row.startsWith(`| \`${name}\` |`))).toBe(true);
});
