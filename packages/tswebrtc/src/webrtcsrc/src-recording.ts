/**
 * A recording of what a source receives: waits until its tracks have something to begin with, puts their frames on one
 * timeline, and ends by itself with its duration or the session.
 */
import type { Writable } from 'node:stream';
import { Emitter } from '../common/emitter.ts';
import { asError, type TsWebRTCError } from '../common/errors.ts';
import { isAudioCodec } from '../media/audio-codecs.ts';
import { CONTAINERS, type ContainerName, HLS_SEGMENT, type RecordedCodec, type RecordedVideoCodec } from '../media/containers.ts';
import type { ByteSink, RecordedTrack, Recording, RecordingFigures } from '../media/output-types.ts';
import type { MediaEngine } from '../media/types.ts';
import { type Keyframe, readKeyframe } from '../rtp/keyframes/keyframe.ts';
import type { InboundFrame } from '../rtp/receive/inbound-stream.ts';
import { SharedTimeline, type TrackClock } from '../rtp/receive/shared-timeline.ts';
import { checkWritable, containerFor, positive, type RecordOptions, tooSlow } from './record-options.ts';
import { sentSound } from './sent-sound.ts';
import type { SrcTrack } from './src-track.ts';

/** ms that a file waits for the sender to say which times belong together; a reader behind a pipe is not kept waiting. */
const FILE_SETTLE_TIME = 4000;
const PIPE_SETTLE_TIME = 300;
/** ms between keyframes, so that a file can be gone about in. */
const KEYFRAME_INTERVAL = 10_000;
/** What is kept while nothing can be written yet, bytes. */
const MOST_WAITING = 64 << 20;
/** What is not before the beginning but for a rounded clock, ms. */
const ROUNDING = 0.5;
/** When all tracks have ended, the session mostly does, too: ms until it is taken for the producer's wish to go on with others. */
const TRACKS_ENDED_TIME = 1000;
/** A track that is behind the others gets this long to reach the end as well, ms. */
const LAST_CALL = 1000;

/**
 * Why a recording ended: `stop` or the end of the source, its duration, the session's end, that of all tracks in it, another
 * codec, its reader has gone, it failed.
 */
export type RecordingEndReason =
  | 'stopped'
  | 'duration'
  | 'session-ended'
  | 'tracks-ended'
  | 'codec-changed'
  | 'reader-gone'
  | 'failed';

export interface RecordingSummary extends RecordingFigures {
  readonly reason: RecordingEndReason;
  readonly tracks: readonly RecordedTrackInfo[];
  readonly error?: TsWebRTCError;
}

export interface RecordedTrackInfo {
  readonly name: string;
  /** As it came. */
  readonly codec: RecordedCodec;
  /** What it was re-encoded to, where the container does not take its codec. */
  readonly transcodedTo?: RecordedCodec;
}

export type SrcRecordingEvents = {
  /** The first frames are there and the file is begun. */
  begun: [tracks: readonly RecordedTrackInfo[]];
  /** A track came after the file was begun: containers take no more then, and it is not in this one. */
  'left-out': [track: SrcTrack];
  ended: [summary: RecordingSummary];
};

interface Lane {
  readonly track: SrcTrack;
  readonly clock: TrackClock;
  readonly off: () => void;
  /** Came before the file was begun. */
  readonly waiting: InboundFrame[];
  codec: RecordedCodec | undefined;
  /** Of video: where the file can begin. */
  keyframe: Keyframe | undefined;
  firstArrival: number | undefined;
  /** ms of its own media time. */
  lastKeyframe: number;
  /** Index in the file; undefined for what is not in it. */
  index: number | undefined;
  done: boolean;
}

const NOTHING: RecordingFigures = { frames: [], framesDropped: 0, bytesWritten: 0, duration: 0 };

