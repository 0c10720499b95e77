/** How stopping went. */
export interface DrainReport {
  /** Whether the registry let go in time; true where there is none. */
  readonly withdrawn: boolean;
  /** Whether every call ended by itself. */
  readonly finished: boolean;
  /** From the signal, or the call of `drain`, to the end. */
  readonly tookMs: number;
}
