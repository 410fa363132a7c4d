/**
 * Reads a session description (RFC 8866 §9, RFC 8829 §5.8). Lines and attributes it does not know are passed over, broken
 * attributes too, so that a peer's slip costs what it describes and no more; text that is no session description is refused.
 */
import { TsWebRTCError } from '../common/errors.ts';
import type { Direction } from './codecs.ts';
import type { Format, MediaDescription, SessionDescription, Setup } from './description.ts';
import { parseRid, parseSimulcast } from './simulcast.ts';

/** Far beyond any real description; keeps a hostile one from costing more than a moment. */
const MAX_LENGTH = 512 << 10;
const MAX_LINE_LENGTH = 16 << 10;
const MAX_MEDIA = 256;
const MAX_CANDIDATES = 128;
const MAX_SOURCES = 256;

/** Formats whose number says what they are (RFC 3551 §6), of those a WebRTC peer may mention. */
const STATIC_FORMATS: ReadonlyMap<number, readonly [name: string, clockRate: number, channels?: number]> = new Map([
  [0, ['PCMU', 8000]],
  [8, ['PCMA', 8000]],
  [9, ['G722', 8000]],
  [10, ['L16', 44_100, 2]],
  [11, ['L16', 44_100]],
  [13, ['CN', 8000]],
]);

const DIRECTIONS: readonly string[] = ['sendrecv', 'sendonly', 'recvonly', 'inactive'];
const SETUPS: readonly string[] = ['actpass', 'active', 'passive', 'holdconn'];

function invalid(reason: string): TsWebRTCError {
  return new TsWebRTCError('INVALID_SDP', `The session description ${reason}.`);
}

/** Attributes that hold for every m-line that does not say its own. */
type Defaults = Pick<
  MediaDescription,
  'setup' | 'usernameFragment' | 'password' | 'fingerprints' | 'direction' | 'extensions' | 'clock'
>;
/** What may be written of a clock. */
const CLOCK = /^[\x21-\x7e]{1,256}( [\x21-\x7e]{1,256})*$/;

/** Reads a session description; throws `INVALID_SDP`. */
export function parseDescription(sdp: string): SessionDescription {
  if (typeof sdp !== 'string' || sdp.trim() === '') throw invalid('is empty');
  if (sdp.length > MAX_LENGTH) throw invalid(`is longer than ${MAX_LENGTH} characters`);
  const session: SessionDescription = {
    sessionId: '0',
    sessionVersion: '0',
    iceLite: false,
    iceOptions: [],
    bundle: [],
    media: [],
  };
  const defaults = emptyMedia('', 0, '', []);
  let current: Reader | undefined;
  const readers: Reader[] = [];

  const lines = sdp.split(/\r\n|\n|\r/);
  for (const [index, line] of lines.entries()) {
    if (index === 0 && !/^v=0\s*$/.test(line)) throw invalid('does not begin with v=0');
    if (line === '') continue;
    if (!/^[a-z]=/.test(line)) throw invalid(`has a line ${index + 1} that is not of the form letter=value`);
    if (line.length > MAX_LINE_LENGTH) throw invalid(`has a line ${index + 1} longer than ${MAX_LINE_LENGTH} characters`);
    const value = line.slice(2).trimEnd();
    switch (line[0]) {
      case 'o': {
        const origin = /^\S+ (\d{1,20}) (\d{1,20})(?: |$)/.exec(value);
        if (!origin) throw invalid(`has an o= line ${index + 1} without session number and version`);
        session.sessionId = origin[1]!;
        session.sessionVersion = origin[2]!;
        break;
      }
      case 'm':
        if (readers.length === MAX_MEDIA) throw invalid(`has more than ${MAX_MEDIA} m-lines`);
        current = new Reader(parseMediaLine(value, index + 1));
        readers.push(current);
        break;
      case 'a': {
        const colon = value.indexOf(':');
        const name = colon < 0 ? value : value.slice(0, colon);
        const rest = colon < 0 ? '' : value.slice(colon + 1);
        if (current) current.attribute(name, rest);
        else sessionAttribute(session, defaults, name, rest);
        break;
      }
    }
  }
  session.media = readers.map((reader) => reader.finish(defaults));
  checkMids(session);
  return session;
}

