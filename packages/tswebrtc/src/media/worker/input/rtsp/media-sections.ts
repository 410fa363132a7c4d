/** The media of an RTSP server, from its session description (RFC 2326 appendix C, RFC 8866). */

export interface MediaSection {
  readonly kind: 'video' | 'audio';
  /** Absolute URI for SETUP. */
  readonly control: string;
  readonly payloadType: number;
  /** Encoding name of the rtpmap, upper case. */
  readonly codec: string;
  /** Hz. */
  readonly clockRate: number;
  readonly channels: number;
  /** Parameters of the format, by name in lower case. */
  readonly fmtp: Readonly<Record<string, string>>;
  /** Frames per second; 0 when it does not say. */
  readonly framerate: number;
  /** Pixels, where it tells. */
  readonly size?: { readonly width: number; readonly height: number };
}

export interface RtspDescription {
  /** URI for PLAY. */
  readonly control: string;
  readonly media: readonly MediaSection[];
}

/** Payload types that need no rtpmap (RFC 3551 §6). */
const STATIC: Readonly<Record<number, string>> = {
  0: 'PCMU/8000',
  8: 'PCMA/8000',
  9: 'G722/8000',
  10: 'L16/44100/2',
  11: 'L16/44100/1',
  14: 'MPA/90000',
  26: 'JPEG/90000',
  32: 'MPV/90000',
};

export function parseDescription(sdp: string, base: string): RtspDescription {
  const [session = '', ...sections] = sdp.split(/^(?=m=)/m);
  const control = resolveControl(base, attribute(session, 'control'));
  const media = sections.flatMap((text): MediaSection[] => {
    const [, kind, format] = /^m=(video|audio) \d+(?:\/\d+)? \S+ (\d+)/.exec(text) ?? [];
    if (!kind || format === undefined) return [];
    const payloadType = Number(format);
    const map = new RegExp(`^a=rtpmap:${format} ([^\\s/]+)/(\\d+)(?:/(\\d+))?`, 'm').exec(text);
    const known = STATIC[payloadType]?.split('/');
    const [codec, rate, channels] = map ? map.slice(1) : (known ?? []);
    if (!codec) return [];
    const fmtp = new RegExp(`^a=fmtp:${format} (.*?)\\r?$`, 'm').exec(text)?.[1] ?? '';
    return [
      {
        kind: kind as 'video' | 'audio',
        control: resolveControl(control, attribute(text, 'control')),
        payloadType,
        codec: codec.toUpperCase(),
        clockRate: Number(rate),
        channels: Number(channels ?? 1),
        fmtp: parseFmtp(fmtp),
        framerate: Number(attribute(text, 'framerate') ?? 0) || 0,
        ...sizeOf(text, format),
      },
    ];
  });
  return { control, media };
}

function attribute(text: string, name: string): string | undefined {
  return new RegExp(`^a=${name}:[ ]*(.*?)[ ]*\\r?$`, 'm').exec(text)?.[1];
}

/** As cameras say it that have larger pictures than JPEG in RTP can tell, and as 3GPP TS 26.234 §5.3.3.2 does. */
function sizeOf(text: string, format: string): Pick<MediaSection, 'size'> {
  const said = attribute(text, 'x-dimensions') ?? new RegExp(`^a=framesize:${format} (.*)`, 'm').exec(text)?.[1] ?? '';
  const [, width, height] = /^(\d+)[^\d]+(\d+)/.exec(said) ?? [];
  return width ? { size: { width: Number(width), height: Number(height) } } : {};
}

/** Not as URLs are resolved elsewhere: what is relative is put behind, whatever the base ends in, and so do all servers and players. */
function resolveControl(base: string, control: string | undefined): string {
  if (control === undefined || control === '' || control === '*') return base;
  if (/^rtsps?:\/\//i.test(control)) return control;
  return base.endsWith('/') || control.startsWith('/')
    ? `${base.replace(/\/$/, '')}/${control.replace(/^\//, '')}`
    : `${base}/${control}`;
}

function parseFmtp(text: string): Record<string, string> {
  return Object.fromEntries(
    text.split(';').flatMap((part) => {
      const equals = part.indexOf('=');
      return equals < 0 ? [] : [[part.slice(0, equals).trim().toLowerCase(), part.slice(equals + 1).trim()]];
    }),
  );
}
