import { describe, expect, it } from 'vitest';
import { elements } from './elements.ts';
import { elementDescription, inspectElement, listElements } from './inspect.ts';

const sink = elements.find(({ name }) => name === 'webrtcsink')!;
const src = elements.find(({ name }) => name === 'webrtcsrc')!;

describe('inspect', () => {
  it('lists the elements as GStreamer does', () => {
    expect(listElements(elements)).toMatch(/^tswebrtc: {2}webrtcsink: WebRTCSink: .+\ntswebrtc: {2}webrtcsrc: WebRTCSrc: /);
    expect(listElements(elements)).toContain('Total count: 1 plugin, 2 features');
  });

  it.each(elements)('says everything of $name, each property and signal once', (element) => {
    const text = inspectElement(element, '1.2.3');
    const sections = [...text.matchAll(/^[A-Z].*:$/gm)].map(([line]) => line);
    expect(sections.slice(0, 5)).toEqual([
      'Factory Details:',
      'Plugin Details:',
      'Pad Templates:',
      'Element Properties:',
      'Element Signals:',
    ]);
    for (const { name, declaration } of element.properties) {
      expect(text.split(`\n  ${name.padEnd(20)}: ${declaration.doc}\n`), name).toHaveLength(2);
    }
    for (const { name } of element.signals) expect(text.split(`\n  "${name}" :  `), name).toHaveLength(2);
  });

  it('shows kinds, ranges, words and defaults in the layout of gst-inspect-1.0', () => {
    const text = inspectElement(sink, '1.2.3');
    const flags = 'flags: readable, writable, changeable only in NULL or READY state';
    expect(text).toContain(
      [
        '  congestion-control  : How each session finds the bitrate that its path carries; disabled sends max-bitrate whatever the path carries.',
        `                        ${flags}`,
        '                        TypeScript: congestionControl',
        '                        Enum. Default: gcc',
        '                           (0): disabled',
        '                           (1): homegrown',
        '                           (2): gcc',
      ].join('\n'),
    );
    expect(text).toContain('Unsigned Integer. Range: 1 - 4294967295 Default: 2048000');
    expect(text).toContain('Integer. Range: -1 - 2147483647 Default: -1');
    expect(text).toContain('Flags. Default: downscaled+downsampled');
    expect(text).toContain('(0x00000002): downsampled');
    expect(text).toContain('Boolean. Default: true');
    expect(text).toContain("  SINK template: 'video_%u'\n    Availability: On request");
    expect(text).toContain('      video/x-vp8');
    expect(text).toContain('  "consumer-added" :  void (session: ConsumerSession)');
    expect(text).toContain('\nElement Actions:\n\n  "get-sessions" :  ConsumerSession[] ()');
    expect(inspectElement(src, '1.2.3')).toContain("  SRC template: 'video_%u'\n    Availability: Sometimes");
  });

  it('says the same to programs', () => {
    expect(elementDescription(sink)).toMatchObject({
      name: 'webrtcsink',
      properties: expect.arrayContaining([
        expect.objectContaining({ name: 'start-bitrate', type: 'uint', default: '2048000', range: [1, 4294967295] }),
        expect.objectContaining({ name: 'congestion-control', values: ['disabled', 'homegrown', 'gcc'] }),
      ]),
    });
  });
});
