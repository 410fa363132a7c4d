/** An ICE-lite peer (RFC 8445 §2.5): one host candidate, answers checks, makes none. */
import { createSocket, type Socket } from 'node:dgram';
import { Message, parseMessage } from 'werift';

const BINDING_METHOD = 1;
const RESPONSE_CLASS = 0x100;
const BINDING_REQUEST = 0x0001;

export class LitePeer {
  readonly usernameFragment = 'lite';
  readonly password = 'password-of-the-lite-peer';
  /** Of each check in turn: from which port it came, and whether it nominates. */
  readonly checks: { readonly port: number; readonly nominates: boolean; readonly controlling: boolean }[] = [];
  /** What is not STUN. */
  readonly datagrams: Buffer[] = [];
  /** Whether a check is answered. */
  answers = (_nominates: boolean): boolean => true;
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (datagram, { address, port }) => this.#receive(datagram, address, port));
  }

  static async listen(address = '127.0.0.1'): Promise<LitePeer> {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    await new Promise<void>((resolve) => socket.bind(0, address, resolve));
    return new LitePeer(socket);
  }

  get candidate(): string {
    const { address, port } = this.#socket.address();
    return `candidate:1 1 udp 2130706431 ${address} ${port} typ host`;
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }

  #receive(datagram: Buffer, address: string, port: number): void {
    if (datagram.readUInt16BE(0) !== BINDING_REQUEST) {
      this.datagrams.push(datagram);
      return;
    }
    const key = Buffer.from(this.password);
    const request = parseMessage(datagram, key);
    const [fragment] = String(request?.getAttributeValue('USERNAME')).split(':');
    if (!request || fragment !== this.usernameFragment) return;
    const nominates = request.attributesKeys.includes('USE-CANDIDATE');
    this.checks.push({ port, nominates, controlling: request.attributesKeys.includes('ICE-CONTROLLING') });
    if (!this.answers(nominates)) return;
    const response = new Message(BINDING_METHOD, RESPONSE_CLASS, request.transactionId);
    response.setAttribute('XOR-MAPPED-ADDRESS', [address, port]).addMessageIntegrity(key).addFingerprint();
    this.#socket.send(response.bytes, port, address);
  }
}
