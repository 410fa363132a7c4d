/** What an element is and has, in the layout of `gst-inspect-1.0`. */
import type { NamedProperty } from '../properties/named-properties.ts';
import type { Signal } from '../properties/signals.ts';
import type { Element, ObjectProperty, PadTemplate } from './elements.ts';

/** The list that stands where no element is named. */
export function listElements(elements: readonly Element[]): string {
  const lines = elements.map(({ name, longName, description }) => `tswebrtc:  ${name}: ${longName}: ${description}`);
  return [...lines, '', `Total count: 1 plugin, ${elements.length} features`, ''].join('\n');
}

/** All of one element. `version`: of the package. */
export function inspectElement(element: Element, version: string): string {
  const { rank, longName, klass, description, face, pads, properties, objects, signals } = element;
  return [
    section('Factory Details', [
      ['Rank', rank],
      ['Long-name', longName],
      ['Klass', klass],
      ['Description', description],
      ['TypeScript', `import { ${face} } from 'tswebrtc'`],
    ]),
    section('Plugin Details', [
      ['Name', 'tswebrtc'],
      ['Description', "WebRTC producer and consumer, wire-compatible with GStreamer's webrtcsink and webrtcsrc"],
      ['Version', version],
      ['License', 'MPL-2.0'],
    ]),
    ['Pad Templates:', ...pads.flatMap(padLines)].join('\n'),
    ['Element Properties:', ...sorted(properties).flatMap(propertyLines), ...objects.flatMap(objectLines)].join('\n'),
    signalSection('Element Signals:', signals, 'signal'),
    signalSection('Element Actions:', signals, 'action'),
  ]
    .filter((text) => text !== '')
    .map((text) => `${text}\n`)
    .join('\n');
}

/** The same for programs. */
export function elementDescription({ properties, signals, ...element }: Element): object {
  const described = properties.map(({ name, declaration: { type, default: standard, when, doc } }) => {
    const { label, range, words } = type;
    const values = { ...(range ? { range } : {}), ...(words ? { values: words } : {}) };
    return { name, doc, type: label, default: type.format(standard), ...values, flags: flagsOf(when) };
  });
  return { ...element, properties: described, signals };
}

function section(title: string, rows: readonly (readonly [string, string])[]): string {
  return [`${title}:`, ...rows.map(([name, value]) => `  ${name.padEnd(24)} ${value}`)].join('\n');
}

function padLines({ name, direction, availability, caps, face }: PadTemplate): string[] {
  return [
    `  ${direction} template: '${name}'`,
    `    Availability: ${availability}`,
    `    TypeScript: ${face}`,
    '    Capabilities:',
    ...caps.map((type) => `      ${type}`),
    '',
  ];
}

const sorted = (properties: readonly NamedProperty[]): readonly NamedProperty[] =>
  [...properties].sort((a, b) => Number(a.path.length - b.path.length) || a.name.localeCompare(b.name));

const INDENT = ' '.repeat(24);

function flagsOf(when: 'ready' | 'playing'): string[] {
  return [
    'readable',
    'writable',
    when === 'ready' ? 'changeable only in NULL or READY state' : 'changeable in NULL, READY, PAUSED or PLAYING state',
  ];
}

function propertyLines({ name, path, declaration }: NamedProperty): string[] {
  const { type, default: standard, when, doc, alias } = declaration;
  const text = type.format(standard);
  const key = path.length === 2 ? `signaller: { ${path[1]} }` : alias ? `${path[0]}, ${alias}` : path[0];
  return [
    '',
    `  ${name.padEnd(20)}: ${doc}`,
    `${INDENT}flags: ${flagsOf(when).join(', ')}`,
    `${INDENT}TypeScript: ${key}`,
    ...valueLines(declaration, text).map((line) => `${INDENT}${line}`),
  ];
}

function objectLines({ name, doc, flags, kind, face }: ObjectProperty): string[] {
  return ['', `  ${name.padEnd(20)}: ${doc}`, `${INDENT}flags: ${flags}`, `${INDENT}TypeScript: ${face}`, `${INDENT}${kind}`];
}

function valueLines({ type }: NamedProperty['declaration'], standard: string): string[] {
  const { label, range, words } = type;
  switch (label) {
    case 'boolean':
      return [`Boolean. Default: ${standard}`];
    case 'uint':
    case 'int':
    case 'number': {
      const kind = { uint: 'Unsigned Integer', int: 'Integer', number: 'Number' }[label];
      return [`${kind}.${range ? ` Range: ${range[0]} - ${range[1]}` : ''} Default: ${standard}`];
    }
    case 'enum':
      return [`Enum. Default: ${standard}`, ...(words ?? []).map((word, i) => `   (${i}): ${word}`)];
    case 'flags': {
      const bit = (i: number): string => `0x${(1 << i).toString(16).padStart(8, '0')}`;
      return [
        `Flags. Default: ${standard}`,
        '   (0x00000000): none',
        ...(words ?? []).map((word, i) => `   (${bit(i)}): ${word}`),
      ];
    }
    default:
      // The other kinds are texts with a form of their own.
      return [
        `${label.charAt(0).toUpperCase()}${label.slice(1)}. Default: ${standard === 'none' ? 'null' : JSON.stringify(standard)}`,
        `Takes ${type.expected}.`,
      ];
  }
}

function signalSection(title: string, signals: readonly Signal[], kind: Signal['kind']): string {
  const found = signals.filter((signal) => signal.kind === kind);
  if (found.length === 0) return '';
  return [title, ...found.flatMap(signalLines)].join('\n');
}

function signalLines({ name, args, returns, face, doc }: Signal): string[] {
  const start = `  "${name}" :  ${returns} `;
  const list = args.map(([arg, type]) => `${arg}: ${type}`).join(`,\n${' '.repeat(start.length + 1)}`);
  return ['', `${start}(${list})`, `${INDENT}${doc}`, `${INDENT}TypeScript: ${face}`];
}
