/** The process around the command: its streams and signals. */
import { readFileSync } from 'node:fs';
import { runCommand } from './command.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

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
  for (const signal of SIGNALS) process.on(signal, interrupt);
  // Who reads the output may leave (`| head`); the server goes on.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  try {
    return await runCommand(argv, {
      stdout: (text) => void process.stdout.write(text),
      stderr: (text) => void process.stderr.write(text),
      env: process.env,
      version: packageVersion(),
      signal: interrupted.signal,
    });
  } finally {
    for (const signal of SIGNALS) process.off(signal, interrupt);
  }
}

function packageVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
