import { acrossCopies } from '@podwire/core';

/** Nacos could not be reached, or refused. The message says what to do, and holds no secret. */
export class NacosError extends Error {
  static {
    acrossCopies(NacosError, 'podwire.NacosError');
  }
  override readonly name = 'NacosError';
  /** As Nacos numbers them; 0 when the failure is not of its saying. */
  readonly code: number;

  constructor(message: string, code = 0) {
    super(message);
    this.code = code;
  }

  /** Whether Nacos never answered, or forgot the connection: the next try may come soon. */
  get unreachable(): boolean {
    return this.code === 0 || this.code === UNREGISTERED;
  }
}

/** Nacos: this connection was never set up, or is forgotten (`NacosException.UN_REGISTER`). */
export const UNREGISTERED = 301;

/** The fault is on this side, and no other try will go better soon (`NacosException.CLIENT_ERROR`). */
export const CLIENT_ERROR = -400;
