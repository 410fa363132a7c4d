/**
 * What the rest of the library knows of the media engine. The engine (engine.ts) is loaded lazily, runs its inputs and
 * encoders in worker threads and knows no network.
 */

import type { TimeCodeLine } from '../common/time-code.ts';
import type { EncoderPreference } from './encoders.ts';
import type { Decoding, DecodingOptions, Recording, RecordingOptions } from './output-types.ts';
import type { PushSource } from './push/pushed-track.ts';

export type VideoCodecName = 'VP8' | 'H264' | 'VP9' | 'H265' | 'AV1';
export type AudioCodecName = 'OPUS' | 'MULTIOPUS' | 'L24' | 'L16' | 'PCMU' | 'PCMA';
export type CodecName = VideoCodecName | AudioCodecName;

/** A test picture. */
export interface TestVideoInput {
  readonly type: 'testsrc';
  /** `smpte` bars or a `ball` that bounces. Default `smpte`. */
  readonly pattern?: 'smpte' | 'ball';
  /** Pixels, even. Default 1280. */
  readonly width?: number;
  /** Pixels, even. Default 720. */
  readonly height?: number;
  /** Frames per second. Default 30. */
  readonly framerate?: number;
  /** Draws the capture time into the picture (docs/architecture.md, "The clock in the picture"). Default false. */
  readonly clock?: boolean;
}

/** A test tone: a sine. */
export interface TestAudioInput {
  readonly type: 'tone';
  /** Hz. Default 440. */
  readonly frequency?: number;
  /** 0..1. Default 0.2. */
  readonly volume?: number;
  /** 1..8, all the same. Default 2. */
  readonly channels?: number;
}

/** A media file, paced by its timestamps. */
export interface FileInput {
  readonly type: 'file';
  readonly path: string;
  /** Starts over at the end, with timestamps that go on. Default false. */
  readonly loop?: boolean;
}

/** Media from the network: `rtsp`, `rtsps`, `http`, `https` (files, HLS, MJPEG), `srt`, `rtmp`, `udp`. */
export interface UrlInput {
  readonly type: 'url';
  /** With user name and password where they are needed; neither is ever logged. */
  readonly url: string;
  /** RTSP: how packets come. Default `tcp`. */
  readonly transport?: 'tcp' | 'udp';
  /** s without an answer, or without a packet of a live stream, after which it counts as lost. Default 5. */
  readonly timeout?: number;
  /** Whether it is tried again when it is lost. Default true. */
  readonly reconnect?: boolean;
  /** Handed on as it comes rather than paced by its timestamps. Default: whatever suits the URL. */
  readonly live?: boolean;
  /** HTTP: starts over at its end, with timestamps that go on. Of what has a known end only. Default false. */
  readonly loop?: boolean;
  /** SRT, RTMP: waits for a sender to connect to this address, rather than connecting to it. Default false. */
  readonly listen?: boolean;
  /** TLS without a proof of who the server is, as cameras need it. Default false. */
  readonly insecureTls?: boolean;
}

/** A camera, a microphone or a screen, by the system's own name for it. */
export interface DeviceInput {
  readonly type: 'device';
  /** `v4l2`, `alsa` and `x11grab` on Linux, `avfoundation` on macOS, `dshow` on Windows. */
  readonly driver: DeviceDriver;
  /** `/dev/video0`, `default`, `:0.0`, … */
  readonly device: string;
  /** Pixels; both or none. Default: the device's own. */
  readonly width?: number;
  readonly height?: number;
  /** Frames per second. */
  readonly framerate?: number;
  /** What the device is to give, as FFmpeg names it: `mjpeg`, `yuyv422`, `h264`, … */
  readonly format?: string;
  /** Hz. */
  readonly sampleRate?: number;
  readonly channels?: number;
  /** Whether it is tried again when it is unplugged. Default true. */
  readonly reconnect?: boolean;
}

export const DEVICE_DRIVERS = ['v4l2', 'alsa', 'x11grab', 'avfoundation', 'dshow'] as const;
export type DeviceDriver = (typeof DEVICE_DRIVERS)[number];

/** What another program writes: into our standard input, or into a FIFO. */
export interface PipeInput {
  readonly type: 'pipe';
  /** A FIFO; left out: standard input. */
  readonly path?: string;
  /** What is written, as FFmpeg names it: `matroska`, `mpegts`, `h264`, `rawvideo`, `s16le`, … Default: found out. */
  readonly format?: string;
  /** Of `rawvideo`: pixels. */
  readonly width?: number;
  readonly height?: number;
  /** Of `rawvideo`, as FFmpeg names it. Default `yuv420p`. */
  readonly pixelFormat?: string;
  /** Of `rawvideo` and of elementary streams: frames per second. Default 30. */
  readonly framerate?: number;
  /** Of raw sound: Hz. Default 48000. */
  readonly sampleRate?: number;
  /** Of raw sound. Default 2. */
  readonly channels?: number;
  /** FIFO: whether the next writer is waited for when one has left. Default true. */
  readonly reconnect?: boolean;
  /** Handed on as it comes rather than paced by its timestamps. Default false: a writer may write as fast as it can. */
  readonly live?: boolean;
}

