/** The sink's web server with figures out of a script: what the page shows is what the test says. */
import { WebServer } from '../../../packages/tswebrtc/src/webrtcsink/web-server.ts';

export type Fields = Readonly<Record<string, unknown>>;

export class ScriptedSink {
  sessions: Fields[] = [];
  encodings: Fields[] = [];
  /** How often it was asked for its figures. */
  asked = 0;
  readonly #directory: string;
  readonly #config: () => object;
  #server: WebServer | undefined;
  #port = 0;

  constructor(directory: string, config: () => object) {
    this.#directory = directory;
    this.#config = config;
  }

  /** On the same port as before. */
  async start(): Promise<void> {
    this.#server = await WebServer.listen({
      hostAddr: `http://127.0.0.1:${this.#port}`,
      directory: this.#directory,
      config: this.#config,
      stats: async () => {
        this.asked++;
        return { sessions: this.sessions, encodings: this.encodings };
      },
    });
    this.#port = this.#server.port;
  }

  async stop(): Promise<void> {
    await this.#server?.close();
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/`;
  }

  /** Changes one session's figures. */
  change(sessionId: string, fields: Fields): void {
    this.sessions = this.sessions.map((session) => (session.sessionId === sessionId ? { ...session, ...fields } : session));
  }
}

/** A session with nothing remarkable about it. */
export function session(sessionId: string, fields: Fields = {}): Fields {
  return {
    sessionId,
    peerId: `${sessionId}-peer`,
    codec: 'VP8',
    state: 'connected',
    targetBitrate: 2_300_000,
    sentBitrate: 2_010_000,
    packetLoss: 0,
    roundTripTime: 0.024,
    encodingId: 'high',
    encodingBitrate: 2_000_000,
    sharedWith: [],
    encodingReason: 'alone',
    networkState: 'normal',
    fecPercentage: 0,
    mitigationMode: 'none',
    retransmittedPackets: 0,
    framesSkipped: 0,
    width: 1280,
    height: 720,
    framerate: 30,
    ...fields,
  };
}

export function encoding(id: string, bitrate: number, fields: Fields = {}): Fields {
  return { id, track: 'video_0', codec: 'VP8', bitrate, width: 1280, height: 720, framerate: 30, sessions: [], ...fields };
}
