import { describe, expect, it, vi } from 'vitest';
import { silentLogger } from '../common/logger.ts';
import { EncoderDirectory, encodersFor } from './encoders.ts';
import { tryEncoders } from './try-encoders.ts';
import type { WorkerHost } from './worker-host.ts';

/** What the directory writes, `info` and `warn` apart from what only those who look for it see. */
function log(): { lines: string[]; logger: typeof silentLogger } {
  const lines: string[] = [];
  const write = (level: string) => (_: object, message?: string) => void lines.push(`${level}: ${message}`);
  return { lines, logger: { ...silentLogger, info: write('info'), warn: write('warn'), debug: write('debug') } };
}

describe('the encoders that are tried', () => {
  it('are hardware before software, or those that are wanted', () => {
    expect(encodersFor('H264').at(0)).toBe('h264_nvenc');
    expect(encodersFor('H264').at(-1)).toBe('libx264');
    expect(encodersFor('AV1', 'software')).toEqual(['libsvtav1']);
    expect(encodersFor('H265', 'hardware')).not.toContain('libx265');
    expect(encodersFor('VP8', 'vp8_vaapi')).toEqual(['vp8_vaapi']);
    expect(encodersFor('VP9', 'vp8_vaapi').at(-1)).toBe('libvpx-vp9');
  });

  it('are those in software where a peer sets bounds that hardware does not keep to', () => {
    const directory = new EncoderDirectory(silentLogger);
    for (const preference of ['auto', 'hardware', 'h264_nvenc']) {
      expect(directory.candidates('H264', preference, { maxSliceSize: 1100 })).toEqual(['libx264']);
      expect(directory.candidates('H264', preference, { level: 31 })).toEqual(['libx264']);
    }
  });

  it('are tried again some time after one did not open for an encoding, unless the trial refused it', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    try {
      const directory = new EncoderDirectory(silentLogger);
      const refused = (implementation: string) => [{ implementation, reason: 'It does not open: too large.' }];
      directory.note('H264', { implementation: 'libx264', refused: refused('h264_qsv') });
      directory.note('H264', { implementation: 'libx264', refused: refused('h264_nvenc') }, 'encoding-1');
      const failed = { implementation: 'h264_vaapi', reason: 'It broke.' };
      directory.note('H264', { implementation: 'libx264', refused: refused('h264_qsv'), failed }, 'encoding-1');
      for (const name of ['h264_qsv', 'h264_nvenc', 'h264_vaapi']) expect(directory.candidates('H264')).not.toContain(name);
      vi.advanceTimersByTime(61_000);
      expect(directory.candidates('H264')).toEqual(expect.arrayContaining(['h264_nvenc', 'h264_vaapi']));
      expect(directory.candidates('H264')).not.toContain('h264_qsv');
    } finally {
      vi.useRealTimers();
    }
  });

  it('are those in software where the trial hangs in a driver', async () => {
    const { lines, logger } = log();
    const directory = new EncoderDirectory(logger);
    let abandoned = false;
    const hangs = { take() {}, post() {}, abandon: () => (abandoned = true) } as unknown as WorkerHost;
    const trial = tryEncoders(hangs, [{ codec: 'H264', candidates: ['h264_vaapi', 'libx264'] }], 10);
    await expect(trial).rejects.toMatchObject({ code: 'ENCODER_FAILED', message: expect.stringContaining('hangs') });
    expect(abandoned).toBe(true);
    directory.noteHung(['H264'], 'It hangs.');
    expect(directory.candidates('H264')).toEqual(['libx264']);
    expect(lines).toEqual(['warn: hardware encoders are left out, as trying encoders came to nothing: It hangs.']);
  });

  it('are said once: the choice in a line, the others to those who look for it', () => {
    const { lines, logger } = log();
    const directory = new EncoderDirectory(logger);
    const refused = [{ implementation: 'vp9_vaapi', reason: 'It does not open: no device.' }];
    directory.note('VP9', { implementation: 'libvpx-vp9', refused });
    directory.note('VP9', { implementation: 'libvpx-vp9', refused: [] });
    expect(lines).toEqual([
      'debug: not vp9_vaapi: It does not open: no device.',
      'info: VP9 is encoded by libvpx-vp9 (software)',
    ]);
    // Hardware that does not work is not paid for again.
    expect(directory.candidates('VP9')).not.toContain('vp9_vaapi');
    expect(directory.candidates('VP9', 'vp9_vaapi')).toEqual(['vp9_vaapi']);
  });

  it('say in one line who goes on for one that broke', () => {
    const { lines, logger } = log();
    const directory = new EncoderDirectory(logger);
    directory.note('H264', { implementation: 'h264_vaapi', refused: [] });
    directory.note('H264', {
      implementation: 'libx264',
      refused: [],
      failed: { implementation: 'h264_vaapi', reason: 'The device is gone.' },
    });
    directory.note('H264', { implementation: 'libx264', refused: [], failed: { implementation: 'libx264', reason: 'Oops.' } });
    expect(lines.filter((line) => line.startsWith('warn'))).toEqual([
      'warn: h264_vaapi failed (The device is gone): libx264 goes on',
      'warn: libx264 failed (Oops): libx264, opened anew, goes on',
    ]);
    expect(directory.candidates('H264')).not.toContain('h264_vaapi');
    expect(directory.candidates('H264')).toContain('libx264');
  });
});
