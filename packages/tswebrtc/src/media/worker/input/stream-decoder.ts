/** Opens the decoder of a demultiplexed stream. */
import { FF_THREAD_SLICE } from 'node-av/constants';
import { Codec, CodecContext, type CodecParameters, FFmpegError, Rational } from 'node-av/lib';
import { TsWebRTCError } from '../../../common/errors.ts';

/** Decoders of packets that are on our timeline take and give µs. */
export const MICROSECONDS = new Rational(1, 1_000_000);

/** A decoder that takes packets stamped in µs, and gives each frame out as soon as it can be. */
export async function openStreamDecoder(parameters: CodecParameters): Promise<CodecContext> {
  const codec = Codec.findDecoder(parameters.codecId);
  if (!codec) throw new TsWebRTCError('INPUT_FAILED', 'There is no decoder for one of its streams.');
  const decoder = new CodecContext();
  decoder.allocContext3(codec);
  try {
    FFmpegError.throwIfError(decoder.parametersToContext(parameters), 'configure a decoder');
    decoder.pktTimebase = MICROSECONDS;
    decoder.threadCount = 2;
    // Slices, not frames: a decoder with frame threads holds a frame back for each thread.
    decoder.threadType = FF_THREAD_SLICE;
    FFmpegError.throwIfError(await decoder.open2(codec, null), 'open a decoder');
    return decoder;
  } catch (error) {
    decoder.freeContext();
    throw error;
  }
}
