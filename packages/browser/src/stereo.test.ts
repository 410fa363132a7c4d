import { describe, expect, it } from 'vitest';
import { withStereo } from './stereo.ts';

const offer = 'a=fmtp:96 sprop-stereo=1;minptime=10\r\na=fmtp:97 apt=98\r\n';

describe('withStereo', () => {
  it('adds the flag to what the offer sends in stereo, and to nothing else', () => {
    const answer = 'a=fmtp:97 apt=98\r\na=fmtp:96 minptime=10;useinbandfec=1\r\na=sendrecv\r\n';
    expect(withStereo(offer, answer)).toBe('a=fmtp:97 apt=98\r\na=fmtp:96 minptime=10;useinbandfec=1;stereo=1\r\na=sendrecv\r\n');
  });

  it.each(['a=fmtp:96 stereo=0', 'a=fmtp:96 minptime=10; stereo=1'])('leaves an answer that decided: %s', (answer) => {
    expect(withStereo(offer, answer)).toBe(answer);
  });

  it('leaves mono offers alone', () => {
    expect(withStereo('a=fmtp:96 sprop-stereo=0', 'a=fmtp:96 minptime=10')).toBe('a=fmtp:96 minptime=10');
  });
});
