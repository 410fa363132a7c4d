/** HTTP headers of WebSockets that carry signalling, checked before any is opened (reference §4.5, §2.13). */
import { validateHeaderName, validateHeaderValue } from 'node:http';
import { TsWebRTCError } from '../../common/errors.ts';

/** Checks HTTP headers of `where`. Throws `INVALID_OPTION` naming the header, never its value: that may be a token. */
export function checkHeaders(headers: Readonly<Record<string, unknown>>, where = 'the signaller'): Record<string, string> {
  const checked: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    try {
      if (!['string', 'number', 'boolean'].includes(typeof value)) throw new TypeError('The value is no text.');
      checked[name] = String(value);
      validateHeaderName(name);
      validateHeaderValue(name, checked[name]);
    } catch {
      throw new TsWebRTCError(
        'INVALID_OPTION',
        `The HTTP header ${JSON.stringify(name)} of ${where} has a name or value that HTTP does not allow: correct it.`,
      );
    }
  }
  return checked;
}
