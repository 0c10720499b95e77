export interface ThrottleOptions {
  /** Largest number of tokens, in (0, 1000]. */
  readonly maxTokens: number;
  /** Tokens that a success gives back, > 0. */
  readonly tokenRatio: number;
}

/** The retry budget of one channel, as gRFC A6 "retry throttling": no retries while half of the tokens are gone. */
export class RetryThrottle {
  readonly #options: ThrottleOptions;
  #tokens: number;

  constructor(options: ThrottleOptions) {
    this.#options = options;
    this.#tokens = options.maxTokens;
  }

  /** Whether it has these options. */
  has({ maxTokens, tokenRatio }: ThrottleOptions): boolean {
    return this.#options.maxTokens === maxTokens && this.#options.tokenRatio === tokenRatio;
  }

  get allowed(): boolean {
    return this.#tokens > this.#options.maxTokens / 2;
  }

  onSuccess(): void {
    this.#tokens = Math.min(this.#tokens + this.#options.tokenRatio, this.#options.maxTokens);
  }

  onFailure(): void {
    this.#tokens = Math.max(this.#tokens - 1, 0);
  }
}
