/**
 * Writes a session description. The order of the attributes is that of the GStreamer family (reference A.1), whose peers are
 * known to take it; a primary `a=ssrc` stands before its rtx one, without which Chromium never creates the inbound stream.
 */
import type { Format, MediaDescription, SessionDescription } from './description.ts';
import { simulcastText } from './simulcast.ts';

export function writeDescription(session: SessionDescription): string {
  const lines = ['v=0', `o=- ${session.sessionId} ${session.sessionVersion} IN IP4 0.0.0.0`, 's=-', 't=0 0'];
  if (session.iceLite) lines.push('a=ice-lite');
  if (session.iceOptions.length > 0) lines.push(`a=ice-options:${session.iceOptions.join(' ')}`);
  if (session.bundle.length > 0) lines.push(`a=group:BUNDLE ${session.bundle.join(' ')}`);
  for (const media of session.media) writeMedia(lines, media);
  return `${lines.join('\r\n')}\r\n`;
}

function writeMedia(lines: string[], media: MediaDescription): void {
  lines.push(`m=${media.kind} ${media.port} ${media.protocol} ${media.formatList.join(' ')}`, 'c=IN IP4 0.0.0.0');
  const attribute = (text: string): void => {
    lines.push(`a=${text}`);
  };
  if (media.setup) attribute(`setup:${media.setup}`);
  if (media.usernameFragment) attribute(`ice-ufrag:${media.usernameFragment}`);
  if (media.password) attribute(`ice-pwd:${media.password}`);
  if (media.bundleOnly) attribute('bundle-only');
  if (media.rtcpMux) attribute('rtcp-mux');
  if (media.rtcpReducedSize) attribute('rtcp-rsize');
  // Data channels have no direction; their `sendrecv` goes without saying.
  if (media.kind !== 'application' || media.direction !== 'sendrecv') attribute(media.direction);
  if (media.msid) attribute(`msid:${msidText(media.msid)}`);
  for (const [index, format] of media.formats.entries()) {
    writeFormat(attribute, format);
    if (index === 0) writeExtensions(attribute, media);
  }
  if (media.formats.length === 0) writeExtensions(attribute, media);
  if (media.clock) attribute(`ts-refclk:${media.clock.reference}`);
  if (media.clock?.media) attribute(`mediaclk:${media.clock.media}`);
  if (media.sctpPort !== undefined) attribute(`sctp-port:${media.sctpPort}`);
  if (media.maxMessageSize !== undefined) attribute(`max-message-size:${media.maxMessageSize}`);
  for (const group of media.sourceGroups) attribute(`ssrc-group:${group.semantics} ${group.ssrcs.join(' ')}`);
  for (const source of media.sources) {
    if (source.msid) attribute(`ssrc:${source.ssrc} msid:${msidText(source.msid)}`);
    if (source.cname !== undefined) attribute(`ssrc:${source.ssrc} cname:${source.cname}`);
    if (!source.msid && source.cname === undefined) attribute(`ssrc:${source.ssrc}`);
  }
  for (const { id, direction, restrictions } of media.rids) {
    attribute(`rid:${id} ${direction}${restrictions === '' ? '' : ` ${restrictions}`}`);
  }
  if (media.simulcast) attribute(`simulcast:${simulcastText(media.simulcast)}`);
  if (media.mid !== undefined) attribute(`mid:${media.mid}`);
  for (const fingerprint of media.fingerprints) attribute(`fingerprint:${fingerprint.algorithm} ${fingerprint.value}`);
  if (media.rtcpMuxOnly) attribute('rtcp-mux-only');
  for (const candidate of media.candidates) attribute(candidate);
  if (media.endOfCandidates) attribute('end-of-candidates');
}

function msidText(msid: { stream: string; track: string }): string {
  return msid.track === '' ? msid.stream : `${msid.stream} ${msid.track}`;
}

function writeFormat(attribute: (text: string) => void, format: Format): void {
  const channels = format.channels === undefined ? '' : `/${format.channels}`;
  attribute(`rtpmap:${format.payloadType} ${format.name}/${format.clockRate}${channels}`);
  for (const feedback of format.rtcpFeedback) attribute(`rtcp-fb:${format.payloadType} ${feedback}`);
  const parameters = Object.entries(format.fmtp).map(([key, value]) => (value === '' ? key : `${key}=${value}`));
  if (parameters.length > 0) attribute(`fmtp:${format.payloadType} ${parameters.join(';')}`);
}

function writeExtensions(attribute: (text: string) => void, media: MediaDescription): void {
  for (const { id, uri, direction } of media.extensions) attribute(`extmap:${id}${direction ? `/${direction}` : ''} ${uri}`);
}
