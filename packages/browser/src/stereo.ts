/**
 * Chromium plays Opus in mono unless the answer itself says `stereo=1` (RFC 7587 §6.1), which it does not write even when
 * the offer announces a stereo sender with `sprop-stereo`. This adds the flag (reference §6.5, `mungeStereoHack`).
 */
export function withStereo(offer: string, answer: string): string {
  const stereoTypes = new Set<string>();
  for (const { payloadType, parameters } of formatParameters(offer)) {
    if (parameters.some((parameter) => /^sprop-stereo=1$/i.test(parameter))) stereoTypes.add(payloadType);
  }
  if (stereoTypes.size === 0) return answer;
  return answer.replace(/^a=fmtp:(\d+) ([^\r\n]*)/gm, (line, payloadType: string, value: string) => {
    const named = value.split(';').some((parameter) => /^\s*stereo=/i.test(parameter));
    return stereoTypes.has(payloadType) && !named ? `${line};stereo=1` : line;
  });
}

function* formatParameters(sdp: string): Generator<{ payloadType: string; parameters: string[] }> {
  for (const match of sdp.matchAll(/^a=fmtp:(\d+) ([^\r\n]*)/gm)) {
    yield { payloadType: match[1] ?? '', parameters: (match[2] ?? '').split(';').map((parameter) => parameter.trim()) };
  }
}
