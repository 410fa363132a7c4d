/** Answers requests with the files of one directory, and with nothing outside it: neither by `..` nor through a link. */
import { createReadStream } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { Readable } from 'node:stream';
import { getMimeType } from 'hono/utils/mime';

/** What `hono` does not know, or not with a character set. */
const contentTypes: Readonly<Record<string, string>> = {
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.map': 'application/json',
};

/**
 * The file at `path` (percent-encoded, no leading slash) below `directory`, a directory's `index.html`, or undefined when
 * there is no such file or it is none of the client's business.
 */
export async function serveFile(directory: string, path: string, request: Request): Promise<Response | undefined> {
  const segments = decodeSegments(path);
  if (!segments) return undefined;
  let file = join(directory, ...segments);
  if (await isDirectory(file)) {
    // Relative links of the page count from the last slash.
    if (path !== '' && !path.endsWith('/')) {
      return new Response(null, { status: 308, headers: { Location: `./${encodeURIComponent(segments.at(-1)!)}/` } });
    }
    file = join(file, 'index.html');
  } else if (path.endsWith('/')) return undefined;

  const real = await insideOf(directory, file);
  if (real === undefined) return undefined;
  const info = await stat(real).catch(() => undefined);
  if (!info?.isFile()) return undefined;

  const etag = `W/"${info.size.toString(16)}-${Math.trunc(info.mtimeMs).toString(16)}"`;
  // A page that was built again must not meet yesterday's script: always ask, mostly answer "unchanged".
  const headers: Record<string, string> = { 'Cache-Control': 'no-cache', ETag: etag };
  if (
    request.headers
      .get('If-None-Match')
      ?.split(/\s*,\s*/)
      .includes(etag)
  )
    return new Response(null, { status: 304, headers });
  headers['Content-Type'] = contentType(real);
  headers['Content-Length'] = String(info.size);
  // A body nobody reads would keep the file open.
  if (request.method === 'HEAD' || info.size === 0) return new Response(null, { headers });
  return new Response(Readable.toWeb(createReadStream(real, { end: info.size - 1 })) as ReadableStream, { headers });
}

export async function isDirectory(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

function decodeSegments(path: string): string[] | undefined {
  try {
    const segments = path.split('/').filter(Boolean).map(decodeURIComponent);
    const hidden = (segment: string): boolean => segment.startsWith('.') && segment !== '.well-known';
    return segments.some((segment) => hidden(segment) || /[/\\\0]/.test(segment)) ? undefined : segments;
  } catch {
    return undefined;
  }
}

/** The file behind all links, when it lies in `directory`. */
async function insideOf(directory: string, file: string): Promise<string | undefined> {
  try {
    const [root, real] = await Promise.all([realpath(directory), realpath(file)]);
    return real.startsWith(root.endsWith(sep) ? root : root + sep) ? real : undefined;
  } catch {
    return undefined;
  }
}

function contentType(file: string): string {
  const extension = file.slice(file.lastIndexOf('.')).toLowerCase();
  return contentTypes[extension] ?? getMimeType(file) ?? 'application/octet-stream';
}
