/** One running audio encoding. */
import { TsWebRTCError } from '../../../common/errors.ts';
import type { EncodingOptions } from '../../types.ts';
import type { EncodingOutput, RunningEncoding } from './serve-encoding.ts';

export class AudioEncoding {
  static async open(_options: EncodingOptions, _output: EncodingOutput): Promise<RunningEncoding> {
    throw new TsWebRTCError('ENCODER_FAILED', 'Audio cannot be encoded yet.');
  }
}
