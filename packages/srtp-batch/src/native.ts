/** Loads the addon, which may be missing: it is built on installation, where that is possible. */
import { createRequire } from 'node:module';

/** The addon's class; native/addon.c says what its methods take. */
export interface NativeSender {
  openSocket(descriptor: number): number;
  closeSocket(socket: number): void;
  addLane(profile: number, masterKey: Uint8Array, masterSalt: Uint8Array): number;
  setDestination(lane: number, socket: number, address: string, port: number): boolean;
  removeLane(lane: number): void;
  counters(lane: number, out: Float64Array): boolean;
  send(
    templates: Uint8Array,
    words: Uint32Array,
    from: number,
    count: number,
    spillBytes: Uint8Array,
    spillIndex: Uint32Array,
  ): number;
  flush(): boolean;
  stats(out: Float64Array): void;
  close(): void;
}

export interface Addon {
  readonly NativeSender: new (segmentation: boolean, thread: boolean) => NativeSender;
}

let loaded: { addon: Addon } | { reason: string } | undefined;

/** The addon, or why there is none, in one sentence without a full stop. */
export function loadAddon(): { addon: Addon } | { reason: string } {
  loaded ??= load();
  return loaded;
}

function load(): { addon: Addon } | { reason: string } {
  try {
    // src/ and dist/ lie side by side: the same path leads out of both.
    return { addon: createRequire(import.meta.url)('../build/Release/srtp_batch.node') as Addon };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') {
      return { reason: 'the addon of @tswebrtc/srtp-batch was not built when it was installed' };
    }
    const message = error instanceof Error ? error.message.split('\n')[0]! : String(error);
    return { reason: `the addon of @tswebrtc/srtp-batch does not load (${message})` };
  }
}
