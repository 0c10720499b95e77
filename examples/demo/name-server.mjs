// A name server on the loopback that answers as CoreDNS does for a headless Service in Kubernetes: the A records of the Pods that are
// ready, in random order, for 5 s (the TTL of its plugin `kubernetes`).
import { createSocket } from 'node:dgram';
import { AUTHORITATIVE_ANSWER, decode, encode } from 'dns-packet';

const TTL_S = 5;
const NXDOMAIN = 3;

export class NameServer {
  /** IP addresses of the Pods that are ready. */
  addresses = new Set();
  #name;
  #socket;

  static async listen(name) {
    const socket = createSocket('udp4');
    await new Promise((resolve) => socket.bind(0, '127.0.0.1', resolve));
    return new NameServer(name, socket);
  }

  constructor(name, socket) {
    this.#name = name;
    this.#socket = socket;
    socket.on('message', (message, peer) => {
      socket.send(encode(this.#answer(decode(message))), peer.port, peer.address);
    });
  }

  get address() {
    return `127.0.0.1:${this.#socket.address().port}`;
  }

  close() {
    this.#socket.close();
  }

  /** A name that is ours has A records only; all other questions get an SOA, which says for how long there is nothing. */
  #answer({ id, questions }) {
    const { name, type } = questions[0];
    const isOurs = name.toLowerCase() === this.#name;
    const answers =
      isOurs && type === 'A'
        ? shuffled([...this.addresses]).map((data) => ({ name, type, ttl: TTL_S, data }))
        : [];
    const rcode = isOurs ? 0 : NXDOMAIN;
    return {
      type: 'response',
      id,
      flags: AUTHORITATIVE_ANSWER | rcode,
      questions,
      answers,
      authorities: answers.length > 0 ? [] : [startOfAuthority],
    };
  }
}

const startOfAuthority = {
  name: 'cluster.local',
  type: 'SOA',
  ttl: TTL_S,
  data: {
    mname: 'ns.dns.cluster.local',
    rname: 'hostmaster.cluster.local',
    serial: 1,
    refresh: 7_200,
    retry: 1_800,
    expire: 86_400,
    minimum: TTL_S,
  },
};

function shuffled(list) {
  for (let i = list.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [list[i], list[j]] = [list[j], list[i]];
  }
  return list;
}
