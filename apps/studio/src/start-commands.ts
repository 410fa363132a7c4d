/** The commands that bring a stream to this page, or take one from it. */

/** Text that a shell takes as one plain word: an address may come from a link somebody else made. */
const PLAIN = /^[\w.:/[\]-]+$/;

/** What to type, for a signalling server at `url`. */
export function startCommands(url: string): { readonly title: string; readonly command: string }[] {
  const uri = plainUri(url);
  return [
    { title: 'A test picture and tone', command: `npx tswebrtc sink testsrc tone --meta name=hello --signaller-uri ${uri}` },
    { title: 'A film', command: `npx tswebrtc sink film.mp4 --loop --meta name=film --signaller-uri ${uri}` },
    { title: 'From GStreamer', command: `gst-launch-1.0 videotestsrc ! webrtcsink signaller::uri=${uri}` },
  ];
}

/** What to type to record the producer with this id. */
export function recordCommand(url: string, producerId: string): string {
  const uri = plainUri(url).replace(/^ws/, 'gstwebrtc');
  return `npx tswebrtc src "${uri}?peer-id=${encodeURIComponent(producerId)}" --record out.mkv`;
}

function plainUri(url: string): string {
  const { protocol, host, href } = new URL(url);
  const plain = href.replace(/\/$/, '');
  return PLAIN.test(plain) ? plain : `${protocol}//${host}`;
}
