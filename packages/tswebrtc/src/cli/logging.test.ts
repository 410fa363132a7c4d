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
