/** The pictures of one producer: a `<video>` for each video track, the first of them (or one without picture) with the sound. */
import { element } from './dom.ts';

export class Screens {
  readonly element = element('div', { class: 'screens' });
  /** Told when a picture is shown for the first time since `clear()`. */
  onFirstFrame: () => void = () => {};
  /** Told when there is sound or none any longer. */
  onSound: (present: boolean) => void = () => {};
  readonly #videos: HTMLVideoElement[] = [];
  #muted = true;
  #volume = 1;
  #shown = false;

  /** The picture that the viewer can control. */
  get first(): HTMLVideoElement | null {
    return this.#videos[0] ?? null;
  }

  get muted(): boolean {
    return this.#muted;
  }

  /** Turns the sound on or off; where the browser forbids sound, playing goes on without. */
  setMuted(muted: boolean): void {
    this.#muted = muted;
    const [first] = this.#videos;
    if (!first) return;
    first.muted = muted;
    this.#start(first);
  }

  /** From 0 to 1. */
  setVolume(volume: number): void {
    this.#volume = volume;
    const [first] = this.#videos;
    if (first) first.volume = volume;
  }

  /** Shows these tracks; what is shown already plays on. */
  show(streams: readonly MediaStream[]): void {
    const tracks = streams.flatMap((stream) => stream.getTracks()).filter((track) => track.readyState === 'live');
    const pictures = tracks.filter((track) => track.kind === 'video');
    const sounds = tracks.filter((track) => track.kind === 'audio');
    const count = tracks.length === 0 ? 0 : Math.max(pictures.length, 1);
    while (this.#videos.length > count) this.#drop();
    while (this.#videos.length < count) this.#add();
    this.#videos.forEach((video, i) => {
      fill(video.srcObject as MediaStream, [...pictures.slice(i, i + 1), ...(i === 0 ? sounds : [])]);
    });
    this.element.classList.toggle('is-sound-only', count > 0 && pictures.length === 0);
    this.element.dataset.count = String(count);
    this.onSound(sounds.length > 0);
  }

  clear(): void {
    while (this.#videos.length > 0) this.#drop();
    this.element.classList.remove('is-sound-only');
    this.#shown = false;
  }

  #add(): void {
    const video = element('video', { attributes: { playsinline: '', autoplay: '', 'data-testid': 'player-video' } });
    video.muted = this.#videos.length > 0 || this.#muted;
    video.volume = this.#volume;
    video.srcObject = new MediaStream();
    video.addEventListener('loadeddata', () => this.#watch(video), { once: true });
    this.#videos.push(video);
    this.element.append(video);
    this.#start(video);
  }

  #drop(): void {
    const video = this.#videos.pop();
    if (!video) return;
    video.srcObject = null;
    video.remove();
  }

  /** The first frame counts when it is presented, where the browser tells, else when it is decoded. */
  #watch(video: HTMLVideoElement): void {
    const shown = (): void => {
      if (this.#shown || !this.#videos.includes(video)) return;
      this.#shown = true;
      this.onFirstFrame();
    };
    if (video.videoWidth > 0 && 'requestVideoFrameCallback' in video) video.requestVideoFrameCallback(shown);
    else shown();
  }

  #start(video: HTMLVideoElement): void {
    video.play().catch((error: unknown) => {
      if (!(error instanceof DOMException) || error.name !== 'NotAllowedError' || video.muted) return;
      this.#muted = true;
      video.muted = true;
      this.onSound(true);
      video.play().catch(() => {});
    });
  }
}

function fill(stream: MediaStream, tracks: readonly MediaStreamTrack[]): void {
  for (const track of stream.getTracks()) if (!tracks.includes(track)) stream.removeTrack(track);
  for (const track of tracks) if (!stream.getTracks().includes(track)) stream.addTrack(track);
}
