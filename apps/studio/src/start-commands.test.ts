import { describe, expect, it } from 'vitest';
import { startCommands } from './start-commands.ts';

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
