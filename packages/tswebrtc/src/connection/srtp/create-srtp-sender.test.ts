import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Logger, silentLogger } from '../../common/logger.ts';
import type { SrtpSender } from '../types.ts';
import { createSrtpSender, type SrtpBatchPackage } from './create-srtp-sender.ts';
import { NodeSrtpSender } from './node-srtp-sender.ts';

function recorder(): { logger: Logger; lines: string[] } {
  const lines: string[] = [];
  const logger: Logger = { ...silentLogger, info: (_fields, message) => lines.push(message ?? ''), child: () => logger };
  return { logger, lines };
}

const native = {} as SrtpSender;
const built: SrtpBatchPackage = { createBatchSender: () => native, unavailableReason: () => undefined };
const notBuilt: SrtpBatchPackage = { createBatchSender: () => undefined, unavailableReason: () => 'there is no compiler' };
const broken: SrtpBatchPackage = {
  ...built,
  createBatchSender: () => {
    throw new Error('no thread');
  },
};
const missing = (): Promise<never> => Promise.reject(new Error('Cannot find package'));

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('createSrtpSender', () => {
  it('takes the addon where there is one, and says so', async () => {
    const { logger, lines } = recorder();
    expect(await createSrtpSender({ choice: 'auto', load: async () => built, logger })).toBe(native);
    expect(lines).toEqual(['packets are sent by the native addon']);
  });

  it.each([
    ['not installed', missing, /not installed/],
    ['not built', async () => notBuilt, /there is no compiler/],
    ['broken', async () => broken, /no thread/],
  ])('sends by plain TypeScript where the addon is %s, and says why', async (_what, load, why) => {
    const { logger, lines } = recorder();
    expect(await createSrtpSender({ choice: 'auto', load, logger })).toBeInstanceOf(NodeSrtpSender);
    expect(lines).toEqual([expect.stringMatching(why)]);
    await expect(createSrtpSender({ choice: 'native', load })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringMatching(why),
    });
  });

  it('does as TSWEBRTC_SRTP says', async () => {
    const threads: boolean[] = [];
    const load = async (): Promise<SrtpBatchPackage> => ({
      ...built,
      createBatchSender: ({ thread }) => {
        threads.push(thread);
        return native;
      },
    });
    for (const [value, sender] of [
      ['plain', expect.any(NodeSrtpSender)],
      ['native', native],
      ['native-thread', native],
      ['', native],
    ] as const) {
      vi.stubEnv('TSWEBRTC_SRTP', value);
      expect(await createSrtpSender({ load })).toEqual(sender);
    }
    expect(threads).toEqual([false, true, false]);
    vi.stubEnv('TSWEBRTC_SRTP', 'fast');
    await expect(createSrtpSender({ load })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });
});