function parseMediaLine(value: string, line: number): MediaDescription {
  const [kind, port, protocol, ...formats] = value.split(/ +/);
  if (!kind || !/^[\w-]{1,64}$/.test(kind) || !protocol || !port || !/^\d{1,5}(\/\d+)?$/.test(port)) {
    throw invalid(`has an m= line ${line} that is not "m=kind port protocol formats"`);
  }
  const number = Number.parseInt(port, 10);
  if (number > 65535) throw invalid(`has an m= line ${line} with port ${number}, which is greater than 65535`);
  return emptyMedia(kind, number, protocol, formats.slice(0, 256));
}

export function emptyMedia(kind: string, port: number, protocol: string, formatList: string[]): MediaDescription {
  return {
    kind,
    port,
    protocol,
    formatList,
    mid: undefined,
    direction: 'sendrecv',
    bundleOnly: false,
    setup: undefined,
    usernameFragment: undefined,
    password: undefined,
    fingerprints: [],
    rtcpMux: false,
    rtcpReducedSize: false,
    rtcpMuxOnly: false,
    formats: [],
    extensions: [],
    msid: undefined,
    sources: [],
    sourceGroups: [],
    rids: [],
    simulcast: undefined,
    candidates: [],
    endOfCandidates: false,
    sctpPort: undefined,
    maxMessageSize: undefined,
  };
}

function sessionAttribute(session: SessionDescription, defaults: MediaDescription, name: string, rest: string): void {
  switch (name) {
    case 'ice-lite':
      session.iceLite = true;
      break;
    case 'ice-options':
      session.iceOptions = rest.split(/\s+/).filter(Boolean);
      break;
    case 'group': {
      const [semantics, ...mids] = rest.split(/\s+/);
      if (semantics === 'BUNDLE' && session.bundle.length === 0) session.bundle = mids.filter(Boolean);
      break;
    }
    default:
      transportAttribute(defaults, name, rest);
  }
}

/** Attributes that may stand at session level for all media. Returns whether `name` is one. */
function transportAttribute(media: Defaults, name: string, rest: string): boolean {
  switch (name) {
    case 'setup':
      if (SETUPS.includes(rest)) media.setup = rest as Setup;
      return true;
    case 'ice-ufrag':
      if (/^[\x21-\x7e]{4,256}$/.test(rest)) media.usernameFragment = rest;
      return true;
    case 'ice-pwd':
      if (/^[\x21-\x7e]{22,256}$/.test(rest)) media.password = rest;
      return true;
    case 'fingerprint': {
      const match = /^([\w-]{1,32}) ((?:[0-9a-f]{2}:)*[0-9a-f]{2})$/i.exec(rest);
      if (match && media.fingerprints.length < 8) {
        media.fingerprints.push({ algorithm: match[1]!.toLowerCase(), value: match[2]!.toUpperCase() });
      }
      return true;
    }
    case 'ts-refclk':
      if (CLOCK.test(rest)) media.clock = { reference: rest, media: media.clock?.media };
      return true;
    case 'mediaclk':
      if (CLOCK.test(rest)) media.clock = { reference: media.clock?.reference ?? 'local', media: rest };
      return true;
    case 'extmap': {
      const match = /^(\d{1,3})(?:\/(\w+))? (\S+)/.exec(rest);
      const id = Number(match?.[1]);
      if (match && id >= 1 && id <= 255 && media.extensions.length < 64) {
        const direction = DIRECTIONS.includes(match[2] ?? '') ? (match[2] as Direction) : undefined;
        media.extensions.push(direction ? { id, uri: match[3]!, direction } : { id, uri: match[3]! });
      }
      return true;
    }
    default:
      if (!DIRECTIONS.includes(name)) return false;
      media.direction = name as Direction;
      return true;
  }
}

