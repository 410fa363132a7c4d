import { describe, expect, it } from 'vitest';
import { TsWebRTCError } from '../common/errors.ts';
import { Output } from './output.ts';

function tell(json: boolean): { stdout: string; stderr: string } {
  const written = { stdout: '', stderr: '' };
  const stream = (name: 'stdout' | 'stderr') => ({ write: (text: string) => (written[name] += text) });
  const output = new Output({ json, streams: { stdout: stream('stdout'), stderr: stream('stderr') }, now: () => 1234 });
  output.event('registered', { peerId: 'p' }, 'Streaming as p.');
  output.error(new TsWebRTCError('ENCODER_FAILED', 'no encoder for H264'), 's');
  output.error(Object.assign(new Error('The port is taken: choose another.'), { code: 'ADDRESS_IN_USE' }));
  output.error(new TypeError('x is not a function'));
  return written;
}

describe('output', () => {
  it('with --json is one object a line on stdout, and sentences on stderr', () => {
    const { stdout, stderr } = tell(true);
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual([
      { event: 'registered', time: 1234, peerId: 'p' },
      { event: 'error', time: 1234, code: 'ENCODER_FAILED', message: 'No encoder for H264.', sessionId: 's' },
      { event: 'error', time: 1234, code: 'ADDRESS_IN_USE', message: 'The port is taken: choose another.' },
      { event: 'error', time: 1234, code: 'INTERNAL', message: 'X is not a function.' },
    ]);
    expect(stderr.split('\n').slice(0, 2)).toEqual(['Streaming as p.', 'No encoder for H264.']);
  });

  it('without is sentences on stdout, errors on stderr', () => {
    const { stdout, stderr } = tell(false);
    expect(stdout).toBe('Streaming as p.\n');
    expect(stderr).toBe('No encoder for H264.\nThe port is taken: choose another.\nX is not a function.\n');
  });

  it('shows control characters of strangers instead of obeying them', () => {
    let written = '';
    const stream = { write: (text: string) => (written += text) };
    const output = new Output({ json: false, streams: { stdout: stream, stderr: stream } });
    output.event('navigation', {}, 'Key \x1b]0;mine\x07\x9b2J\r\u202e pressed.\n\tÄ “quoted” 😀');
    expect(written).toBe('Key \\u001b]0;mine\\u0007\\u009b2J\\u000d\\u202e pressed.\n\tÄ “quoted” 😀\n');
  });
});
