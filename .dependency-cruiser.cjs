/**
 * Imports run downwards only (docs/architecture.md):
 *   cli, launch -> webrtcsink, webrtcsrc -> properties, signalling, connection, media -> sdp, congestion, rtp
 * `protocol` is under everything and knows nothing.
 */
const src = (names) => `^packages/tswebrtc/src/(${names})/`;

const layer = (name, from, forbidden, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: src(from), pathNot: '\\.test(ing)?\\.ts$' },
  to: { path: src(forbidden) },
});

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } } },
    layer(
      'core-below-all',
      'rtp|congestion|sdp',
      'connection|media|signalling|properties|webrtcsink|webrtcsrc|launch|cli',
      'the sans-IO core knows nobody above it',
    ),
    layer('congestion-knows-no-bytes', 'congestion', 'rtp|sdp', 'congestion control knows neither bytes nor descriptions'),
    layer(
      'middle-below-elements',
      'connection|media|signalling',
      'properties|webrtcsink|webrtcsrc|launch|cli',
      'connection, media and signalling serve the elements',
    ),
    layer('media-knows-no-network', 'media', 'connection|signalling|sdp|congestion', 'the engine knows no network'),
    layer(
      'connection-knows-no-codec-library',
      'connection',
      'media|signalling',
      'a connection knows neither codecs nor signalling',
    ),
    layer('signalling-alone', 'signalling', 'media|connection', 'a signaller carries descriptions, nothing else'),
    layer('properties-below-elements', 'properties', 'webrtcsink|webrtcsrc|launch|cli', 'kinds of properties know no element'),
    layer('elements-below-cli', 'webrtcsink|webrtcsrc', 'launch|cli', 'commands use elements, not the reverse'),
    {
      name: 'sans-io-core',
      comment: 'rtp, congestion and sdp read no clock, open no socket, start no thread',
      severity: 'error',
      from: { path: src('rtp|congestion|sdp'), pathNot: '\\.test(ing)?\\.ts$' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'node-av-only-in-media',
      severity: 'error',
      from: { path: '^packages/', pathNot: '^packages/tswebrtc/src/(media/|rtp/.*\\.test(ing)?\\.ts)' },
      to: { path: 'node-av' },
    },
    {
      name: 'werift-only-in-connection',
      severity: 'error',
      from: { path: '^packages/', pathNot: src('connection') },
      to: { path: 'werift' },
    },
    {
      name: 'protocol-knows-nothing',
      severity: 'error',
      from: { path: '^packages/protocol/src', pathNot: '\\.test(ing)?\\.ts$' },
      to: { path: '^packages/(?!protocol)' },
    },
    {
      name: 'packages-below-tswebrtc',
      severity: 'error',
      from: { path: '^packages/(browser|signalling-server)/' },
      to: { path: '^packages/tswebrtc/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|web)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.tests.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types', 'default'] },
  },
};