function parseSsrc(text: string | undefined): number | undefined {
  if (!text || !/^\d{1,10}$/.test(text)) return undefined;
  const ssrc = Number(text);
  return ssrc <= 0xffffffff ? ssrc : undefined;
}

function parsePayloadType(text: string | undefined): number | undefined {
  if (!text || !/^\d{1,3}$/.test(text)) return undefined;
  const payloadType = Number(text);
  return payloadType <= 127 ? payloadType : undefined;
}

function parseFmtp(text: string): Record<string, string> {
  const parameters: Record<string, string> = {};
  for (const part of text.split(';')) {
    const [, key, value] = /^\s*([^=\s]+)\s*(?:=\s*(.*?))?\s*$/.exec(part) ?? [];
    if (key) parameters[key.toLowerCase()] = value ?? '';
  }
  return parameters;
}

/** Gathers the attributes of one m-line, whose order is free, and puts them together at the end. */
class Reader {
  readonly #media: MediaDescription;
  readonly #own: Set<string> = new Set();
  readonly #rtpmaps = new Map<number, Pick<Format, 'name' | 'clockRate' | 'channels'>>();
  readonly #fmtps = new Map<number, Record<string, string>>();
  readonly #feedback: [payloadType: number | '*', feedback: string][] = [];

  constructor(media: MediaDescription) {
    this.#media = media;
  }

  attribute(name: string, rest: string): void {
    const media = this.#media;
    if (transportAttribute(media, name, rest)) {
      this.#own.add(DIRECTIONS.includes(name) ? 'direction' : name);
      return;
    }
    switch (name) {
      case 'mid':
        if (/^\S{1,256}$/.test(rest)) media.mid = rest;
        break;
      case 'bundle-only':
        media.bundleOnly = true;
        break;
      case 'rtcp-mux':
        media.rtcpMux = true;
        break;
      case 'rtcp-rsize':
        media.rtcpReducedSize = true;
        break;
      case 'rtcp-mux-only':
        media.rtcpMuxOnly = true;
        break;
      case 'rtpmap': {
        const match = /^(\d{1,3}) ([^\s/]{1,64})\/(\d{1,9})(?:\/(\d{1,3}))?\s*$/.exec(rest);
        const payloadType = parsePayloadType(match?.[1]);
        if (!match || payloadType === undefined || Number(match[3]) === 0) break;
        const channels = match[4] === undefined ? undefined : Number(match[4]);
        this.#rtpmaps.set(payloadType, { name: match[2]!, clockRate: Number(match[3]), ...(channels ? { channels } : {}) });
        break;
      }
      case 'fmtp': {
        const space = rest.indexOf(' ');
        const payloadType = parsePayloadType(rest.slice(0, Math.max(space, 0)));
        if (payloadType !== undefined) this.#fmtps.set(payloadType, parseFmtp(rest.slice(space + 1)));
        break;
      }
      case 'rtcp-fb': {
        const match = /^(\*|\d{1,3}) (\S.{0,255})$/.exec(rest);
        const payloadType = match?.[1] === '*' ? '*' : parsePayloadType(match?.[1]);
        if (match && payloadType !== undefined && this.#feedback.length < 2048) this.#feedback.push([payloadType, match[2]!]);
        break;
      }
      case 'msid': {
        const [stream, track] = rest.split(/\s+/);
        if (stream) media.msid = { stream, track: track ?? '' };
        break;
      }
      case 'ssrc':
        this.#source(rest);
        break;
      case 'ssrc-group': {
        const [semantics, ...numbers] = rest.split(/\s+/);
        const ssrcs = numbers.map(parseSsrc);
        if (semantics && ssrcs.length > 0 && ssrcs.every((n) => n !== undefined) && media.sourceGroups.length < MAX_SOURCES) {
          media.sourceGroups.push({ semantics, ssrcs });
        }
        break;
      }
      case 'rid': {
        const rid = parseRid(rest);
        if (rid && media.rids.length < MAX_SOURCES) media.rids.push(rid);
        break;
      }
      case 'simulcast':
        media.simulcast = parseSimulcast(rest);
        break;
      case 'candidate':
        if (media.candidates.length < MAX_CANDIDATES) media.candidates.push(`candidate:${rest}`);
        break;
      case 'end-of-candidates':
        media.endOfCandidates = true;
        break;
      case 'sctp-port':
        if (/^\d{1,5}$/.test(rest)) media.sctpPort = Number(rest);
        break;
      case 'sctpmap':
        media.sctpPort ??= Number.parseInt(rest, 10) || undefined;
        break;
      case 'max-message-size':
        if (/^\d{1,15}$/.test(rest)) media.maxMessageSize = Number(rest);
        break;
    }
  }

  #source(rest: string): void {
    const space = rest.indexOf(' ');
    const ssrc = parseSsrc(space < 0 ? rest : rest.slice(0, space));
    if (ssrc === undefined) return;
    const { sources } = this.#media;
    let source = sources.find((s) => s.ssrc === ssrc);
    if (!source) {
      if (sources.length === MAX_SOURCES) return;
      sources.push((source = { ssrc }));
    }
    if (space < 0) return;
    const attribute = rest.slice(space + 1);
    if (attribute.startsWith('cname:')) source.cname = attribute.slice('cname:'.length);
    else if (attribute.startsWith('msid:')) {
      const [stream, track] = attribute.slice('msid:'.length).split(/\s+/);
      if (stream) source.msid = { stream, track: track ?? '' };
    }
  }

