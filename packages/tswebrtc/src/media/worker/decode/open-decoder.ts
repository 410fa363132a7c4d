/** Opens a decoder, or says in one sentence why not. */
import type { FFDecoderCodec } from 'node-av/constants';
import { Codec, CodecContext, FFmpegError } from 'node-av/lib';
import { TsWebRTCError } from '../../../common/errors.ts';
import type { RecordedCodec } from '../../containers.ts';

const DECODERS: Readonly<Record<RecordedCodec, string>> = {
  AV1: 'libdav1d',
  H264: 'h264',
  H265: 'hevc',
  OPUS: 'libopus',
  MULTIOPUS: 'libopus',
  L24: 'pcm_s24be',
  L16: 'pcm_s16be',
  PCMU: 'pcm_mulaw',
  PCMA: 'pcm_alaw',
  VP8: 'vp8',
  VP9: 'vp9',
};

/** Allocates a context, lets `configure` fill it in and opens it. One thread and no delay: each frame comes out at once. */
export async function openDecoder(
  codec: RecordedCodec,
  configure: (context: CodecContext) => void = () => {},
): Promise<CodecContext> {
  const name = DECODERS[codec];
  const implementation = Codec.findDecoderByName(name as FFDecoderCodec);
  if (!implementation) throw new TsWebRTCError('DECODER_FAILED', `The media library has no decoder "${name}".`);
  const context = new CodecContext();
  context.allocContext3(implementation);
  context.threadCount = 1;
  configure(context);
  const result = await context.open2(implementation, null);
  if (result < 0) {
    context.freeContext();
    throw new TsWebRTCError('DECODER_FAILED', `The decoder "${name}" does not open: ${FFmpegError.strerror(result)}.`);
  }
  return context;
}
