/** URLs in logs and messages: without what is secret in them. */

/** `url` without user name, password and what follows a question mark: tokens stand there. */
export function nameOfUrl(url: string): string {
  try {
    const parsed = new URL(url);
    parsed.username = parsed.password = parsed.search = parsed.hash = '';
    return parsed.href;
  } catch {
    return url.replace(/^(\w+:\/\/)[^/]*@/, '$1').replace(/[?#].*$/s, '');
  }
}
