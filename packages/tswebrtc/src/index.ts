/** tswebrtc: WebRTC producer and consumer, wire-compatible with GStreamer's webrtcsink and webrtcsrc. */
export type { ControlStructure, NavigationEvent, NavigationModifier, TimeCode } from '@tswebrtc/protocol';
export { modifiersOf } from '@tswebrtc/protocol';
export { type ErrorCode, TsWebRTCError } from './common/errors.ts';
export type { Logger } from './common/logger.ts';
export type { DataChannel, DataChannelEvents, DataChannelInit, RTCStatsEntry } from './connection/transport/types.ts';
export type { ContainerName } from './media/containers.ts';
export { loadMediaEngine } from './media/engine.ts';
export type { Picture, PictureFormat, Sound } from './media/output-types.ts';
export type { PictureLayout } from './media/picture-layouts.ts';
export type { AudioWriteOptions, PushedAudio, PushedAudioOptions, PushedSound } from './media/push/pushed-audio.ts';
export type {
  PacketWriteOptions,
  PushedAudioPacketsOptions,
  PushedPacket,
  PushedPackets,
  PushedPacketsEvents,
  PushedVideoPacketsOptions,
} from './media/push/pushed-packets.ts';
export type { PushedPicture, PushedVideo, PushedVideoOptions, VideoWriteOptions } from './media/push/pushed-video.ts';
export type {
  DeviceInput,
  FileInput,
  InputDescription,
  MediaEngine,
  PipeInput,
  TestAudioInput,
  TestVideoInput,
  UrlInput,
} from './media/types.ts';
export type { InboundFrame, InboundStreamStats } from './rtp/receive/inbound-stream.ts';
export { DefaultSignaller } from './signalling/default-signaller.ts';
export type { Meta, SessionDescription, Signaller, SignallerContext, SignallerEvents } from './signalling/signaller.ts';
export type { EncodedFilter, FilteredFrame, RequestEncodedFilter } from './webrtcsink/encoded-filter.ts';
export type { EncoderSettings, EncoderSetup } from './webrtcsink/encoder-setup.ts';
export type { GstStats } from './webrtcsink/gst-stats.ts';
export type { DefineEncoderBitrates, SignallerOptions, WebRTCSinkOptions } from './webrtcsink/options.ts';
export type { PayloaderSettings, PayloaderSetup } from './webrtcsink/payloader-setup.ts';
export type { SessionFigures } from './webrtcsink/session-figures.ts';
export type { EndReason } from './webrtcsink/session-types.ts';
export type { ConfigureMitigationCaps, MitigatedFormat, MitigationMode, SourceFormat } from './webrtcsink/sharing/mitigation.ts';
export type { AddTrackOptions, SinkInput } from './webrtcsink/sink-inputs.ts';
export { device, file, pipe, stream, type TrackInfo, testAudio, testVideo } from './webrtcsink/tracks.ts';
export {
  type ConsumerSession,
  type SinkStats,
  type UpstreamContext,
  WebRTCSink,
  type WebRTCSinkEvents,
} from './webrtcsink/webrtcsink.ts';
export type { SrcSignallerOptions, WebRTCSrcOptions } from './webrtcsrc/properties.ts';
export type { RecordOptions } from './webrtcsrc/record-options.ts';
export type { SrcEndReason } from './webrtcsrc/session.ts';
export type {
  RecordedTrackInfo,
  RecordingEndReason,
  RecordingSummary,
  SrcRecording,
} from './webrtcsrc/src-recording.ts';
export type { PictureOptions, SnapshotOptions, SrcTrack } from './webrtcsrc/src-track.ts';
export { type NavigationInput, type UpstreamTarget, WebRTCSrc, type WebRTCSrcEvents } from './webrtcsrc/webrtcsrc.ts';
