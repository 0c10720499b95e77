/**
 * Lets `instanceof` find an error of any copy of its class. A process has one copy, but a test runner such as Jest loads one for each
 * test file and one more after `jest.resetModules()`, and a bundled program may meet the installed package. Subclasses are still
 * distinguished.
 *
 * ```ts
 * static {
 *   acrossCopies(InvalidInput, 'podwire.InvalidInput');
 * }
 * ```
 */
export function acrossCopies(errorClass: { readonly prototype: object }, name: string): void {
  const brand = Symbol.for(name);
  Object.defineProperty(errorClass.prototype, brand, { value: true });
  Object.defineProperty(errorClass, Symbol.hasInstance, {
    value(this: unknown, error: unknown): boolean {
      if (this !== errorClass) return Function.prototype[Symbol.hasInstance].call(this as never, error);
      return typeof error === 'object' && error !== null && brand in error;
    },
  });
}