export class SrcRecording extends Emitter<SrcRecordingEvents> {
  /** Resolves when it has ended and the file is complete, whatever the reason. */
  readonly finished: Promise<RecordingSummary>;
  readonly #output: string | ByteSink;
  readonly #container: ContainerName;
  readonly #duration: number;
  readonly #keyframeInterval: number;
  readonly #settleTime: number;
  readonly #engine: () => Promise<MediaEngine>;
  readonly #onEnded: () => void;
  /** Lets go of the stream that is written to. */
  #release: () => void = () => {};
  #finish!: (summary: RecordingSummary) => void;
  #state: 'waiting' | 'opening' | 'writing' | 'ended' = 'waiting';
  #opening: Promise<void> | undefined;
  #lanes: Lane[] = [];
  readonly #leftOut = new Set<SrcTrack>();
  #timeline = new SharedTimeline();
  #tracksEnded: NodeJS.Timeout | undefined;
  #waitingBytes = 0;
  /** Where the file begins on the timeline, ms. */
  #origin = 0;
  #recording: Recording | undefined;
  #tracks: RecordedTrackInfo[] = [];

  /** @internal Throws `INVALID_OPTION`, or `RECORDING_FAILED` where a file cannot be made. */
  constructor(output: string | Writable, options: RecordOptions, engine: () => Promise<MediaEngine>, onEnded: () => void) {
    super();
    const isFile = typeof output === 'string';
    this.#container = containerFor(output, options);
    this.#duration = positive('duration', options.duration ?? Number.POSITIVE_INFINITY);
    const interval = options.keyframeInterval ?? (this.#container === 'hls' ? HLS_SEGMENT * 1000 : KEYFRAME_INTERVAL);
    this.#keyframeInterval = interval === 0 ? Number.POSITIVE_INFINITY : positive('keyframeInterval', interval);
    this.#settleTime = isFile ? FILE_SETTLE_TIME : PIPE_SETTLE_TIME;
    this.#engine = engine;
    this.#onEnded = onEnded;
    this.#output = isFile ? output : this.#sinkOf(output);
    if (isFile) checkWritable(output);
    this.finished = new Promise((resolve) => {
      this.#finish = resolve;
    });
  }

  get figures(): RecordingFigures {
    return this.#recording?.figures ?? NOTHING;
  }

  /** Completes the file. */
  stop(): Promise<RecordingSummary> {
    void this.#endAfterOpening('stopped');
    return this.finished;
  }

  /** @internal The tracks of a session are there, the first or more of them. */
  attach(tracks: readonly SrcTrack[]): void {
    if (this.#state === 'ended') return;
    if (this.#lanes.length === 0) this.#timeline = new SharedTimeline();
    for (const track of tracks) {
      if (this.#lanes.some((lane) => lane.track === track)) continue;
      if (this.#state === 'waiting') this.#attach(track);
      else this.#leaveOut(track);
    }
  }

  #attach(track: SrcTrack): void {
    // Players of HLS take one picture and one sound from a list.
    if (this.#container === 'hls' && this.#lanes.some((lane) => lane.track.kind === track.kind)) {
      this.#leftOut.add(track);
      return;
    }
    clearTimeout(this.#tracksEnded);
    this.#tracksEnded = undefined;
    const offs = [track.on('frame', (frame) => this.#onFrame(lane, frame)), track.on('ended', () => this.#onTrackEnded())];
    const lane: Lane = {
      track,
      clock: this.#timeline.addTrack(),
      off: () => {
        for (const off of offs) off();
      },
      waiting: [],
      codec: undefined,
      keyframe: undefined,
      firstArrival: undefined,
      lastKeyframe: Number.NEGATIVE_INFINITY,
      index: undefined,
      done: false,
    };
    this.#lanes.push(lane);
    if (track.kind === 'video') track.requestKeyframe();
  }

  #leaveOut(track: SrcTrack): void {
    if (this.#leftOut.has(track)) return;
    this.#leftOut.add(track);
    this.emit('left-out', track);
  }

  /** What is in the file of the others goes on; without any of them nothing more can come. */
  #onTrackEnded(): void {
    if (!this.#lanes.every(({ track }) => track.ended)) return;
    this.#tracksEnded ??= setTimeout(() => this.#over('tracks-ended'), TRACKS_ENDED_TIME);
  }

  /** @internal The session is over. */
  sessionEnded(): void {
    this.#over('session-ended');
  }

  /** Nothing more comes. Where nothing was written yet, what comes next will do. */
  #over(reason: RecordingEndReason): void {
    if (this.#state === 'waiting' && !this.#hasFrames) this.#detach();
    else void this.#endAfterOpening(reason);
  }

  /** Something came that a file can begin with. */
  get #hasFrames(): boolean {
    return this.#lanes.some(({ codec }) => codec !== undefined);
  }

  /** What came while nothing could be written yet belongs into the file, though no more comes. */
  async #endAfterOpening(reason: RecordingEndReason): Promise<void> {
    for (const lane of this.#lanes) lane.off();
    if (this.#state === 'waiting' && this.#hasFrames) this.#opening = this.#begin();
    await this.#opening;
    this.#end(reason);
  }

  #onFrame(lane: Lane, frame: InboundFrame): void {
    const { captureTime, completed } = frame;
    const mediaTime = mediaTimeOf(frame);
    const codec = frame.codec.toUpperCase() as RecordedCodec;
    if (lane.codec !== undefined && codec !== lane.codec) {
      this.#end('codec-changed');
      return;
    }
    lane.clock.observe(mediaTime, captureTime, completed);
    this.#askForKeyframes(lane, mediaTime, frame.keyframe);
    if (this.#state === 'writing') this.#write(lane, frame);
    else this.#keep(lane, frame, codec);
  }

  /** Nothing can be written yet. */
  #keep(lane: Lane, frame: InboundFrame, codec: RecordedCodec): void {
    lane.firstArrival ??= frame.completed;
    if (lane.track.kind === 'video' && !lane.keyframe) {
      if (!frame.keyframe) return;
      lane.keyframe = readKeyframe(codec, frame.data);
      if (!lane.keyframe) {
        lane.track.requestKeyframe();
        return;
      }
    }
    lane.codec = codec;
    lane.waiting.push(frame);
    this.#waitingBytes += frame.data.length;
    if (this.#waitingBytes > MOST_WAITING) this.#end('failed', tooSlow());
    else if (this.#state === 'waiting' && this.#mayBegin(frame.completed)) this.#opening = this.#begin();
  }

  #askForKeyframes(lane: Lane, mediaTime: number, isKeyframe: boolean): void {
    if (lane.track.kind !== 'video') return;
    if (isKeyframe || mediaTime < lane.lastKeyframe) lane.lastKeyframe = mediaTime;
    else if (mediaTime - lane.lastKeyframe >= this.#keyframeInterval) {
      lane.lastKeyframe = mediaTime;
      lane.track.requestKeyframe();
    }
  }

  #mayBegin(now: number): boolean {
    const lanes = this.#lanes;
    if (lanes.every(({ codec, clock, track }) => track.ended || (codec !== undefined && clock.synchronised))) return true;
    const first = Math.min(...lanes.map(({ firstArrival }) => firstArrival ?? Number.POSITIVE_INFINITY));
    return now - first >= this.#settleTime && this.#hasFrames;
  }

  async #begin(): Promise<void> {
    this.#state = 'opening';
    const tracks: RecordedTrack[] = [];
    for (const lane of this.#lanes) {
      const { track, keyframe, codec } = lane;
      // Sound can begin at any time, so it has its place though there is none yet; a picture must have begun.
      if (track.kind === 'audio') {
        const sound = lane.waiting[0] ?? track.sound;
        const named = sound?.codec.toUpperCase() ?? '';
        if (!sound || !isAudioCodec(named)) continue;
        lane.codec = named;
        tracks.push({ kind: 'audio', codec: named, sent: sentSound(sound) });
      } else if (keyframe && codec) tracks.push({ kind: 'video', codec: codec as RecordedVideoCodec, ...keyframe });
      else continue;
      lane.index = tracks.length - 1;
      const target = transcodingTarget(this.#container, tracks.at(-1)!);
      this.#tracks.push({ name: track.name, codec: lane.codec!, ...(target ? { transcodedTo: target } : {}) });
    }
    const leading = this.#lanes.some(({ keyframe }) => keyframe) ? 'video' : 'audio';
    const starts = this.#lanes.filter(({ track, waiting }) => track.kind === leading && waiting.length > 0);
    this.#origin = Math.min(...starts.map(({ clock, waiting }) => clock.place(mediaTimeOf(waiting[0]!))));
    try {
      const engine = await this.#engine();
      const recording = await engine.openRecording({ container: this.#container, output: this.#output, tracks });
      if ((this.#state as string) === 'ended') return void recording.close().catch(() => {});
      this.#recording = recording;
      recording.on('error', (error) => this.#end('failed', asError(error, 'RECORDING_FAILED')));
    } catch (error) {
      return this.#end('failed', asError(error, 'RECORDING_FAILED'));
    }
    this.#state = 'writing';
    this.emit('begun', this.#tracks);
    const waiting = this.#lanes.flatMap((lane) => lane.waiting.splice(0).map((frame) => ({ lane, frame })));
    waiting.sort((a, b) => a.frame.completed - b.frame.completed);
    for (const { lane, frame } of waiting) this.#write(lane, frame);
  }

  #write(lane: Lane, frame: InboundFrame): void {
    if (lane.index === undefined || this.#state !== 'writing') return;
    const time = lane.clock.place(mediaTimeOf(frame)) - this.#origin;
    // Sound of before the first picture. A picture is needed by those behind it, though a clock moved by a hair meanwhile.
    if (lane.track.kind === 'audio' && time < -ROUNDING) return;
    if (time >= this.#duration) {
      lane.done = true;
      const all = this.#lanes.every(({ index, done, track }) => index === undefined || done || track.ended);
      if (all || time >= this.#duration + LAST_CALL) this.#end('duration');
      return;
    }
    this.#recording?.write({
      track: lane.index,
      data: frame.data,
      timestamp: Math.max(0, time * 1000),
      keyframe: frame.keyframe || lane.track.kind === 'audio',
    });
  }

  #end(reason: RecordingEndReason, error?: TsWebRTCError): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#detach();
    void this.#complete(reason, error);
  }

  async #complete(reason: RecordingEndReason, error: TsWebRTCError | undefined): Promise<void> {
    let failure = error;
    try {
      await this.#recording?.close();
    } catch (thrown) {
      failure ??= asError(thrown, 'RECORDING_FAILED');
    }
    const summary: RecordingSummary = {
      ...this.figures,
      reason: failure ? 'failed' : reason,
      tracks: this.#tracks,
      ...(failure ? { error: failure } : {}),
    };
    this.#release();
    this.#onEnded();
    this.emit('ended', summary);
    this.#finish(summary);
    this.removeAllListeners();
  }

  #detach(): void {
    clearTimeout(this.#tracksEnded);
    this.#tracksEnded = undefined;
    for (const lane of this.#lanes.splice(0)) lane.off();
    this.#waitingBytes = 0;
  }

  #sinkOf(writable: Writable): ByteSink {
    const gone = (): void => this.#end('reader-gone');
    writable.on('error', gone);
    writable.on('close', gone);
    this.#release = () => {
      writable.off('close', gone);
      // What fails from now on is no longer ours, but must not go unheard by everybody.
      writable.off('error', gone);
      writable.on('error', ignore);
    };
    return {
      write: (data) => void (writable.writable && writable.write(data)),
      get waiting() {
        return writable.writableLength;
      },
    };
  }
}

/** What a track becomes in a container that does not take its codec. */
function transcodingTarget(container: ContainerName, track: RecordedTrack): RecordedCodec | undefined {
  const { videoCodecs, audioCodecs, transcodesTo } = CONTAINERS[container];
  if (track.kind === 'video') return videoCodecs.includes(track.codec) ? undefined : transcodesTo;
  if (audioCodecs.includes(track.codec)) return undefined;
  return track.sent.channels > 2 ? 'MULTIOPUS' : 'OPUS';
}

const ignore = (): void => {};

const mediaTimeOf = ({ timestamp, clockRate }: InboundFrame): number => (timestamp * 1000) / clockRate;
