// Watches producers with the published gstwebrtc-api, as the tests and benchmarks ask over `window.player`.
/* global GstWebRTCAPI */

const sessions = new Map();
let api;

/** Connects to the signalling server; resolves with our id. */
function connect(signalingServerUrl) {
  api = new GstWebRTCAPI({
    meta: { name: 'test page' },
    signalingServerUrl,
    webrtcConfig: { iceServers: [], bundlePolicy: 'max-bundle' },
  });
  return new Promise((resolve) => {
    api.registerConnectionListener({ connected: resolve, disconnected: () => {} });
  });
}

/** Resolves with the ids and metas of the producers, once there is one. */
function producers() {
  return new Promise((resolve) => {
    const known = api.getAvailableProducers();
    if (known.length > 0) return resolve(known);
    api.registerPeerListener({ producerAdded: () => resolve(api.getAvailableProducers()), producerRemoved: () => {} });
  });
}

/** Reads the RTP timestamp of every encoded frame before it is decoded. */
const FRAME_READER = `
const timestamps = {};
onrtctransform = ({ transformer: { readable, writable, options } }) => {
  const seen = (timestamps[options.mid] = []);
  const transform = (frame, controller) => {
    seen.push(frame.getMetadata().rtpTimestamp);
    controller.enqueue(frame);
  };
  readable.pipeThrough(new TransformStream({ transform })).pipeTo(writable);
};
onmessage = () => postMessage(timestamps);
`;

/** Counts what comes on each m-line from the first frame on. */
function readFrames(session, entry) {
  entry.reader = new Worker(URL.createObjectURL(new Blob([FRAME_READER], { type: 'text/javascript' })));
  session.addEventListener('rtcPeerConnectionChanged', () => {
    session.rtcPeerConnection?.addEventListener('track', ({ receiver, transceiver, track, streams }) => {
      const { mid } = transceiver;
      receiver.transform = new RTCRtpScriptTransform(entry.reader, { mid });
      const event = { mid, kind: track.kind, streams: streams.map(({ id }) => id), ended: false };
      entry.tracks.push(event);
      streams[0]?.addEventListener('removetrack', (removal) => {
        if (removal.track === track) event.ended = true;
      });
    });
  });
}

/** The RTP timestamps of all frames so far, by m-line. */
function frameTimes(key = 'first') {
  const { reader } = entryOf(key);
  return new Promise((resolve) => {
    reader.onmessage = ({ data }) => resolve(data);
    reader.postMessage('report');
  });
}

/** The tracks that came, and which of them are gone. */
const tracks = (key = 'first') => entryOf(key).tracks;

/** What getStats says of each m-line that receives. */
async function inbound(key = 'first') {
  const report = await entryOf(key).session.rtcPeerConnection.getStats();
  return Object.fromEntries(
    [...report.values()].filter(({ type }) => type === 'inbound-rtp').map((stats) => [stats.mid, { ...stats }]),
  );
}

/** Plays a producer; resolves at the first presented frame with the time that took, ms. `frames`: reads them, too. */
async function watch(producerId, key = 'first', { frames = false } = {}) {
  const start = performance.now();
  const session = api.createConsumerSession(producerId);
  const video = document.createElement('video');
  video.autoplay = true;
  video.playsInline = true;
  video.muted = true;
  document.body.append(video);
  const entry = { session, video, errors: [], tracks: [] };
  sessions.set(key, entry);
  if (frames) readFrames(session, entry);
  session.mungeStereoHack = true;
  session.addEventListener('error', (event) => entry.errors.push(event.message));
  session.addEventListener('closed', () => {
    entry.closed = true;
  });
  session.addEventListener('streamsChanged', () => {
    if (session.streams.length > 0 && video.srcObject !== session.streams[0]) {
      video.srcObject = session.streams[0];
      video.play().catch(() => {});
    }
  });
  const first = new Promise((resolve) => video.requestVideoFrameCallback((now) => resolve(now - start)));
  if (!session.connect()) throw new Error('the session could not connect');
  return { ttff: await first, width: video.videoWidth, height: video.videoHeight };
}

function entryOf(key) {
  const entry = sessions.get(key);
  if (!entry) throw new Error(`no session ${key}`);
  return entry;
}

