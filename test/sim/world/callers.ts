import { Metadata, type StatusObject } from '@grpc/grpc-js';
import type { PodwireStatus } from '../../../packages/client/src/reasons.ts';
import type { Dice } from '../dice.ts';
import { type Engine, Phase } from '../engine.ts';
import type { Load } from './plan.ts';
import type { SimClient } from './sim-client.ts';

/** What callers need of the world. */
export interface CallersWorld {
  readonly engine: Engine;
  note(what: object): void;
  /** A number for a call that no other has. */
  nextCall(): number;
  /** Pods that a call may name. */
  podsToName(): readonly string[];
}

const BODY = Buffer.from('a');
const KEYS = 64;
/** Messages of a stream that the server sends, and their size. */
const LIST = { messages: 20, bytes: 2 * 1024 };
const LARGE_UPLOAD = Buffer.alloc(256 * 1024, 'u');
/** gRPC's CANCELLED. */
const CANCELLED = 1;

type Kind = 'Get' | 'List' | 'Put' | 'Chat';

/** The callers of one client: they come at random, and each makes one call, in its own way. */
export class Callers {
  readonly #client: SimClient;
  readonly #world: CallersWorld;
  readonly #dice: Dice;
  #untilMs = 0;

  constructor(client: SimClient, world: CallersWorld, dice: Dice) {
    this.#client = client;
    this.#world = world;
    this.#dice = dice;
  }

  /** They come until then. */
  come(untilMs: number): void {
    this.#untilMs = untilMs;
    this.#next();
  }

  /** So many calls at once; `cancelled`: most are cancelled within moments. */
  burst(count: number, cancelled: boolean): void {
    this.#world.engine.inClient(Phase.POLL, 0, () => {
      for (let i = 0; i < count; i++) this.#call('Get', cancelled && this.#dice.percent(90));
    });
  }

  #next(): void {
    const { engine } = this.#world;
    const delayMs = this.#dice.exponential(1_000 / this.#client.plan.load.callsPerSecond);
    // Callers come by way of the process's event loop: none comes while it stands still.
    engine.inClient(Phase.POLL, delayMs, () => {
      if (engine.nowMs() >= this.#untilMs) return;
      const { load } = this.#client.plan;
      this.#call(this.#kind(load), this.#dice.percent(load.cancelPercent));
      this.#next();
    });
  }

  #kind(load: Load): Kind {
    if (!this.#dice.percent(load.streamPercent)) return 'Get';
    return this.#dice.one(['List', 'Put', 'Chat'] as const);
  }

  #call(kind: Kind, cancels: boolean): void {
    const world = this.#world;
    const dice = this.#dice;
    const client = this.#client;
    const { load, name } = client.plan;
    const { engine } = world;
    const number = world.nextCall();
    const timeoutMs = kind === 'Get' ? load.timeoutMs : load.timeoutMs * 4;
    const hasDeadline = kind !== 'Get' || !dice.percent(5);
    const waitsForReady = dice.percent(load.waitForReadyPercent);
    const metadata = new Metadata({ waitForReady: waitsForReady });
    metadata.set('x-call', String(number));
    if (client.plan.hashes) metadata.set('x-key', String(dice.below(KEYS)));
    if (kind === 'List') metadata.set('x-want', `${LIST.messages},${LIST.bytes}`);
    const names = dice.percent(load.namePercent) ? dice.one(world.podsToName()) : undefined;
    if (names !== undefined) metadata.set('podwire-pod', names);
    world.note({
      is: 'call',
      client: name,
      call: number,
      method: kind,
      ...(hasDeadline && { deadlineMs: engine.nowMs() + timeoutMs }),
      ...(names !== undefined && { names }),
      ...(waitsForReady && { waitsForReady }),
    });
    const deadline = hasDeadline ? engine.wallMs() + timeoutMs : Number.POSITIVE_INFINITY;
    const call = client.channel.createCall(`/shop.Orders/${kind}`, deadline, null, null, null);
    client.open += 1;
    let isOver = false;
    const readOne = () => {
      if (!isOver) call.startRead();
    };
    client.starting(number, () =>
      call.start(metadata, {
        onReceiveMetadata() {},
        onReceiveMessage: () => {
          if (kind === 'Get' || kind === 'Put') return;
          // A slow reader takes one message after another.
          if (load.readMs === 0) readOne();
          else engine.inClient(Phase.POLL, load.readMs, readOne);
        },
        onReceiveStatus: (status: StatusObject) => {
          if (!isOver) client.open -= 1;
          isOver = true;
          const { code, reason } = status as PodwireStatus;
          world.note({
            is: 'end',
            client: name,
            call: number,
            code,
            ...(reason !== undefined && { reason }),
          });
        },
      }),
    );
    call.startRead();
    if (kind === 'Chat' || kind === 'Put') this.#stream(call, kind, () => isOver);
    else {
      call.sendMessageWithContext({}, BODY);
      call.halfClose();
    }
    if (!cancels) return;
    engine.inClient(Phase.POLL, dice.random() * 40, () => {
      if (isOver) return;
      world.note({ is: 'cancel', call: number });
      call.cancelWithStatus(CANCELLED, 'cancelled by the caller');
    });
  }

  /** Sends a few messages, a while apart. */
  #stream(call: ReturnType<SimClient['channel']['createCall']>, kind: Kind, isOver: () => boolean): void {
    const { engine } = this.#world;
    let left = this.#dice.from(1, 5);
    const body = kind === 'Put' && this.#dice.percent(5) ? LARGE_UPLOAD : BODY;
    const send = () => {
      if (isOver()) return;
      if (left === 0) return call.halfClose();
      left -= 1;
      call.sendMessageWithContext({}, body);
      engine.inClient(Phase.POLL, this.#dice.random() * 50, send);
    };
    send();
  }
}
