/** `npm run bench -- NAME [options]`: runs one benchmark, prints a table and writes `bench/results/NAME.json`. */
import { congestion } from './congestion.ts';
import { encoder } from './encoder.ts';
import { fanout } from './fanout.ts';
import { feedback } from './feedback.ts';
import { joinStorm } from './join-storm.ts';
import { latency } from './latency.ts';
import { linkDrop } from './link-drop.ts';
import { loss } from './loss.ts';
import { passthrough } from './passthrough.ts';
import { receive } from './receive.ts';
import { shards } from './shards.ts';
import { signalling } from './signalling.ts';
import { slowViewer } from './slow-viewer.ts';
import { ttff } from './ttff.ts';

const benches: Record<string, (args: string[]) => Promise<void>> = {
  congestion,
  encoder,
  fanout,
  feedback,
  'join-storm': joinStorm,
  latency,
  'link-drop': linkDrop,
  loss,
  passthrough,
  receive,
  shards,
  signalling,
  'slow-viewer': slowViewer,
  ttff,
};

const [name, ...args] = process.argv.slice(2);
const bench = name === undefined ? undefined : benches[name];
if (!bench) {
  console.error(
    `${name ? `There is no benchmark ${name}. ` : ''}Usage: npm run bench -- NAME, with NAME one of ${Object.keys(benches).join(', ')}.`,
  );
  process.exit(2);
}
await bench(args);
process.exit(0);