/** What getStats says of a session, in short. */
async function figures(key = 'first') {
  const { session, errors, closed } = entryOf(key);
  const result = { errors, closed: closed === true };
  const pc = session.rtcPeerConnection;
  if (!pc) return result;
  const report = await pc.getStats();
  for (const stats of report.values()) {
    if (stats.type === 'inbound-rtp') {
      const codec = report.get(stats.codecId);
      result[stats.kind] = {
        timestamp: stats.timestamp,
        codec: codec?.mimeType,
        fmtp: codec?.sdpFmtpLine,
        packetsReceived: stats.packetsReceived,
        packetsLost: stats.packetsLost,
        bytesReceived: stats.bytesReceived,
        framesReceived: stats.framesReceived,
        framesDecoded: stats.framesDecoded,
        framesDropped: stats.framesDropped,
        keyFramesDecoded: stats.keyFramesDecoded,
        freezeCount: stats.freezeCount,
        totalFreezesDuration: stats.totalFreezesDuration,
        nackCount: stats.nackCount,
        pliCount: stats.pliCount,
        retransmittedPacketsReceived: stats.retransmittedPacketsReceived,
        estimatedPlayoutTimestamp: stats.estimatedPlayoutTimestamp,
        jitterBufferDelay: stats.jitterBufferDelay,
        jitterBufferEmittedCount: stats.jitterBufferEmittedCount,
        totalAudioEnergy: stats.totalAudioEnergy,
        totalSamplesDuration: stats.totalSamplesDuration,
        concealedSamples: stats.concealedSamples,
        totalSamplesReceived: stats.totalSamplesReceived,
        decoder: stats.decoderImplementation,
      };
    } else if (stats.type === 'candidate-pair' && stats.nominated) {
      result.roundTripTime = stats.currentRoundTripTime;
    }
  }
  return result;
}

/** Listens for `duration` ms; resolves with the loudest level (RMS, 0..1) of each channel and the strongest frequency, Hz. */
async function listen(duration, key = 'first') {
  const { video } = entryOf(key);
  const context = new AudioContext();
  await context.resume();
  const source = context.createMediaStreamSource(new MediaStream(video.srcObject.getAudioTracks()));
  const splitter = context.createChannelSplitter(2);
  source.connect(splitter);
  const analysers = [0, 1].map((channel) => {
    const analyser = context.createAnalyser();
    analyser.fftSize = 8192;
    splitter.connect(analyser, channel);
    return analyser;
  });
  const levels = [0, 0];
  const samples = new Float32Array(8192);
  const spectrum = new Float32Array(4096);
  let frequency = 0;
  const end = performance.now() + duration;
  while (performance.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    analysers.forEach((analyser, channel) => {
      analyser.getFloatTimeDomainData(samples);
      levels[channel] = Math.max(levels[channel], Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length));
    });
    analysers[0].getFloatFrequencyData(spectrum);
    const peak = spectrum.indexOf(Math.max(...spectrum));
    frequency = (peak * context.sampleRate) / 8192;
  }
  await context.close();
  return { levels, frequency };
}

/**
 * Reads the clock in the picture at every presented frame for `duration` ms; resolves with what was read:
 * `[capture, presented]`, both ms since the epoch; `capture` null where the check byte was wrong.
 */
async function readClock(duration, key = 'first') {
  const { video } = entryOf(key);
  const canvas = document.createElement('canvas');
  canvas.width = 48 * 16;
  canvas.height = 16;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const samples = [];
  const end = performance.now() + duration;
  await new Promise((resolve) => {
    const onFrame = (now) => {
      context.drawImage(video, 0, 0, 768, 16, 0, 0, 768, 16);
      const pixels = context.getImageData(0, 0, 768, 16).data;
      let time = 0;
      let check = 0;
      const bytes = [0, 0, 0, 0, 0];
      for (let bit = 0; bit < 48; bit++) {
        const on = pixels[(8 * 768 + bit * 16 + 8) * 4 + 1] > 127 ? 1 : 0;
        if (bit < 40) {
          time = time * 2 + on;
          bytes[bit >> 3] = bytes[bit >> 3] * 2 + on;
        } else check = check * 2 + on;
      }
      const right = bytes.reduce((a, b) => a ^ b, 0) === check;
      samples.push([right ? time : null, performance.timeOrigin + now]);
      if (performance.now() < end) video.requestVideoFrameCallback(onFrame);
      else resolve();
    };
    video.requestVideoFrameCallback(onFrame);
  });
  return samples;
}

/**
 * Compares flashes in the picture with beeps in the sound for `duration` ms: resolves with the times, ms on one clock, at
 * which each began. A flash counts from when its frame is shown; a beep from when the browser takes it from the jitter
 * buffer to play it. The sound is read from the track, because Web Audio would put a queue of its own before it.
 */
