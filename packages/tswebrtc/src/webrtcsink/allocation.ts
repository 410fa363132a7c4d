/**
 * What of a session's target each of its video encoders gets (reference section 2.8). The target is for all packets as they
 * count on the path; audio, retransmissions, FEC and headers are taken from it first. Pure functions; all rates in bit/s.
 */
import type { DefineEncoderBitrates } from './options.ts';

/** IPv4, UDP and the SRTP authentication tag: what a packet costs on the path beyond its RTP size, bytes. */
export const PATH_OVERHEAD = 20 + 8 + 16;
/** RTP header with the extensions of a template, bytes. */
const RTP_HEADER = 24;
/** Payload of a full packet, bytes. */
const FULL_PAYLOAD = 1150;
/** What headers add to a full packet, in parts of its payload. */
const FULL_PACKET_OVERHEAD = (RTP_HEADER + PATH_OVERHEAD) / FULL_PAYLOAD;
/** However much repair is on its way, this part of the target is left to the pictures. */
const LEAST_VIDEO_PART = 0.5;

/** What an audio encoder of `bitrate` takes on the path that makes so many packets a second. */
export function audioOnPath({ bitrate, packetRate }: { bitrate: number; packetRate: number }, redundancy: number): number {
  return bitrate * (1 + redundancy) + packetRate * (RTP_HEADER + PATH_OVERHEAD) * 8;
}

/** What an encoder may make so that its packets take `onPath`: the rest is headers. `framerate`: 0 counts as 30. */
export function encoderBitrate(onPath: number, framerate: number): number {
  return Math.max(0, (onPath - tailsOnPath(framerate)) / (1 + FULL_PACKET_OVERHEAD));
}

/** What the packets of a video encoder take that makes `bitrate`: the inverse of `encoderBitrate`. */
export function videoOnPath(bitrate: number, framerate: number): number {
  return bitrate * (1 + FULL_PACKET_OVERHEAD) + tailsOnPath(framerate);
}

/** Each frame ends in a packet that is half full, on average. */
function tailsOnPath(framerate: number): number {
  return ((framerate || 30) / 2) * (RTP_HEADER + PATH_OVERHEAD) * 8;
}

export interface AllocationInput {
  readonly peerId: string;
  /** What congestion control allows for everything. */
  readonly target: number;
  /** On the path. */
  readonly audio: number;
  /** Spent lately on sending again what was lost. */
  readonly retransmissions: number;
  readonly fecPercentage: number;
  /** Of the video tracks, in order. */
  readonly tracks: readonly string[];
  readonly define: DefineEncoderBitrates | undefined;
}

/** For each video track what it may take on the path, FEC not counted. */
export function allocate(input: AllocationInput): number[] {
  const { target, tracks } = input;
  if (tracks.length === 0) return [];
  const left = Math.max(target * LEAST_VIDEO_PART, target - input.audio - input.retransmissions);
  const video = Math.floor(left / (1 + input.fecPercentage / 100));
  const share = Math.floor(video / tracks.length);
  if (!input.define) return tracks.map(() => share);
  const wanted = input.define(input.peerId, video, Object.fromEntries(tracks.map((name) => [name, share])));
  return tracks.map((name) => {
    const bitrate = wanted?.[name];
    return typeof bitrate === 'number' && Number.isFinite(bitrate) && bitrate >= 0 ? Math.floor(bitrate) : share;
  });
}
