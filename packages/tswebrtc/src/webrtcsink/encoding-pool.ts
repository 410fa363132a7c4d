/** The encodings of a sink: a group for each track, codec and form of it that any session wants. */
import { availableParallelism } from 'node:os';
import type { Logger } from '../common/logger.ts';
import type { CodecName, EncodingOptions, MediaEngine, VideoCodecName } from '../media/types.ts';
import { maxPayloadLength } from '../rtp/template.ts';
import { soundRates, type WantedMedia } from './codecs.ts';
import type { RequestEncodedFilter } from './encoded-filter.ts';
import { askEncoderSetup, type EncoderSetup } from './encoder-setup.ts';
import { EncodingGroup, type EncodingGroupOptions, type OpenEncoding } from './encoding-group.ts';
import type { EncodingSource } from './encoding-source.ts';
import type { GroupSubscriber, Membership } from './membership.ts';
import type { Shard } from './shard.ts';
import { SharedEncoding, scaledHeight } from './shared-encoding.ts';
import {
  type ConfigureMitigationCaps,
  configuredRule,
  encodingCost,
  type MitigationMode,
  type MitigationRule,
  thresholdRule,
} from './sharing/mitigation.ts';
import { PassthroughPlanner } from './sharing/passthrough-planner.ts';
import { RungLadder } from './sharing/rung-ladder.ts';
import { type EncodingBudget, RungPlanner } from './sharing/rung-planner.ts';
import type { SinkTrack } from './tracks.ts';

/** With a single one, everybody would get what the slowest can have. */
const LEAST_ENCODINGS = 2;
/** The part of the machine that encoders may take: decoding, sending and all else need the rest. */
const ENCODER_PART = 0.5;

export interface EncodingPoolOptions {
  /** Of a video encoder, bit/s. */
  readonly minBitrate: number;
  readonly maxBitrate: number;
  readonly encoding: 'shared' | 'per-consumer';
  /** Most of one track and codec, one for each form of it at least; 0: as many as half of the cores can do, and two of the full picture at least. */
  readonly maxEncodings: number;
  readonly mitigationModes: readonly MitigationMode[];
  readonly configureMitigationCaps?: ConfigureMitigationCaps | undefined;
  /** Whether packets tell when their frames were captured. Default false. */
  readonly captureTimes?: boolean;
  /** Whether sessions tell the time codes of pictures. Default false. */
  readonly timeCodes?: boolean;
  readonly requestEncodedFilter?: RequestEncodedFilter | undefined;
  /** Whether the packets of inputs that come encoded are passed on as they are. */
  readonly passthrough: PassthroughMode;
  /** Further options of audio encoders. */
  readonly audio: Pick<EncodingOptions, 'inbandFec' | 'dtx'>;
  /** Further options of video encoders. */
  readonly video: Pick<EncodingOptions, 'encoder' | 'tune'>;
  readonly encoderSetup?: EncoderSetup;
  /** Who has the session with this id. */
  readonly peerOf?: (sessionId: string) => string | undefined;
}

/** `auto`: to whom can have them; `always`: to everybody, and nothing is ever encoded anew. */
export type PassthroughMode = 'auto' | 'never' | 'always';

/** Figures of one running encoding. */
export interface EncodingFigures {
  readonly id: string;
  /** Name of the track. */
  readonly track: string;
  readonly codec: CodecName;
  /** Target, bit/s; what comes, where it is passed on. */
  readonly bitrate: number;
  /** The input's own packets. */
  readonly passthrough: boolean;
  /** Pixels and frames per second; null for audio. */
  readonly width: number | null;
  readonly height: number | null;
  readonly framerate: number | null;
  /** Ids of the sessions that send it. */
  readonly sessions: readonly string[];
  /** Keyframes made. */
  readonly keyframes: number;
}

interface GroupEntry {
  readonly track: SinkTrack;
  readonly wanted: WantedMedia;
  readonly group: EncodingGroup;
}

export class EncodingPool implements EncodingSource {
  readonly #groups = new Map<string, GroupEntry>();
  readonly #engine: MediaEngine;
  readonly #shard: Shard;
  readonly #options: EncodingPoolOptions;
  readonly #logger: Logger;
  readonly #onError: (error: Error, encodingId: string) => void;

  constructor(
    engine: MediaEngine,
    shard: Shard,
    options: EncodingPoolOptions,
    logger: Logger,
    onError: (error: Error, encodingId: string) => void,
  ) {
    this.#engine = engine;
    this.#shard = shard;
    this.#options = options;
    this.#logger = logger;
    this.#onError = onError;
  }

