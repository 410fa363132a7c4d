/** `tswebrtc signalling-server`: the signalling server alone, until interrupted. */
import { SignallingServer } from '@tswebrtc/signalling-server';
import { selfSignedCertificate } from '../common/self-signed.ts';
import { openPortNotice } from './endpoint.ts';
import { aborted } from './interrupts.ts';
import type { CommandContext } from './sink.ts';

export interface SignallingServerCommand {
  readonly host: string;
  readonly port: number;
  readonly cert?: string;
  readonly key?: string;
  /** Serves wss with a certificate of this machine. */
  readonly selfSigned: boolean;
}

/** Resolves when the command is over; rejects when it could not begin. */
export async function runSignallingServer(
  command: SignallingServerCommand,
  { output, logger, interrupts }: CommandContext,
): Promise<void> {
  const { selfSigned, ...options } = command;
  const certificate = selfSigned ? await selfSignedCertificate() : {};
  const server = await SignallingServer.listen({
    ...options,
    ...certificate,
    logger: logger.child({ subsystem: 'signalling-server' }),
  });
  try {
    const { urls } = server;
    output.event('listening', { urls }, `The signalling server listens on ${urls.join(' and ')}. Press Ctrl-C to stop.`);
    const notice = openPortNotice('the signalling server', command.host);
    if (notice) output.warn(notice);
    await aborted(interrupts.signal);
  } finally {
    await server.close();
  }
}
