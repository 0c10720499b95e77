/** How stopping went. */
export interface DrainReport {
  /** Whether the registry removed the Pod in time; true where there is no registry. */
  readonly withdrawn: boolean;
  /** Whether every call ended by itself. */
  readonly finished: boolean;
  /** From the signal, or the call of `drain`, to the end. */
  readonly tookMs: number;
}
