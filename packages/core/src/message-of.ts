/**
 * The message of an error, or the text of any other thrown value; never throws. It does not ask `instanceof Error`: where tests have
 * globals of their own, as under Jest, the errors of Node's own modules are not instances of it.
 */
export function messageOf(error: unknown): string {
  try {
    const message = (error as { readonly message?: unknown } | null | undefined)?.message;
    return typeof message === 'string' ? message : String(error);
  } catch {
    return 'it failed without saying why';
  }
}