  finish(defaults: Defaults): MediaDescription {
    const media = this.#media;
    const own = this.#own;
    if (!own.has('setup')) media.setup = defaults.setup;
    if (!own.has('ice-ufrag')) media.usernameFragment = defaults.usernameFragment;
    if (!own.has('ice-pwd')) media.password = defaults.password;
    if (!own.has('fingerprint')) media.fingerprints = [...defaults.fingerprints];
    if (!own.has('direction')) media.direction = defaults.direction;
    // Either may stand for all media (RFC 7273 §4.8, §5.4).
    if (defaults.clock) {
      const reference = own.has('ts-refclk') ? media.clock?.reference : defaults.clock.reference;
      const clock = own.has('mediaclk') ? media.clock?.media : defaults.clock.media;
      media.clock = { reference: reference ?? defaults.clock.reference, media: clock };
    }
    for (const extension of defaults.extensions) {
      if (!media.extensions.some((e) => e.id === extension.id)) media.extensions.push({ ...extension });
    }
    for (const text of media.formatList) {
      const payloadType = parsePayloadType(text);
      if (payloadType === undefined || media.formats.some((f) => f.payloadType === payloadType)) continue;
      const rtpmap = this.#rtpmaps.get(payloadType) ?? staticFormat(payloadType);
      if (!rtpmap) continue;
      const rtcpFeedback = this.#feedback.filter(([to]) => to === '*' || to === payloadType).map(([, feedback]) => feedback);
      media.formats.push({
        payloadType,
        ...rtpmap,
        fmtp: this.#fmtps.get(payloadType) ?? {},
        rtcpFeedback: [...new Set(rtcpFeedback)],
      });
    }
    return media;
  }
}

function staticFormat(payloadType: number): Pick<Format, 'name' | 'clockRate' | 'channels'> | undefined {
  const known = STATIC_FORMATS.get(payloadType);
  if (!known) return undefined;
  const [name, clockRate, channels] = known;
  return { name, clockRate, ...(channels === undefined ? {} : { channels }) };
}

function checkMids(session: SessionDescription): void {
  const seen = new Set<string>();
  for (const { mid } of session.media) {
    if (mid === undefined) continue;
    if (seen.has(mid)) throw invalid(`gives two m-lines the mid "${mid.slice(0, 32)}"`);
    seen.add(mid);
  }
}
