import { acrossCopies } from '@podwire/core';

/** Nacos could not be reached, or refused. The message says what to do, and holds no secret. */
export class NacosError extends Error {
  static {
    acrossCopies(NacosError, 'podwire.NacosError');
  }
  override readonly name = 'NacosError';
  /** Nacos's error code; 0 when Nacos did not report the failure. */
  readonly code: number;

  constructor(message: string, code = 0) {
    super(message);
    this.code = code;
  }

  /** Whether Nacos did not answer, or forgot the connection: the next attempt may follow soon. */
  get unreachable(): boolean {
    return this.code === 0 || this.code === UNREGISTERED;
  }
}

/** Nacos: this connection was never set up, or is forgotten (`NacosException.UN_REGISTER`). */
export const UNREGISTERED = 301;

/** The fault is on this side, so trying again soon will not help (`NacosException.CLIENT_ERROR`). */
export const CLIENT_ERROR = -400;
