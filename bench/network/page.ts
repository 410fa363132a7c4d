/**
 * What runs inside the pages: records every presented frame and the connection's statistics, and plays the sender of the
 * comparison. The functions are handed to the browser as text, so each stands alone.
 */

/** Times are ms since the epoch. */
export interface Recording {
  /** Of each presented frame: when, and how many were presented by then; the page may miss some that were. */
  readonly frames: (readonly [time: number, presented: number])[];
  readonly samples: Sample[];
}

/** Statistics of one moment; sums count from the start of the connection. */
export interface Sample {
  readonly time: number;
  /** s; of the last connectivity check */
  readonly roundTripTime?: number;
  /** bit/s; what the sender's congestion control allows */
  readonly availableOutgoingBitrate?: number;
  readonly inbound?: Inbound;
  readonly outbound?: Outbound;
}

export interface Inbound {
  readonly bytesReceived: number;
  readonly headerBytesReceived: number;
  readonly packetsReceived: number;
  readonly packetsLost: number;
  readonly framesDecoded: number;
  readonly keyFramesDecoded: number;
  readonly framesDropped: number;
  readonly nackCount: number;
  readonly pliCount: number;
  readonly freezeCount: number;
  readonly totalFreezesDuration: number;
  readonly retransmittedPacketsReceived?: number;
  readonly frameWidth?: number;
  readonly frameHeight?: number;
  readonly qpSum?: number;
  readonly codec?: string;
}

export interface Outbound {
  readonly framesEncoded: number;
  readonly framesPerSecond?: number;
  readonly qualityLimitationReason?: string;
  readonly encoder?: string;
}

declare global {
  interface Window {
    recording: Recording;
    connections: RTCPeerConnection[];
  }
}

/** Before the page's own scripts: keeps the connections that they make. */
export function keepConnections(): void {
  const Native = window.RTCPeerConnection;
  window.connections = [];
  window.RTCPeerConnection = class extends Native {
    constructor(configuration?: RTCConfiguration) {
      super(configuration);
      window.connections.push(this);
    }
  };
}

/** Begins `window.recording` of the page's last connection, and of its video element where `frames` is set. */
export function record({ interval, frames }: { interval: number; frames: boolean }): void {
  const recording: Recording = { frames: [], samples: [] };
  window.recording = recording;
  const connection = window.connections.at(-1)!;
  const sample = async (): Promise<void> => {
    const report = (await connection.getStats()) as unknown as Map<string, Record<string, never>>;
    const found: Record<string, unknown> = { time: Date.now() };
    for (const stats of report.values()) {
      if (stats.type === ('candidate-pair' as never) && stats.nominated) {
        found.roundTripTime = stats.currentRoundTripTime;
        found.availableOutgoingBitrate = stats.availableOutgoingBitrate;
      } else if (stats.kind === ('video' as never) && stats.type === ('inbound-rtp' as never)) {
        found.inbound = { ...(stats as object), codec: report.get(stats.codecId as unknown as string)?.mimeType };
      } else if (stats.kind === ('video' as never) && stats.type === ('outbound-rtp' as never)) {
        found.outbound = { ...(stats as object), encoder: stats.encoderImplementation };
      }
    }
    recording.samples.push(found as unknown as Sample);
    setTimeout(() => void sample(), interval);
  };
  void sample();
  if (!frames) return;
  const video = document.querySelector('video')!;
  const onFrame = (_now: number, { presentationTime, presentedFrames }: VideoFrameCallbackMetadata): void => {
    recording.frames.push([performance.timeOrigin + presentationTime, presentedFrames]);
    video.requestVideoFrameCallback(onFrame);
  };
  video.requestVideoFrameCallback(onFrame);
}

/** Adds the way for a file to get into the page. */
export function addFileInput(): void {
  const input = document.createElement('input');
  input.type = 'file';
  document.body.append(input);
}

/** Plays the file to a connection; resolves with the offer, candidates included. */
export async function offerFile({ codec, maxBitrate }: { codec: string; maxBitrate: number }): Promise<string> {
  const file = document.querySelector('input')!.files![0]!;
  const video = document.createElement('video') as HTMLVideoElement & { captureStream(): MediaStream };
  video.muted = true;
  video.src = URL.createObjectURL(file);
  document.body.append(video);
  await video.play();
  const stream = video.captureStream();
  const connection = new RTCPeerConnection();
  const transceiver = connection.addTransceiver(stream.getVideoTracks()[0]!, {
    direction: 'sendonly',
    streams: [stream],
    sendEncodings: [{ maxBitrate }],
  });
  // Repair formats come along with the codec.
  const wanted = [`video/${codec}`, 'video/rtx', 'video/red', 'video/ulpfec'].map((name) => name.toLowerCase());
  const known = RTCRtpSender.getCapabilities('video')!.codecs;
  transceiver.setCodecPreferences(known.filter(({ mimeType }) => wanted.includes(mimeType.toLowerCase())));
  await connection.setLocalDescription();
  while (connection.iceGatheringState !== 'complete') await new Promise((resolve) => setTimeout(resolve, 20));
  return connection.localDescription!.sdp;
}

/** Takes an offer and shows what comes; resolves with the answer, candidates included. */
export async function answerAndShow(sdp: string): Promise<string> {
  const connection = new RTCPeerConnection();
  connection.addEventListener('track', ({ streams }) => {
    const video = document.createElement('video');
    video.muted = true;
    video.autoplay = true;
    video.srcObject = streams[0]!;
    document.body.append(video);
  });
  await connection.setRemoteDescription({ type: 'offer', sdp });
  await connection.setLocalDescription();
  while (connection.iceGatheringState !== 'complete') await new Promise((resolve) => setTimeout(resolve, 20));
  return connection.localDescription!.sdp;
}

export async function takeAnswer(sdp: string): Promise<void> {
  await window.connections.at(-1)!.setRemoteDescription({ type: 'answer', sdp });
}

/** Resolves at the first presented frame. */
export async function firstFrame(): Promise<void> {
  const video = document.querySelector('video')!;
  await new Promise((resolve) => video.requestVideoFrameCallback(resolve));
}
