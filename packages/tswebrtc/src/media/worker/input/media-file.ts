/** A media file, demultiplexed, decoded and paced by its timestamps. */
import { TsWebRTCError } from '../../../common/errors.ts';
import type { FileInput } from '../../types.ts';
import type { Source } from './source.ts';

export async function openMediaFile(description: FileInput): Promise<Source> {
  throw new TsWebRTCError('INPUT_FAILED', `Cannot read "${description.path}": files are not supported yet.`);
}
