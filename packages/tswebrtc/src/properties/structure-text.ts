/**
 * Free-form fields as text: `name=camera,floor=(int)2`, GStreamer's `meta,name="camera 1"` (reference appendix D.4) or a
 * JSON object. Read here, written by nobody: what leaves the process is JSON.
 */
export type Structure = Readonly<Record<string, unknown>>;

/** The fields, or undefined when the text is not such a structure. */
export function parseStructure(source: string): Structure | undefined {
  const trimmed = source.trim();
  if (trimmed.startsWith('{')) {
    const value = parseJson(trimmed);
    return isPlainObject(value) ? value : undefined;
  }
  const items = splitOutside(trimmed, /[,;]/).filter((item) => item !== '');
  if (items.length === 0) return undefined;
  const fields: [string, unknown][] = [];
  for (const [index, item] of items.entries()) {
    const equals = item.indexOf('=');
    // GStreamer's text begins with the structure's own name, which means nothing here.
    if (equals < 0 && index === 0 && items.length > 1 && /^[\w/+.:-]+$/.test(item)) continue;
    const name = item.slice(0, Math.max(equals, 0)).trim();
    if (!/^[\w/+.:-]+$/.test(name)) return undefined;
    const value = parseValue(item.slice(equals + 1).trim());
    if (value === undefined) return undefined;
    fields.push([name, value]);
  }
  return Object.fromEntries(fields);
}

/** Splits where `separator` (one character) stands outside quotes and brackets; the pieces are trimmed. */
export function splitOutside(source: string, separator: RegExp): string[] {
  const pieces: string[] = [];
  let piece = '';
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < source.length; i++) {
    const character = source[i]!;
    if (quoted) {
      if (character === '\\') piece += source[i++];
      else if (character === '"') quoted = false;
    } else if (character === '"') quoted = true;
    else if ('([{<'.includes(character)) depth++;
    else if (')]}>'.includes(character)) depth = Math.max(0, depth - 1);
    else if (depth === 0 && separator.test(character)) {
      pieces.push(piece.trim());
      piece = '';
      continue;
    }
    piece += source[i] ?? '';
  }
  pieces.push(piece.trim());
  return pieces;
}

export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function parseValue(source: string): unknown {
  const typed = /^\(\s*([\w/+.-]+)\s*\)\s*(.*)$/s.exec(source);
  if (typed) return convert(typed[1]!.toLowerCase(), typed[2]!);
  if (source.startsWith('"')) return unquote(source);
  if (source.startsWith('{') || source.startsWith('[')) return parseJson(source);
  if (source.startsWith('<') && source.endsWith('>')) {
    const items = splitOutside(source.slice(1, -1), /,/);
    const values = items.length === 1 && items[0] === '' ? [] : items.map(parseValue);
    return values.includes(undefined) ? undefined : values;
  }
  if (/^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(source)) {
    const number = Number(source);
    // A number that would come out different (a serial number, a phone number) is text.
    return String(number) === source ? number : source;
  }
  if (/^(true|false)$/i.test(source)) return source.toLowerCase() === 'true';
  return source;
}

function convert(type: string, source: string): unknown {
  const plain = source.startsWith('"') ? unquote(source) : source;
  if (plain === undefined) return undefined;
  if (/^(string|str|s)$/.test(type)) return plain;
  if (/^(boolean|bool|b)$/.test(type)) {
    return /^(true|yes|t|1)$/i.test(plain) ? true : /^(false|no|f|0)$/i.test(plain) ? false : undefined;
  }
  if (/^(u?int(64)?|i|u|u?char|u?long)$/.test(type)) return /^-?\d+$/.test(plain) ? Number(plain) : undefined;
  if (/^(float|double|f|d)$/.test(type)) {
    return plain !== '' && Number.isFinite(Number(plain)) ? Number(plain) : undefined;
  }
  return plain;
}

function unquote(source: string): string | undefined {
  return /^"(?:[^"\\]|\\.)*"$/s.test(source) ? source.slice(1, -1).replace(/\\(.)/gs, '$1') : undefined;
}

function parseJson(source: string): unknown {
  try {
    return JSON.parse(source);
  } catch {
    return undefined;
  }
}
