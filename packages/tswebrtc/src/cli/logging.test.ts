import { describe, expect, it } from 'vitest';
import { createLogger, parseLogLevels } from './logging.ts';

function log(levels: string | undefined): string[] {
  const lines: string[] = [];
  const logger = createLogger(parseLogLevels(levels), (line) => lines.push(line.trimEnd()));
  logger.warn({}, 'root warns');
  logger.info({}, 'root informs');
  const congestion = logger.child({ subsystem: 'congestion' });
  congestion.trace({ bitrate: 5 }, 'congestion traces');
  congestion.child({ sessionId: 's' }).trace({}, 'its child traces');
  congestion.child({ subsystem: 'pacer' }).info({}, 'pacer informs');
  congestion.child({ subsystem: 'pacer' }).debug({}, 'pacer debugs');
  return lines.map((line) => line.replace(/^\d\d:\d\d:\d\d\.\d{3} /, ''));
}

describe('TSWEBRTC_LOG', () => {
  it('shows warnings unless told otherwise', () => {
    expect(log(undefined)).toEqual(['warn root warns']);
  });

  it('chooses levels by subsystem, the rest follows the level without a name', () => {
    expect(log('congestion:trace,info')).toEqual([
      'warn root warns',
      'info root informs',
      'trace congestion: congestion traces bitrate=5',
      'trace congestion: its child traces sessionId=s',
      'info pacer: pacer informs',
    ]);
  });

  it('leaves to the events what they tell, unless asked', () => {
    const say = (levels: string | undefined): number => {
      let lines = 0;
      createLogger(parseLogLevels(levels), () => lines++)
        .child({ subsystem: 'webrtcsink' })
        .error({}, 'an encoder failed');
      return lines;
    };
    expect([say(undefined), say('warn')]).toEqual([0, 1]);
  });

  it('shows where an error comes from at debug only', () => {
    const say = (levels: string): string => {
      let written = '';
      createLogger(parseLogLevels(levels), (line) => (written += line)).warn({ err: new Error('refused') }, 'it failed');
      return written;
    };
    expect(say('warn')).toMatch(/ warn it failed \(refused\)\n$/);
    expect(say('debug')).toMatch(/ warn it failed\nError: refused\n {4}at /);
  });

  it('can be silent', () => {
    expect(log('silent')).toEqual([]);
  });

  it('says what it did not understand and goes on', () => {
    const levels = parseLogLevels('congestion:debgu,info');
    expect(levels.complaints).toEqual([
      'TSWEBRTC_LOG asks for the level "debgu", which is none of silent, error, warn, info, debug, trace; did you mean debug?',
    ]);
    expect(levels.standard).toBe('info');
  });
});
