/** `user:password@` of a URL, which people paste where a name was asked for. */
const USER_INFORMATION = /\/\/[^/@"]*@/g;

/** A value as an error message shows it: JSON, cut to 80 characters, control characters escaped, no password of a URL. */
export function show(value: unknown): string {
  let text: string | undefined;
  try {
    text =
      typeof value === 'bigint'
        ? `${value}n`
        : typeof value === 'number'
          ? String(value)
          : JSON.stringify(value);
  } catch {
    text = undefined;
  }
  text ??= String(typeof value === 'symbol' ? 'a symbol' : typeof value);
  text = text.replace(USER_INFORMATION, '//…@');
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
