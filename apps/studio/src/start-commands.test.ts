import { describe, expect, it } from 'vitest';
import { recordCommand, startCommands } from './start-commands.ts';

const commands = (url: string): string =>
  startCommands(url)
    .map(({ command }) => command)
    .join('\n');

describe('the commands of the empty page', () => {
  it('name the signalling server in use', () => {
    expect(commands('ws://127.0.0.1:8443/')).toContain('--signaller-uri ws://127.0.0.1:8443\n');
    expect(commands('wss://host/path')).toContain('signaller::uri=wss://host/path');
  });

  it('never carry what a shell would take as a command', () => {
    for (const address of ['ws://host:1/;reboot', 'ws://host:1/$(reboot)', 'ws://host:1/?a=`b`', "ws://host:1/'"]) {
      expect(commands(address)).not.toMatch(/[;$`'?]/);
      expect(commands(address)).toContain('ws://host:1');
    }
  });
});

it('records by a URI of the family', () => {
  expect(recordCommand('wss://cam.example:8443/', 'a b')).toBe(
    'npx tswebrtc src "gstwebrtcs://cam.example:8443?peer-id=a%20b" --record out.mkv',
  );
});
