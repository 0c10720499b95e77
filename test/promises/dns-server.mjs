// A DNS server that knows one name's addresses, and misbehaves as it is told.
import { createSocket } from 'node:dgram';
import packet from 'dns-packet';

const PORT = 53;
const TTL_S = 1;
const SERVFAIL = 2;

export class DnsServer {
  /** 'answers', 'silent', 'late' (by a second), 'SERVFAIL', 'empty'. */
  mood = 'answers';
  #socket = createSocket('udp4');

  constructor(name, addresses) {
    this.#socket.on('message', (message, peer) => {
      const { id, questions } = packet.decode(message);
      const knows = this.mood !== 'empty' && questions[0].name === name && questions[0].type === 'A';
      const answer = packet.encode({
        type: 'response',
        id,
        flags:
          packet.RECURSION_DESIRED | packet.RECURSION_AVAILABLE | (this.mood === 'SERVFAIL' ? SERVFAIL : 0),
        questions,
        answers:
          knows && this.mood !== 'SERVFAIL'
            ? addresses.map((data) => ({ type: 'A', name, ttl: TTL_S, data }))
            : [],
      });
      const send = () => this.#socket.send(answer, peer.port, peer.address);
      if (this.mood === 'late') setTimeout(send, 1_000);
      else if (this.mood !== 'silent') send();
    });
  }

  listen() {
    return new Promise((resolve) => this.#socket.bind(PORT, '127.0.0.1', resolve));
  }

  close() {
    this.#socket.close();
  }
}
