/** What runs in the thread of a shard: its sessions, and nothing else. */
import { parentPort, workerData } from 'node:worker_threads';
import { silentLogger } from '../../../common/logger.ts';
import { createSrtpSender } from '../../../connection/srtp/create-srtp-sender.ts';
import { Shard } from '../../shard.ts';
import type { FromShard, ShardInit, ToShard } from '../messages.ts';
import { portLogger } from './port-logger.ts';
import { SessionHost } from './session-host.ts';

const port = parentPort;
if (port) {
  const post = (message: FromShard): void => port.postMessage(message);
  const { logs } = workerData as ShardInit;
  const logger = logs ? portLogger(post) : silentLogger;
  const host = new SessionHost(new Shard(await createSrtpSender({ logger })), post, logger);
  // What was said until now has waited.
  port.on('message', (message: ToShard) => {
    if (message.type === 'close') void host.close().then(() => port.close());
    else host.handle(message);
  });
  post({ type: 'ready' });
}