export type InputDescription = TestVideoInput | TestAudioInput | FileInput | UrlInput | DeviceInput | PipeInput | PushSource;

export interface VideoFormat {
  /** Pixels. */
  readonly width: number;
  readonly height: number;
  /** Frames per second, 0 when unknown or variable. */
  readonly framerate: number;
}

export interface AudioFormat {
  /** Hz. */
  readonly sampleRate: number;
  readonly channels: number;
}

/** What the packets of a track are that comes encoded, and as such can be passed on as they are. */
export interface EncodedFormat {
  readonly codec: CodecName;
  /** H264: profile_idc, constraint flags and level_idc in hex, as session descriptions have them. */
  readonly profileLevelId?: string;
}

export type InputEvents = {
  /** It gives nothing for the time being (why, as a sentence) and is tried again until it does. */
  interrupted: [reason: string];
  /** It goes on after that, on the same timeline. */
  resumed: [];
  /** The input came to its end: no more frames. */
  ended: [];
  error: [error: Error];
};

/** One medium of an input: raw frames that any number of encodings may take, and packets where it comes encoded. */
export type InputTrack = {
  readonly id: string;
  /** Given where the packets can be passed on as they are. */
  readonly encoded?: EncodedFormat;
  /** Why they cannot though WebRTC knows their codec, as a sentence. */
  readonly transcoded?: string;
  /** The time codes that its pictures have. */
  readonly timeCodes?: TimeCodeLine;
} & ({ readonly kind: 'video'; readonly format: VideoFormat } | { readonly kind: 'audio'; readonly format: AudioFormat });

/** An open input: runs in a worker of its own, or with the application that pushes. */
export interface MediaInput {
  readonly tracks: readonly InputTrack[];
  /** Begins to produce frames. Before that nothing is paced, decoded or drawn. */
  start(): void;
  on<K extends keyof InputEvents>(event: K, listener: (...args: InputEvents[K]) => void): () => void;
  close(): Promise<void>;
}

/** What is changed of an encoder's settings. */
export interface EncoderOverrides {
  /** Options of FFmpeg's encoder, added to ours or in their place. */
  readonly options: Readonly<Record<string, string | number>>;
  /** None of our options: only those. What rate control needs stays as it is. */
  readonly withoutDefaults: boolean;
  /** Most frames from keyframe to keyframe. */
  readonly gopSize?: number;
  readonly threadCount?: number;
}

export interface EncodingOptions {
  readonly codec: CodecName;
  /** Target, bit/s. Of no effect on audio codecs that do not compress. */
  readonly bitrate: number;
  /** Audio: of what is made. Default: as many as the input has and the codec takes. */
  readonly channels?: number;
  /** Audio codecs that do not compress, Hz. Default: 48000 for L16 and L24, 8000 for PCMU and PCMA. */
  readonly sampleRate?: number;
  /** Audio codecs that do not compress: no packet is longer where it can be helped, bytes. Default: what an RTP packet of 1200 takes. */
  readonly maxPacketSize?: number;
  /** H264 only. Default `constrained-baseline`. */
  readonly profile?: 'constrained-baseline' | 'baseline' | 'main' | 'high';
  /**
   * VP8 and VP9, others make one layer. With 2, every other frame is of layer 1: nothing is predicted from it, so that it may be
   * left out at any time (L1T2). Default 1.
   */
  readonly temporalLayers?: 1 | 2;
  /** Video: height of the pictures from the first one on, which `setFormat` can change; the width follows. Default: the input's. */
  readonly height?: number;
  /** H264: ten times the highest level the stream may need (31 is level 3.1): size, frame rate and bitrate are held to it. */
  readonly level?: number;
  /** H264: no NAL unit of a picture is longer, bytes: for peers that take no fragments. */
  readonly maxSliceSize?: number;
  /** Video: which encoders may be used (encoders.ts). Default `auto`. */
  readonly encoder?: EncoderPreference;
  /** Video: what the encoder's time is spent on: little of it, or a better picture at the same bitrate. Default `latency`. */
  readonly tune?: 'latency' | 'balanced' | 'quality';
  /** Video: what the application changes of encoders' settings, by FFmpeg's name of the encoder. */
  readonly overrides?: Readonly<Record<string, EncoderOverrides>>;
  /** OPUS and MULTIOPUS: packets carry a coarse copy of the one before, for receivers that lost it. Default true. */
  readonly inbandFec?: boolean;
  /** OPUS and MULTIOPUS: frames of silence are left out, but for one every 400 ms. Default false. */
  readonly dtx?: boolean;
  /**
   * OPUS and MULTIOPUS: the loss that in-band FEC is made for, percent. Default 5. Fixed while the encoding runs: another encoder would
   * have to take over, which is heard for some 10 ms.
   */
  readonly expectedLoss?: number;
}

