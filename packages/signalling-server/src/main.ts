/** The process around the command: its streams and signals. */
import { readFileSync } from 'node:fs';
import { runCommand } from './command.ts';

/** Runs the command in this process; resolves with the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  const interrupted = new AbortController();
  let firstAt = 0;
  const interrupt = (): void => {
    if (!interrupted.signal.aborted) {
      firstAt = performance.now();
      interrupted.abort();
    } else if (performance.now() - firstAt > 1_000) process.exit(0); // npm forwards a Ctrl-C that we have had already
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  try {
    return await runCommand(argv, {
      stdout: (text) => void process.stdout.write(text),
      stderr: (text) => void process.stderr.write(text),
      env: process.env,
      version: packageVersion(),
      signal: interrupted.signal,
    });
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}

function packageVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
