/** How many data channels were opened and closed, for the `peer-connection` entry of the statistics (webrtc-stats §8.11). */
import type { DataChannel } from './transport/types.ts';

export class DataChannelCount {
  opened = 0;
  closed = 0;

  /** Counts a channel that is new. One that never opens is never closed either. */
  watch(channel: DataChannel): void {
    let open = false;
    const onOpen = (): void => {
      if (!open) this.opened++;
      open = true;
    };
    if (channel.readyState === 'open') onOpen();
    else channel.once('open', onOpen);
    channel.once('close', () => {
      if (open) this.closed++;
    });
  }
}
