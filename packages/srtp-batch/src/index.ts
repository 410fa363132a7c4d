/**
 * `@tswebrtc/srtp-batch`: protects and sends batches of RTP packets in one native call. An accelerator only: where the addon
 * is not built, `createBatchSender` returns undefined and tswebrtc sends by plain TypeScript.
 */
import { NativeBatchSender } from './batch-sender.ts';
import { loadAddon } from './native.ts';
import type { BatchSender, BatchSenderOptions } from './types.ts';

export type {
  BatchSender,
  BatchSenderOptions,
  BatchSenderStats,
  Destination,
  LaneCounters,
  LaneOptions,
  Ops,
  SrtpProfile,
  Templates,
} from './types.ts';

/** A sender, or undefined where the addon cannot be used: `unavailableReason` says why. */
export function createBatchSender(options: BatchSenderOptions = {}): BatchSender | undefined {
  const loaded = loadAddon();
  return 'addon' in loaded ? new NativeBatchSender(loaded.addon, options) : undefined;
}

/** Why there is no addon, in words that go into a sentence; undefined where there is one. */
export function unavailableReason(): string | undefined {
  const loaded = loadAddon();
  return 'reason' in loaded ? loaded.reason : undefined;
}
