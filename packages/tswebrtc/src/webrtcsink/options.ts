/** The options of `WebRTCSink`: its properties, what only a program can give, and their checks. */
import type { Logger } from '../common/logger.ts';
import type { MediaEngine } from '../media/types.ts';
import { type InputOf, invalid, type OutputOf, resolveOptions, theOption } from '../properties/property-schema.ts';
import { isSignaller } from '../properties/signaller.ts';
import { checkHeaders } from '../signalling/default/http-headers.ts';
import type { Signaller } from '../signalling/signaller.ts';
import type { RequestEncodedFilter } from './encoded-filter.ts';
import type { EncoderSetup } from './encoder-setup.ts';
import type { PayloaderSetup } from './payloader-setup.ts';
import { signallerProperties, sinkProperties } from './properties.ts';
import type { ConfigureMitigationCaps } from './sharing/mitigation.ts';

/** Options of the default signaller. */
export type SignallerOptions = InputOf<typeof signallerProperties>;

/**
 * Options of `WebRTCSink`: every property of `webrtcsink` in camel case (`maxBitrate` is `max-bitrate`; units, ranges and
 * defaults stand at `sinkProperties`), and what only a program can give.
 */
export type WebRTCSinkOptions = InputOf<typeof sinkProperties> & {
  /** Short form of `videoCaps`: codec names, most wanted first. */
  readonly videoCodecs?: InputOf<typeof sinkProperties>['videoCaps'];
  /** Short form of `audioCaps`. */
  readonly audioCodecs?: InputOf<typeof sinkProperties>['audioCaps'];
  /** A signaller of your own, or options of the default one. */
  readonly signaller?: Signaller | SignallerOptions;
  /**
   * Divides what a session may send among its video tracks (the original's `define-encoder-bitrates`). Default: in equal
   * parts. A track that is missing in the answer keeps its part; each is held between `minBitrate` and `maxBitrate`. All
   * sessions live in the main thread then, whatever `shards` says.
   */
  readonly defineEncoderBitrates?: DefineEncoderBitrates;
  /**
   * Size and frame rate of a video encoder at its bitrate, in the place of `enableMitigationModes`' thresholds (the original's
   * `configure-mitigation-caps`): see `ConfigureMitigationCaps`.
   */
  readonly configureMitigationCaps?: ConfigureMitigationCaps;
  /** Gives an encoding a filter of its encoded frames, before they are packetised (the original's `request-encoded-filter`). */
  readonly requestEncodedFilter?: RequestEncodedFilter;
  /** Changes settings of video encoders before they open (the original's `encoder-setup`): see `EncoderSetup`. */
  readonly encoderSetup?: EncoderSetup;
  /**
   * Changes how a track is put into packets for one consumer (the original's `payloader-setup`): see `PayloaderSetup`. All sessions
   * live in the main thread then, whatever `shards` says.
   */
  readonly payloaderSetup?: PayloaderSetup;
  /** Silent by default. */
  readonly logger?: Logger;
  /** Shared between sinks that take from the same inputs. Default: one of its own, loaded when first needed. */
  readonly engine?: MediaEngine;
};

/** Of the consumer `peerId`: `overall` and `bitrates`, by track name (`video_0`), in bit/s; returns bitrates likewise. */
export type DefineEncoderBitrates = (
  peerId: string,
  overall: number,
  bitrates: Readonly<Record<string, number>>,
) => Readonly<Record<string, number>>;

/** The options after their check: every property is there. */
export type ResolvedSinkOptions = Omit<OutputOf<typeof sinkProperties>, 'signallingServerHeaders'> & {
  readonly signallingServerHeaders: Readonly<Record<string, string>>;
  readonly signaller: Signaller | OutputOf<typeof signallerProperties>;
} & { readonly [Name in CallbackName]: WebRTCSinkOptions[Name] };

/** What a program can give in the place of the original's signals that return something, and what each has to be. */
const callbacks = {
  defineEncoderBitrates: 'returns bitrates by track name',
  configureMitigationCaps: 'returns a size and a frame rate',
  requestEncodedFilter: 'returns a filter, or null',
  encoderSetup: 'changes the settings of an encoder',
  payloaderSetup: 'changes how packets are made',
} as const;

type CallbackName = keyof typeof callbacks;

/**
 * Checks options and fills in the defaults. Throws `INVALID_OPTION` with one sentence that names the option, as `spelling`
 * writes it, and the remedy.
 */
export function validateOptions(options: WebRTCSinkOptions = {}, spelling = theOption): ResolvedSinkOptions {
  const resolved = resolveOptions(sinkProperties, options, {
    others: ['signaller', 'logger', 'engine', ...Object.keys(callbacks)],
    spelling,
  });
  const { minBitrate, maxBitrate } = resolved;
  if (minBitrate > maxBitrate) {
    throw invalid(
      `${spelling('minBitrate')} is ${minBitrate} bit/s, but it must not exceed ${spelling('maxBitrate')}, which is ${maxBitrate} bit/s.`,
    );
  }
  const { pathname } = new URL(resolved.webServerHostAddr);
  if (pathname !== '/') {
    throw invalid(`${spelling('webServerHostAddr')} has the path ${pathname}, which belongs into ${spelling('webServerPath')}.`);
  }
  for (const [name, does] of Object.entries(callbacks)) {
    const given = options[name as CallbackName];
    if (given !== undefined && typeof given !== 'function') throw invalid(`${spelling(name)} must be a function that ${does}.`);
  }
  const signallingServerHeaders = checkHeaders(resolved.signallingServerHeaders ?? {}, 'the signalling server');
  const signaller = options.signaller ?? {};
  if (typeof signaller !== 'object') {
    throw invalid(`${spelling('signaller')} must be an object of options such as { uri }, or a Signaller.`);
  }
  const { defineEncoderBitrates, configureMitigationCaps, requestEncodedFilter, encoderSetup, payloaderSetup } = options;
  const functions = { defineEncoderBitrates, configureMitigationCaps, requestEncodedFilter, encoderSetup, payloaderSetup };
  const checked = { ...resolved, ...functions, signallingServerHeaders };
  if (isSignaller(signaller)) return { ...checked, signaller };
  const signallerOptions = resolveOptions(signallerProperties, signaller as Record<string, unknown>, {
    spelling: (key) => spelling(`signaller.${key}`),
  });
  return { ...checked, signaller: signallerOptions };
}
