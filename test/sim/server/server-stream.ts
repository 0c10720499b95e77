import { MessageCounter } from './frames.ts';

/** One call, as the server has it. */
export class ServerStream {
  readonly id: number;
  /** The id that the simulation gave the call. */
  readonly call: number;
  readonly path: string;
  /** `grpc-timeout` in milliseconds; undefined without one. */
  readonly timeoutMs: number | undefined;
  readonly previousAttempts: number;
  /** How many messages, of how many bytes, the caller asks for; only for calls whose replies are streams. */
  readonly wanted: { readonly messages: number; readonly bytes: number };
  readonly messages = new MessageCounter();
  received = 0;
  /** How many bytes of DATA may be sent. */
  window: number;
  /** DATA that waits for the window. */
  pending: Buffer[] = [];
  /** Whether the trailers follow it. */
  isAnswered = false;
  hasHead = false;
  /** Whether the client has sent everything. */
  isHalfClosed = false;
  isOver = false;
  /** Called when it is over for the client: reset, or its connection is gone. */
  onGone: (() => void) | undefined;
  /** DATA that came and was not given back to the window. */
  unreturned = 0;

  constructor(id: number, fields: readonly string[], window: number) {
    this.id = id;
    this.window = window;
    const get = (name: string) => {
      const at = fields.indexOf(name);
      return at < 0 ? undefined : fields[at + 1];
    };
    this.path = get(':path') ?? '';
    this.call = Number(get('x-call') ?? -1);
    this.timeoutMs = parseTimeout(get('grpc-timeout'));
    this.previousAttempts = Number(get('grpc-previous-rpc-attempts') ?? 0);
    const [messages = 1, bytes = 2] = (get('x-want') ?? '').split(',').filter(Boolean).map(Number);
    this.wanted = { messages, bytes };
  }
}

const UNITS: Readonly<Record<string, number>> = { m: 1, S: 1_000, M: 60_000, H: 3_600_000 };

function parseTimeout(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text.slice(0, -1)) * UNITS[text.slice(-1)]!;
}
