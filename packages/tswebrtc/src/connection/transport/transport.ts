/** Makes the transport of a connection. */
import { silentLogger } from '../../common/logger.ts';
import { localCertificate } from './certificate.ts';
import { DtlsEndpoint } from './dtls-endpoint.ts';
import type { TransportFactory } from './types.ts';
import { WeriftTransport } from './werift-transport.ts';

/** Opens no socket yet: `gather()` does. Throws `INVALID_OPTION` for ICE server URLs or port ranges that make no sense. */
export const createTransport: TransportFactory = async (options) => {
  await DtlsEndpoint.prepare();
  return new WeriftTransport(
    options,
    await localCertificate(),
    (options.logger ?? silentLogger).child({ subsystem: 'transport' }),
  );
};
