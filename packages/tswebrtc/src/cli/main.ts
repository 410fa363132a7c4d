/** The `tswebrtc` command. Commands resolve with an exit code; nothing below this file ends the process. */
import { TsWebRTCError } from '../common/errors.ts';
import { EXIT_FAILURE, EXIT_OK, EXIT_USAGE, UsageError } from './exit.ts';
import { catchInterrupts } from './interrupts.ts';
import { createLogger, parseLogLevels } from './logging.ts';
import { Output } from './output.ts';
import { type Parsed, parseCommandLine } from './program.ts';

/** Runs the command line `args` (without node and script) and resolves with the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const levels = parseLogLevels(process.env.TSWEBRTC_LOG);
  const verbose = [levels.standard, ...levels.bySubsystem.values()].some((level) => level === 'debug' || level === 'trace');
  // A reader that went away (`| head`) is no reason to complain; without stderr there is nobody to complain to.
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});
  let parsed: Parsed;
  try {
    parsed = parseCommandLine(args, (text) => process.stdout.write(text));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n`);
    if (verbose) process.stderr.write(`${error.stack}\n`);
    return EXIT_USAGE;
  }
  if (parsed.command === 'none') return EXIT_OK;
  if (parsed.command === 'inspect') {
    process.stdout.write((await import('./inspect.ts')).inspectText(parsed));
    return EXIT_OK;
  }
  if (parsed.command === 'signalling-server') {
    const { runSignallingServer } = await import('@tswebrtc/signalling-server');
    return runSignallingServer(parsed.args, 'tswebrtc signalling-server');
  }

  // What goes into a pipe must not have words in it.
  const carriesMedia = parsed.command === 'src' && parsed.outputs.stdout !== undefined;
  const output = new Output({ json: parsed.json, quietStdout: carriesMedia });
  for (const complaint of levels.complaints) output.warn(complaint);
  const logger = createLogger(levels, (line) => process.stderr.write(line));
  const interrupts = catchInterrupts();
  process.stdout.on('error', () => interrupts.stop());
  // The last line of defence: what one peer does must not end the streams of the others.
  const onUnexpected = (error: unknown): void => {
    logger.error({ err: error }, 'an error was not handled');
    output.error(
      new TsWebRTCError('INTERNAL', `Something failed unexpectedly: ${error instanceof Error ? error.message : String(error)}`),
    );
  };
  process.on('uncaughtException', onUnexpected);
  process.on('unhandledRejection', onUnexpected);
  try {
    const context = { output, logger, interrupts };
    // Loaded when wanted: help and complaints come at once, and the server needs no media engine.
    switch (parsed.command) {
      case 'sink':
        await (await import('./sink.ts')).runSink(parsed, context);
        break;
      case 'src':
        await (await import('./src.ts')).runSrc(parsed, context);
        break;
      case 'list':
        await (await import('./src.ts')).runList(parsed, context);
        break;
      case 'play':
        await (await import('./play.ts')).runPlay(parsed, context);
    }
    return EXIT_OK;
  } catch (error) {
    output.error(error);
    if (verbose && error instanceof Error) output.warn(error.stack ?? '');
    return EXIT_FAILURE;
  } finally {
    interrupts.dispose();
    process.off('uncaughtException', onUnexpected);
    process.off('unhandledRejection', onUnexpected);
  }
}
