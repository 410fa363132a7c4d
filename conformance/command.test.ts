/** The command: what it prints, for people and for programs, and with which code it ends. */
import { describe, expect, it } from 'vitest';
import { SignallingServer } from '../packages/signalling-server/src/index.ts';
import type { Case, SocketCase } from './case.ts';
import { runCommand } from './command.ts';
import { Difference } from './difference.ts';

const pass = async (): Promise<void> => {};
const fail = async (): Promise<void> => {
  throw new Difference('the producer heard [] instead of [1]');
};
const one = (id: string, run: SocketCase['run'], original?: SocketCase['run']): Case => ({
  id,
  title: `does ${id}`,
  reference: '§1.4',
  run,
  ...(original ? { differs: { why: 'It is better.', instead: 'does not', original } } : {}),
});

async function command(argv: readonly string[], cases: readonly Case[]) {
  const output = { stdout: '', stderr: '' };
  const write = (key: keyof typeof output) => (text: string) => {
    output[key] += text;
  };
  const code = await runCommand(argv, { stdout: write('stdout'), stderr: write('stderr') }, cases);
  return { code, ...output };
}

/** The command against a server at an address of its own. */
async function against(cases: readonly Case[], ...flags: string[]) {
  const server = await SignallingServer.listen({ port: 0 });
  try {
    return { url: server.urls[0]!, ...(await command([server.urls[0]!, ...flags], cases)) };
  } finally {
    await server.close();
  }
}

describe('against a server at an address', () => {
  it('prints a row for each case and a sum, and takes the ways of the original', async () => {
    const { url, code, stdout, stderr } = await against([one('A1', pass), one('A2', fail, pass)]);
    expect(stdout.replaceAll(/ {2,}/g, ' | ')).toBe(
      `A1 | does A1 | ok\nA2 | does A2 | as the original\n\n` +
        `${url}: 2 cases, 1 ok, 1 as the original, 0 as release 0.15, 0 FAILED, 0 not over a socket.\n`,
    );
    expect([code, stderr]).toEqual([0, '']);
  });

  it('says of a case that has failed what was found, and ends with 1', async () => {
    const { code, stdout } = await against([one('A1', fail, fail)]);
    expect(stdout).toContain('FAILED: the producer heard [] instead of [1]\n');
    expect(code).toBe(1);
  });

  it('prints JSON, one object a line', async () => {
    const { url, code, stdout } = await against([one('A1', fail), one('A2', pass)], '--json');
    const time = expect.any(Number);
    const head = { event: 'case', reference: '§1.4', time };
    expect(
      stdout
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { ...head, id: 'A1', title: 'does A1', outcome: 'FAILED', difference: 'the producer heard [] instead of [1]' },
      { ...head, id: 'A2', title: 'does A2', outcome: 'ok' },
      {
        event: 'summary',
        url,
        time,
        ok: 1,
        'as the original': 0,
        'as release 0.15': 0,
        FAILED: 1,
        'not over a socket': 0,
      },
    ]);
    expect(code).toBe(1);
  });
});

it('tries our own server where no address is given, which may not do as the original does', async () => {
  const { code, stdout } = await command([], [one('A1', pass), one('A2', fail, pass)]);
  expect(stdout).toMatch(/^ws:\/\/127\.0\.0\.1:\d+: 2 cases, 1 ok, 0 as the original, 0 as release 0\.15, 1 FAILED/m);
  expect(code).toBe(1);
});

it('says that a server cannot be reached', async () => {
  const server = await SignallingServer.listen({ port: 0 });
  await server.close();
  const { code, stdout, stderr } = await command(server.urls, [one('A1', pass)]);
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toBe(`The server at ${server.urls[0]} cannot be reached (ECONNREFUSED): start it, or correct the address.\n`);
});

it.each([
  [['wss://127.0.0.1:1'], /begin with ws:/],
  [['127.0.0.1:8443'], /begin with ws:/],
  [['ws://a', 'ws://b'], /one address/],
  [['--nonsense'], /nonsense/],
])('refuses %j with the usage', async (argv, reason) => {
  const { code, stdout, stderr } = await command(argv, []);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(reason);
  expect(stderr).toContain('Usage: npm run conformance');
});

it('prints the differences', async () => {
  const { code, stdout } = await command(['--differences'], [one('A1', pass), one('A2', fail, pass)]);
  expect(stdout.split('\n').slice(2)).toEqual(['| A2 | §1.4 | does A2 | does not | It is better. |', '']);
  expect(code).toBe(0);
});

it('prints its usage', async () => {
  const { code, stdout } = await command(['--help'], []);
  expect(stdout).toMatch(/^Usage: npm run conformance/);
  expect(code).toBe(0);
});
