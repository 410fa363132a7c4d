/** The process around the command: its streams and signals. */
import { readFileSync } from 'node:fs';
import { DRAIN, runCommand } from './command.ts';

/** ms in which a second signal is the same one: npm forwards a Ctrl-C that we have had already. */
const ECHO = 1_000;

/**
 * Runs the command in this process; resolves with the exit code. Ctrl-C ends it at once, SIGTERM lets its peers go first, SIGHUP
 * reads the certificate anew, or ends it where it has none; a second signal ends what the first has begun.
 */
export async function main(argv: readonly string[], name = 'tswebrtc-signalling-server'): Promise<number> {
  const interrupted = new AbortController();
  let firstAt = 0;
  const interrupt = (reason?: string): void => {
    if (!interrupted.signal.aborted) {
      firstAt = performance.now();
      interrupted.abort(reason);
    } else if (performance.now() - firstAt > ECHO) process.exit(0);
  };
  const onInterrupt = (): void => interrupt();
  const onTerminate = (): void => interrupt(DRAIN);
  const reload = { listener: onInterrupt };
  const onHangUp = (): void => reload.listener();
  process.on('SIGINT', onInterrupt).on('SIGTERM', onTerminate).on('SIGHUP', onHangUp);
  // Who reads the output may leave (`| head`); the server goes on.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const hasCertificate = argv.some((argument) => /^(-c|--cert)/.test(argument));
  try {
    return await runCommand(argv, {
      name,
      stdout: (text) => void process.stdout.write(text),
      stderr: (text) => void process.stderr.write(text),
      env: process.env,
      version: packageVersion(),
      signal: interrupted.signal,
      onReload: (listener) => {
        if (hasCertificate) reload.listener = listener;
        return () => {
          reload.listener = onInterrupt;
        };
      },
    });
  } finally {
    process.off('SIGINT', onInterrupt).off('SIGTERM', onTerminate).off('SIGHUP', onHangUp);
  }
}

function packageVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
