/** A camera that shows itself to browsers (`multipart/x-mixed-replace`), for tests. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface JpegServer {
  readonly port: number;
  close(): void;
}

/** `pictures`, over and over, one each `interval` ms, at `port` of 127.0.0.1; default: a free one. */
export async function startJpegServer(pictures: readonly Buffer[], interval: number, port = 0): Promise<JpegServer> {
  const server = createServer((_, response) => {
    response.writeHead(200, { 'Content-Type': 'multipart/x-mixed-replace; boundary=frame' });
    let index = 0;
    const timer = setInterval(() => {
      const picture = pictures[index++ % pictures.length]!;
      response.write(`--frame\r\nContent-Type: image/jpeg\r\nContent-Length: ${picture.length}\r\n\r\n`);
      response.write(picture);
      response.write('\r\n');
    }, interval);
    response.once('close', () => clearInterval(timer));
  });
  await once(server.listen(port, '127.0.0.1'), 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
