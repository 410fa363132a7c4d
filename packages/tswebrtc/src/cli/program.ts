/** The grammar of the command line. What is typed becomes a command to run; what cannot be becomes a `UsageError`. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError, Option } from 'commander';
import { elements } from '../launch/elements.ts';
import { closest } from '../properties/closest.ts';
import { parsePropertyText, property } from '../properties/property-schema.ts';
import { decimal, text, type uint } from '../properties/property-types.ts';
import { validateOptions, type WebRTCSinkOptions } from '../webrtcsink/options.ts';
import { namedProperties } from '../webrtcsink/properties.ts';
import { namedSrcProperties, validateSrcOptions, type WebRTCSrcOptions } from '../webrtcsrc/properties.ts';
import { rewriteBooleanFlags } from './boolean-flags.ts';
import { asUsage, sentence, UsageError } from './exit.ts';
import { checkLoop, parseInput } from './input.ts';
import type { PlayCommand } from './play.ts';
import { addPropertyOptions, addSwitch, readPropertyOptions } from './property-options.ts';
import type { SinkCommand } from './sink.ts';
import type { ListCommand, SrcCommand } from './src.ts';
import { type EventToSend, parseCustomEvent, parseNavigation } from './src-events.ts';
import { checkOutputs, STDOUT_FORMATS } from './src-outputs.ts';

export type Parsed =
  | ({ readonly command: 'sink'; readonly json: boolean } & SinkCommand)
  | ({ readonly command: 'src'; readonly json: boolean } & SrcCommand)
  | ({ readonly command: 'list'; readonly json: boolean } & ListCommand)
  | ({ readonly command: 'play'; readonly json: boolean } & PlayCommand)
  /** The command of another package, with what was typed behind it. */
  | { readonly command: 'signalling-server'; readonly args: readonly string[] }
  | { readonly command: 'inspect'; readonly json: boolean; readonly element: string | undefined; readonly version: string }
  /** Help or version: said already. */
  | { readonly command: 'none' };

const inputHelp = `
INPUT is a file, or one of
  testsrc[:pattern=smpte|ball,width=1280,height=720,framerate=30,clock]   a test picture; clock draws the capture time into it
  tone[:frequency=440,volume=0.2,channels=2]                             a test tone
  rtsp://… http://… srt://… rtmp://… udp://…[#transport=udp,timeout=5]   a stream (also rtsps, https; HLS; .mp4, .mkv, MJPEG)
  v4l2:/dev/video0 alsa:default x11grab::0[,width=1280,height=720]       a device (also avfoundation, dshow)
  -, pipe:[path=FIFO,]format=rawvideo,width=1280,height=720              what another program writes
Without any it is "testsrc tone".

Switches take --x, --no-x and --x=false.

Examples
  tswebrtc sink --run-signalling-server --run-web-server     stream a test picture to http://127.0.0.1:8080
  tswebrtc sink film.mp4 --loop --meta name=film             stream a file by the signalling server on ws://127.0.0.1:8443

Environment
  TSWEBRTC_LOG   log levels (silent, error, warn, info, debug, trace), by subsystem: congestion:trace,info
`;

const srcHelp = `
URI is gstwebrtc://HOST:PORT?peer-id=ID, gstwebrtcs:// for TLS; without an id the first producer there is will do, and one is
waited for. Without an output it receives and shows the figures.

Examples
  tswebrtc src --list                                                      say which producers there are
  tswebrtc src gstwebrtc://127.0.0.1:8443?peer-id=ID --record out.mp4 --duration 20
  tswebrtc src --snapshot picture.png                                      one picture of the first producer
  tswebrtc src --send-navigation '{"event":"KeyPress","key":"a"}'           press a key at the producer
  tswebrtc src --stdout | ffplay -                                         Matroska into a pipe
  tswebrtc src --stdout --format y4m | ffmpeg -i - out.gif                 raw pictures

Environment
  TSWEBRTC_LOG   log levels (silent, error, warn, info, debug, trace), by subsystem: connection:trace,info
`;