  join(
    track: SinkTrack,
    wanted: WantedMedia,
    subscriber: GroupSubscriber,
    bitrate: number,
    sessionId: string,
  ): Promise<Membership> {
    const { codec, format, form, scale, mtu } = wanted;
    const key = [track.name, codec, format?.channels, format?.sampleRate, JSON.stringify(form), scale, mtu].join('/');
    let entry = this.#groups.get(key);
    if (!entry) {
      this.#dropEmpty();
      entry = { track, wanted, group: this.#createGroup(track, wanted) };
      this.#groups.set(key, entry);
    }
    return entry.group.join(subscriber, bitrate, sessionId);
  }

  /** Ends all encodings of a track, which is gone. */
  async remove(track: SinkTrack): Promise<void> {
    const gone = [...this.#groups].filter(([, entry]) => entry.track === track);
    for (const [key] of gone) this.#groups.delete(key);
    await Promise.all(gone.map(([, { group }]) => group.close()));
  }

  /** Ids of the sessions that send the encoding with this id. */
  sharing(encodingId: string | undefined): string[] {
    if (encodingId === undefined) return [];
    for (const { group } of this.#groups.values()) {
      const found = group.encodings.find((running) => running.encoding.id === encodingId);
      if (found) return found.members.map(({ label }) => label);
    }
    return [];
  }

  getFigures(): EncodingFigures[] {
    return [...this.#groups.values()].flatMap(({ track, group }) =>
      group.encodings.map(({ encoding, members }) => ({
        id: encoding.id,
        track: track.name,
        codec: encoding.codec,
        bitrate: Math.round(encoding.bitrate),
        passthrough: encoding.passthrough,
        width: encoding.format?.width ?? null,
        height: encoding.format?.height ?? null,
        framerate: encoding.format?.framerate ?? null,
        sessions: members.map(({ label }) => label),
        keyframes: encoding.keyframes,
      })),
    );
  }

  async close(): Promise<void> {
    await Promise.all([...this.#groups.values()].map(({ group }) => group.close()));
    this.#groups.clear();
  }

  #videoOptions(
    { name, input }: SinkTrack,
    codec: CodecName,
    bitrate: number,
    sessionId: string | undefined,
  ): Pick<EncodingOptions, 'encoder' | 'tune' | 'overrides'> {
    const { video, encoderSetup, peerOf } = this.#options;
    if (!encoderSetup || input.kind !== 'video') return video;
    const { width, height, framerate } = input.format;
    const overrides = askEncoderSetup(encoderSetup, {
      peerId: (sessionId === undefined ? undefined : peerOf?.(sessionId)) ?? 'discovery',
      trackName: name,
      codec: codec as VideoCodecName,
      ...{ width, height, framerate, bitrate },
      preference: video.encoder ?? 'auto',
    });
    return { ...video, overrides };
  }

  #mitigationRule({ name, input }: SinkTrack, scale: number | undefined): MitigationRule | undefined {
    if (input.kind === 'audio') return undefined;
    if (scale !== undefined) return () => ({ height: scaledHeight(input.format.height, scale) });
    const { mitigationModes, configureMitigationCaps } = this.#options;
    if (!configureMitigationCaps) return thresholdRule(input.format, mitigationModes);
    return configuredRule(configureMitigationCaps, name, input.format, mitigationModes, (error) =>
      this.#logger.error({ err: error, track: name }, 'configureMitigationCaps failed: the thresholds hold instead'),
    );
  }

  #budget(track: SinkTrack, scale: number | undefined): EncodingBudget {
    const { input } = track;
    const { encoding, maxEncodings } = this.#options;
    if (input.kind === 'audio') return { most: 1 };
    if (encoding === 'per-consumer') return { most: Number.POSITIVE_INFINITY };
    if (maxEncodings > 0) return { most: maxEncodings };
    const rule = this.#mitigationRule(track, scale)!;
    const cost = (bitrate: number): number => encodingCost(input.format, rule(bitrate));
    return { most: Math.max(ENCODER_PART * availableParallelism(), LEAST_ENCODINGS * cost(this.#options.maxBitrate)), cost };
  }

  /** What the other forms of the codec that sessions are sent leave of the budget. */
  #shareOf(budget: EncodingBudget, track: SinkTrack, wanted: WantedMedia): EncodingBudget {
    const { most, cost = () => 1 } = budget;
    // Each size of a picture sent in several has a budget of its own.
    const { codec, scale } = wanted;
    const others = (): GroupEntry[] =>
      [...this.#groups.values()].filter(
        (entry) =>
          entry.track === track && entry.wanted !== wanted && entry.wanted.codec === codec && entry.wanted.scale === scale,
      );
    const spent = ({ group }: GroupEntry): number =>
      group.encodings
        .filter(({ encoding, members }) => members.length > 0 && !encoding.passthrough)
        .reduce((sum, { encoding }) => sum + cost(encoding.bitrate), 0);
    return {
      ...budget,
      get most(): number {
        return most - others().reduce((sum, entry) => sum + spent(entry), 0);
      },
    };
  }

  /** Forms that nobody is sent any more: peers name as many as they like. */
  #dropEmpty(): void {
    for (const [key, { wanted, group }] of this.#groups) {
      if (!(wanted.form || wanted.mtu) || !group.empty) continue;
      this.#groups.delete(key);
      void group.close();
    }
  }

  /** The input's own packets, where they are of this codec. */
  #passthrough(track: SinkTrack, { codec, mtu }: WantedMedia): Pick<EncodingGroupOptions, 'passthrough'> {
    const { passthrough } = this.#options;
    if (passthrough === 'never' || track.input.encoded?.codec !== codec) return {};
    const open: OpenEncoding = async (bitrate, hooks) => {
      const opened = await this.#engine.openPassthrough(track.input);
      this.#logger.info({ track: track.name, codec, encoding: opened.id }, 'passthrough started');
      return new SharedEncoding(opened, { ...this.#sharedOptions(track, codec, mtu), bitrate, passthrough: true, ...hooks });
    };
    return { passthrough: { planner: new PassthroughPlanner(passthrough === 'always'), open } };
  }

  /** What holds for encodings and for what is passed on. */
  #sharedOptions(track: SinkTrack, codec: CodecName, mtu: number | undefined) {
    const { captureTimes = false, timeCodes = false, requestEncodedFilter } = this.#options;
    const filter = requestEncodedFilter?.(track.name, codec);
    return { track: track.input, mtu, captureTimes, timeCodes, filter, shard: this.#shard, logger: this.#logger };
  }

  #size({ input }: SinkTrack, scale = 1): Pick<EncodingOptions, 'height'> {
    return input.kind === 'video' && scale > 1 ? { height: scaledHeight(input.format.height, scale) } : {};
  }

  #createGroup(track: SinkTrack, wanted: WantedMedia): EncodingGroup {
    const { codec, format, form: { packetizationMode = 1, ...encoderForm } = {}, scale, mtu } = wanted;
    const maxPacketSize = maxPayloadLength(mtu);
    const { minBitrate, maxBitrate, encoding, audio } = this.#options;
    // A unit too long could not be sent at all.
    const slices = packetizationMode === 0 ? { maxSliceSize: maxPacketSize } : {};
    const video = track.kind === 'video';
    const perConsumer = video && encoding === 'per-consumer';
    // One rung and one encoding are all that audio needs.
    const { bitrate: sound } = soundRates(wanted);
    const limits = video ? { min: minBitrate, max: maxBitrate } : { min: sound, max: sound };
    return new EncodingGroup({
      planner: new RungPlanner(
        new RungLadder(limits.min, limits.max),
        limits,
        this.#shareOf(this.#budget(track, scale), track, wanted),
      ),
      kind: track.kind,
      perConsumer,
      logger: this.#logger,
      onError: this.#onError,
      ...(packetizationMode === 0 || scale !== undefined ? {} : this.#passthrough(track, wanted)),
      open: async (bitrate, hooks, label) => {
        // Layers are for those who share: to leave one out must leave the others' picture alone.
        const options: EncodingOptions = video
          ? {
              ...{ codec, bitrate, temporalLayers: perConsumer ? 1 : 2 },
              ...this.#videoOptions(track, codec, bitrate, label),
              ...encoderForm,
              ...slices,
              ...this.#size(track, scale),
            }
          : { codec, bitrate, maxPacketSize, ...audio, ...format };
        const opened = await this.#engine.openEncoding(track.input, options);
        this.#logger.info({ track: track.name, codec, encoding: opened.id, bitrate }, 'encoding started');
        return new SharedEncoding(opened, {
          ...this.#sharedOptions(track, codec, mtu),
          bitrate,
          sampleRate: format?.sampleRate,
          packetizationMode,
          mitigationRule: scale === undefined ? this.#mitigationRule(track, scale) : undefined,
          scale,
          ...hooks,
        });
      },
    });
  }
}