async function flashesAndBeeps(duration, key = 'first') {
  const { video } = entryOf(key);
  const beeps = [];
  const flashes = [];
  const end = performance.now() + duration;

  const reader = new MediaStreamTrackProcessor({ track: video.srcObject.getAudioTracks()[0] }).readable.getReader();
  const listening = (async () => {
    let quiet = 0;
    while (performance.now() < end) {
      const { value: data, done } = await reader.read();
      if (done) break;
      const now = performance.now();
      const samples = new Float32Array(data.numberOfFrames);
      data.copyTo(samples, { planeIndex: 0, format: 'f32-planar' });
      for (let i = 0; i < samples.length; i++) {
        if (Math.abs(samples[i]) > 0.05) {
          if (quiet > data.sampleRate / 5) beeps.push(now + (1000 * i) / data.sampleRate);
          quiet = 0;
        } else quiet++;
      }
      data.close();
    }
    await reader.cancel();
  })();

  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 8;
  const picture = canvas.getContext('2d', { willReadFrequently: true });
  let bright = true;
  await new Promise((resolve) => {
    const onFrame = (_now, metadata) => {
      picture.drawImage(video, 0, 0, 8, 8);
      const pixels = picture.getImageData(0, 0, 8, 8).data;
      let sum = 0;
      for (let i = 0; i < pixels.length; i += 4) sum += pixels[i + 1];
      const now = sum / 64 > 128;
      if (now && !bright) flashes.push(metadata.expectedDisplayTime);
      bright = now;
      if (performance.now() < end) video.requestVideoFrameCallback(onFrame);
      else resolve();
    };
    video.requestVideoFrameCallback(onFrame);
  });
  await listening;
  return { flashes, beeps };
}

/**
 * Watches for `duration` ms how evenly frames come: resolves with the longest time between two that were presented, ms, and how
 * many there were.
 */
async function watchGaps(duration, key = 'first') {
  const { video } = entryOf(key);
  const end = performance.now() + duration;
  let last = performance.now();
  let longest = 0;
  let frames = 0;
  await new Promise((resolve) => {
    const note = (now) => {
      longest = Math.max(longest, now - last);
      last = now;
    };
    const onFrame = () => {
      frames++;
      note(performance.now());
      if (performance.now() < end) video.requestVideoFrameCallback(onFrame);
    };
    video.requestVideoFrameCallback(onFrame);
    setTimeout(() => {
      note(performance.now());
      resolve();
    }, duration);
  });
  return { longest, frames };
}

/** Where media come from and go to: the pair in use, and the credentials of the producer. */
async function path(key = 'first') {
  const { session } = entryOf(key);
  const report = await session.rtcPeerConnection.getStats();
  const transport = [...report.values()].find(({ type }) => type === 'transport');
  const pair = report.get(transport.selectedCandidatePairId);
  const end = ({ address, port, protocol, candidateType }) => ({ address, port, protocol, candidateType });
  return {
    changes: transport.selectedCandidatePairChanges,
    state: session.rtcPeerConnection.connectionState,
    local: end(report.get(pair.localCandidateId)),
    remote: end(report.get(pair.remoteCandidateId)),
    producer: /a=ice-ufrag:(\S+)/.exec(session.rtcPeerConnection.currentRemoteDescription.sdp)[1],
  };
}

/** Plays every stream beside the first in an element of its own. */
function playAll(key = 'first') {
  for (const stream of entryOf(key).session.streams.slice(1)) {
    const element = document.createElement('video');
    element.srcObject = stream;
    element.autoplay = true;
    document.body.append(element);
  }
}

/** Unmutes the element: only then does the browser hold picture and sound together. */
async function unmute(key = 'first') {
  const { video } = entryOf(key);
  video.muted = false;
  await video.play();
}

function stop(key = 'first') {
  const { session, video } = entryOf(key);
  session.close();
  entryOf(key).reader?.terminate();
  video.remove();
  sessions.delete(key);
}

// A browser without a driver says in the address what to watch.
const parameters = new URLSearchParams(location.search);
if (parameters.has('watch')) connect(parameters.get('signalling')).then(() => watch(parameters.get('watch')));

/** Answers what comes on data channels that the producer opens from now on. */
function echo(key = 'first') {
  const { session } = entryOf(key);
  session.rtcPeerConnection.addEventListener('datachannel', ({ channel }) => {
    channel.addEventListener('message', ({ data }) => channel.send(`echo ${data}`));
  });
}

window.player = {
  connect,
  producers,
  watch,
  frameTimes,
  tracks,
  inbound,
  figures,
  listen,
  readClock,
  flashesAndBeeps,
  watchGaps,
  path,
  echo,
  playAll,
  unmute,
  stop,
};
