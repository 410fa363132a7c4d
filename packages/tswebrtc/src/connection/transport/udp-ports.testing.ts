/** Looks over the shoulder of whoever opens sockets for ICE. */
import { vi } from 'vitest';
import { UdpPort } from './udp-port.ts';

/** All ports that are opened from now on, until mocks are restored. */
export function observeUdpPorts(): readonly UdpPort[] {
  const ports: UdpPort[] = [];
  const bind = UdpPort.bind;
  vi.spyOn(UdpPort, 'bind').mockImplementation(async (...args) => {
    const port = await bind(...args);
    ports.push(port);
    return port;
  });
  return ports;
}
