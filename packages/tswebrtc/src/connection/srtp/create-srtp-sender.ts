/**
 * Chooses who protects and sends: the optional native addon `@tswebrtc/srtp-batch` where it is installed and built, else
 * plain TypeScript. Both put the same bytes on the wire; the addon takes about a fifth of the CPU time.
 */
import { TsWebRTCError } from '../../common/errors.ts';
import { type Logger, silentLogger } from '../../common/logger.ts';
import type { SrtpSender } from '../types.ts';
import { NodeSrtpSender } from './node-srtp-sender.ts';

/** What is used of the addon's package, which may be missing: no types are imported from it. */
export interface SrtpBatchPackage {
  createBatchSender(options: { thread: boolean }): SrtpSender | undefined;
  unavailableReason(): string | undefined;
}

const CHOICES = ['auto', 'plain', 'native', 'native-thread'] as const;
type Choice = (typeof CHOICES)[number];

export interface CreateSrtpSenderOptions {
  /** Default: silent. */
  readonly logger?: Logger;
  /**
   * `auto`: native where that is possible; `plain`, `native`: this one or none; `native-thread`: native, on a thread of its own.
   * Default: the environment variable `TSWEBRTC_SRTP`, else `auto`.
   */
  readonly choice?: string;
  /** For tests: loads the addon's package. */
  readonly load?: () => Promise<SrtpBatchPackage>;
}

/** Rejects with `INVALID_OPTION` for an unknown choice, or where the native one is demanded and cannot be had. */
export async function createSrtpSender(options: CreateSrtpSenderOptions = {}): Promise<SrtpSender> {
  const choice = parse(options.choice ?? (process.env.TSWEBRTC_SRTP || 'auto'));
  const logger = (options.logger ?? silentLogger).child({ subsystem: 'srtp' });
  const use = (sender: SrtpSender, message: string): SrtpSender => {
    logger.info({}, message);
    return sender;
  };
  if (choice === 'plain') return use(new NodeSrtpSender(), 'packets are sent by plain TypeScript, as asked for');
  const native = await createNative(choice === 'native-thread', options.load ?? load);
  if (typeof native !== 'string') return use(native, 'packets are sent by the native addon');
  if (choice === 'auto') return use(new NodeSrtpSender(), `packets are sent by plain TypeScript: ${native}`);
  throw new TsWebRTCError(
    'INVALID_OPTION',
    `TSWEBRTC_SRTP is ${choice}, but ${native}: install @tswebrtc/srtp-batch where there is a C compiler, or leave the variable out.`,
  );
}

/** A native sender, or why there is none. */
async function createNative(thread: boolean, load: () => Promise<SrtpBatchPackage>): Promise<SrtpSender | string> {
  let addon: SrtpBatchPackage;
  try {
    addon = await load();
  } catch {
    return '@tswebrtc/srtp-batch is not installed';
  }
  try {
    return addon.createBatchSender({ thread }) ?? addon.unavailableReason() ?? 'the addon of @tswebrtc/srtp-batch cannot be used';
  } catch (error) {
    return `the addon of @tswebrtc/srtp-batch does not start (${error instanceof Error ? error.message : error})`;
  }
}

function load(): Promise<SrtpBatchPackage> {
  // Not a literal: the compiler would look for a package that may be missing.
  const name: string = '@tswebrtc/srtp-batch';
  return import(name) as Promise<SrtpBatchPackage>;
}

function parse(choice: string): Choice {
  const found = CHOICES.find((known) => known === choice);
  if (found) return found;
  throw new TsWebRTCError('INVALID_OPTION', `TSWEBRTC_SRTP is "${choice}": use one of ${CHOICES.join(', ')}.`);
}