/** One encoded frame. `data` lies in a ring that the encoder reuses: call `release()` when done with it, within a second. */
export interface EncodedFrame {
  /**
   * H264, H265: one access unit, Annex B; VP8, VP9: one frame; AV1: one temporal unit, its OBUs with their sizes; sound: one packet.
   */
  readonly data: Uint8Array;
  /** Position on the input's media timeline, µs. Tracks of one input share the timeline. */
  readonly timestamp: number;
  /** µs; 0 when unknown. */
  readonly duration: number;
  /** ms since the Unix epoch, with fraction. For files: when the frame was due. Linear in `timestamp`. */
  readonly captureTime: number;
  readonly keyframe: boolean;
  /** Temporal layer, 0 = base. */
  readonly temporalLayer: number;
  release(): void;
}

export type EncodingEvents = {
  frame: [frame: EncodedFrame];
  error: [error: Error];
  /** The input ended and the encoder is drained. */
  ended: [];
};

export interface EncodingStats {
  readonly framesEncoded: number;
  readonly keyFramesEncoded: number;
  /** Raw frames given up because the encoder was still busy, or by the encoder to hold its bitrate. */
  readonly framesDropped: number;
  readonly bytesEncoded: number;
  /** Seconds spent encoding. */
  readonly totalEncodeTime: number;
  /** Bit/s asked for. */
  readonly targetBitrate: number;
  /** Name of the encoder in use, e.g. `libx264`. */
  readonly encoderImplementation: string;
  readonly frameWidth?: number;
  readonly frameHeight?: number;
  /**
   * Video: sum of the quantisers of the frames encoded. VP8: `y_ac_qi`, 0..127 each. VP9: `base_q_idx`, 0..255. H264, H265: what the
   * encoder planned for the frame, 0..51 each; where the bitrate presses, it goes up to 3 higher within the frame. AV1: 0..63.
   */
  readonly qpSum?: number;
  /** Video: frames encoded in the last second. */
  readonly framesPerSecond?: number;
}

/** One running encoder of a track: runs in a worker of its own. */
export interface Encoding {
  readonly id: string;
  readonly codec: CodecName;
  /** Frames begin with the first listener for them, which so gets the first keyframe; without a listener they are dropped. */
  on<K extends keyof EncodingEvents>(event: K, listener: (...args: EncodingEvents[K]) => void): () => void;
  /** The next frame encoded will be a keyframe. Video only; ignored for audio. */
  requestKeyframe(): void;
  /** Changes the target while running, bit/s. */
  setBitrate(bitrate: number): void;
  /**
   * Changes size (pixels) or frame rate while running; a field left out follows the input (of width and height one alone
   * keeps the aspect). Another size begins with a keyframe. Ignored for audio.
   */
  setFormat(format: { width?: number; height?: number; framerate?: number }): void;
  getStats(): Promise<EncodingStats>;
  close(): Promise<void>;
}

export interface MediaEngine {
  /** Opens an input; rejects with `INPUT_NOT_FOUND` or `INPUT_FAILED`. */
  openInput(description: InputDescription, options?: { signal?: AbortSignal }): Promise<MediaInput>;
  /** Starts an encoder on a track of an input of this engine; rejects with `ENCODER_FAILED`. */
  openEncoding(track: InputTrack, options: EncodingOptions): Promise<Encoding>;
  /**
   * Passes on the packets of an encoded track as they are, beginning with a keyframe: no encoder, no thread, and neither bitrate
   * nor size can be chosen. Rejects with `ENCODER_FAILED` where that cannot be.
   */
  openPassthrough(track: InputTrack): Promise<Encoding>;
  /** Those of `codecs` for which an encoder opens here, in their order, and tells the log of the others. */
  findEncoders?(codecs: readonly VideoCodecName[], preference?: EncoderPreference): Promise<readonly VideoCodecName[]>;
  /** Begins a file; rejects with `RECORDING_FAILED`. */
  openRecording(options: RecordingOptions): Promise<Recording>;
  /** Starts a decoder; rejects with `DECODER_FAILED`. */
  openDecoding(options: DecodingOptions): Promise<Decoding>;
  close(): Promise<void>;
}
