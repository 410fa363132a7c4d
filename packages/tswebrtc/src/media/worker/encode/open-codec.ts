/** Opens an encoder, or says in one sentence why not. */

import type { FFEncoderCodec } from 'node-av/constants';
import { Codec, CodecContext, Dictionary, FFmpegError } from 'node-av/lib';
import { TsWebRTCError } from '../../../common/errors.ts';

/** Allocates a context of the named encoder, lets `configure` fill it in and opens it. */
export async function openCodec(
  implementation: string,
  configure: (context: CodecContext) => Record<string, string | number>,
): Promise<CodecContext> {
  const codec = Codec.findEncoderByName(implementation as FFEncoderCodec);
  if (!codec) throw new TsWebRTCError('ENCODER_FAILED', `The media library has no encoder "${implementation}".`);
  const context = new CodecContext();
  context.allocContext3(codec);
  let options: Dictionary | undefined;
  try {
    options = Dictionary.fromObject(configure(context));
    // The synchronous open frees the dictionary under its owner's feet.
    const result = await context.open2(codec, options);
    if (result < 0) {
      throw new TsWebRTCError(
        'ENCODER_FAILED',
        `The encoder "${implementation}" does not open: ${FFmpegError.strerror(result)}.`,
      );
    }
    return context;
  } catch (error) {
    context.freeContext();
    throw error;
  } finally {
    options?.free();
  }
}