/** Reads the arguments behind the command's name. Help goes to `write`. */
export function parseCommandLine(args: readonly string[], write: (text: string) => void): Parsed {
  if (args[0] === 'signalling-server') return { command: 'signalling-server', args: args.slice(1) };
  if (args[0] === 'help' && args[1] === 'signalling-server') return { command: 'signalling-server', args: ['--help'] };
  let parsed: Parsed = { command: 'none' };
  let complaint = '';
  const program = new Command('tswebrtc')
    .description("WebRTC producer and consumer, wire-compatible with GStreamer's webrtcsink and webrtcsrc")
    .version(version(), '-V, --version')
    .exitOverride()
    .configureOutput({ writeOut: write, writeErr: (words) => (complaint += words) })
    .configureHelp({ helpWidth: Math.min(process.stdout.columns ?? 110, 130) });

  const sink = program
    .command('sink')
    .description('stream inputs to everybody who asks for them')
    .argument('[INPUT...]', 'what to stream: files, URLs, devices, pipes, testsrc, tone')
    .addOption(
      numberOption('--stats-interval <s>', 'Report figures of every session at this interval.', decimal(0.1, 86_400, 's')),
    );
  addSwitch(sink, 'loop', 'Start files over at their end, those at HTTP URLs, too.');
  addSwitch(sink, 'json', 'Print one JSON object a line on stdout; sentences for people go to stderr.');
  addPropertyOptions(sink, namedProperties);
  sink.addHelpText('after', inputHelp).action((inputs: string[], typed: Record<string, unknown>) => {
    const loop = typed.loop === true;
    const sources = inputs.length === 0 ? ['testsrc', 'tone'] : inputs;
    const described = sources.map((source) => parseInput(source, { loop }));
    if (loop) checkLoop(described);
    parsed = {
      command: 'sink',
      json: typed.json === true,
      inputs: described,
      options: readPropertyOptions<WebRTCSinkOptions>(typed, namedProperties, validateOptions),
      ...(typeof typed.statsInterval === 'number' ? { statsInterval: typed.statsInterval } : {}),
    };
  });

  /** Of both options, in the order in which they were typed. */
  const sends: EventToSend[] = [];
  const src = program
    .command('src')
    .description('receive a stream: record it, take pictures of it, pass it on')
    .argument('[URI]', 'signalling server and producer')
    .addOption(stringOption('--record <file>', 'Record into this file: .mp4, .webm, .mkv or .m3u8 (HLS).'))
    .addOption(numberOption('--duration <s>', 'End after so many seconds of it.', decimal(0.1, 31_536_000, 's')))
    .addOption(stringOption('--snapshot <file>', 'Save a picture: .png or .jpg.'))
    .addOption(stringOption('--format <name>', `What goes to stdout: ${STDOUT_FORMATS.join(', ')}. (default: matroska)`))
    .addOption(numberOption('--stats-interval <s>', 'Report figures at this interval.', decimal(0.1, 86_400, 's')))
    .addOption(
      eventOption(
        '--send-navigation <json>',
        'Send a mouse, keyboard or touch event; several in their order.',
        parseNavigation,
        sends,
      ),
    )
    .addOption(
      eventOption('--send-event <name=json>', 'Send an event of your own; several in their order.', parseCustomEvent, sends),
    );
  addSwitch(src, 'stdout', 'Write the stream to standard output.');
  addSwitch(src, 'list', 'Say which producers there are, and end.');
  addSwitch(src, 'reconnect', 'When the producer or the server goes away wait for it, and go on in another file.');
  addSwitch(src, 'json', 'Print one JSON object a line on stdout; sentences for people go to stderr.');
  addPropertyOptions(src, namedSrcProperties);
  src.addHelpText('after', srcHelp).action((uri: string | undefined, typed: Record<string, unknown>) => {
    const json = typed.json === true;
    const options = readSrcOptions(uri, typed);
    if (typed.list === true) parsed = { command: 'list', json, options };
    else {
      const control = sends.length > 0 && options.enableDataChannelNavigation !== true ? { enableControlDataChannel: true } : {};
      parsed = { command: 'src', json, options: { ...control, ...options }, sends, ...checkOutputs(typed, json) };
    }
  });

  const play = program
    .command('play')
    .description('show a stream in a window, by ffplay or GStreamer')
    .argument('[URI]', 'signalling server and producer')
    .addOption(stringOption('--player <name>', 'ffplay or gstreamer. (default: whichever is installed)'));
  addSwitch(play, 'json', 'Print one JSON object a line on stdout; sentences for people go to stderr.');
  addPropertyOptions(play, namedSrcProperties);
  play.action((uri: string | undefined, typed: Record<string, unknown>) => {
    const { player } = typed;
    if (player !== undefined && player !== 'ffplay' && player !== 'gstreamer') {
      throw new UsageError(`--player is "${player}", but it must be ffplay or gstreamer.`);
    }
    const options = readSrcOptions(uri, typed);
    parsed = { command: 'play', json: typed.json === true, options, ...(player ? { player } : {}) };
  });

  const inspect = program
    .command('inspect')
    .description('say what an element is: its properties, pads, signals and actions, as gst-inspect-1.0 does')
    .argument('[ELEMENT]', 'webrtcsink or webrtcsrc; none lists them');
  addSwitch(inspect, 'json', 'Print one JSON object a line on stdout.');
  inspect.action((element: string | undefined, typed: Record<string, unknown>) => {
    const names = elements.map(({ name }) => name);
    if (element !== undefined && !names.includes(element)) {
      const meant = closest(element, names);
      throw new UsageError(
        `There is no element ${element}${meant ? `; did you mean ${meant}?` : `; there are ${names.join(' and ')}.`}`,
      );
    }
    parsed = { command: 'inspect', json: typed.json === true, element, version: version() };
  });

  // Its own package knows its options; here it is for the list of commands.
  program.command('signalling-server').description('run a signalling server');

  for (const command of [sink, src, play, inspect])
    command.exitOverride().configureOutput(program.configureOutput()).copyInheritedSettings(program);
  try {
    program.parse(rewriteBooleanFlags(args, switches), { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { command: 'none' };
    throw new UsageError(usage(error, complaint, args), { cause: error });
  }
  return parsed;
}

/** The URI names the server; without a producer in it, and without a word on it, the first one will do. */
function readSrcOptions(uri: string | undefined, typed: Readonly<Record<string, unknown>>): WebRTCSrcOptions {
  if (uri !== undefined && typed.signallerUri !== undefined) {
    throw new UsageError('The URI stands there twice: as an argument and as --signaller-uri.');
  }
  const first = typed.connectToFirstProducer ?? (typed.signallerProducerPeerId === undefined ? !namesProducer(uri) : undefined);
  const all = {
    ...typed,
    ...(uri === undefined ? {} : { signallerUri: asUsage(() => parseUri(uri)) }),
    ...(first === undefined ? {} : { connectToFirstProducer: first }),
  };
  return readPropertyOptions<WebRTCSrcOptions>(all, namedSrcProperties, validateSrcOptions);
}

const namesProducer = (uri: string | undefined): boolean => uri !== undefined && /[?&]peer-id=./.test(uri);

function parseUri(uri: string): unknown {
  const { declaration } = namedSrcProperties.find(({ name }) => name === 'signaller::uri')!;
  return parsePropertyText(declaration, uri, 'The URI');
}

const switches: ReadonlySet<string> = new Set([
  'loop',
  'json',
  'stdout',
  'list',
  'reconnect',
  ...[...namedProperties, ...namedSrcProperties]
    .filter(({ declaration }) => declaration.type.placeholder === undefined)
    .map(({ name }) => name.replace('::', '-')),
]);

function numberOption(flags: string, doc: string, type: ReturnType<typeof uint>): Option {
  return checkedOption(flags, doc, (source, name) =>
    parsePropertyText(property({ type, default: 0, when: 'ready', doc }), source, name),
  );
}

/** May be given several times; each adds to `sends`. */
function eventOption(
  flags: string,
  doc: string,
  parse: (source: string, name: string) => EventToSend,
  sends: EventToSend[],
): Option {
  return checkedOption(flags, doc, (source, name) => sends.push(parse(source, name)));
}

function stringOption(flags: string, doc: string): Option {
  return checkedOption(flags, doc, (source, name) =>
    parsePropertyText(property({ type: text(), default: '', when: 'ready', doc }), source, name),
  );
}

function checkedOption(flags: string, doc: string, parse: (source: string, name: string) => unknown): Option {
  const option = new Option(flags, doc);
  return option.argParser((source) => asUsage(() => parse(source, option.long ?? flags)));
}

/** Commander's complaint as one sentence. */
function usage(error: CommanderError, complaint: string, [first, second]: readonly string[]): string {
  if (error.code === 'commander.help' && first === 'help' && second !== undefined) {
    const meant = closest(second, ['sink', 'src', 'play', 'inspect', 'signalling-server']);
    return sentence(`Unknown command ${second}${meant ? `; did you mean ${meant}?` : ''}`);
  }
  if (error.code === 'commander.help')
    return 'Say what to do: tswebrtc sink, src, play, inspect or signalling-server; tswebrtc --help tells more.';
  if (error.code === 'commander.excessArguments') return 'There are arguments too many: this command takes options only.';
  const valueless = /option '.*?(--[a-z-]+) .*' argument missing/.exec(complaint);
  if (valueless) return `${valueless[1]} needs a value behind it.`;
  const words = complaint.replace(/^error: /, '').replace(/\s*\n\(Did you mean (.*?)\?\)/s, '; did you mean $1?');
  return sentence(words.replace(/^(\w+) (option|command) '(.*?)'/, '$1 $2 $3'));
}

function version(): string {
  const { version: found } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return found;
}
