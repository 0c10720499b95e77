import { resolve } from 'node:path';

/** `sun_path` of Linux has 108 bytes (unix(7)). Node cuts off a longer path, and would connect to another socket. */
const MAX_BYTES = 107;

/**
 * The one spelling of a Unix domain socket's path: an absolute path, or, as in Node, a NUL and the name of an abstract socket.
 * Undefined for text that is not a socket's path.
 */
export function canonicalSocket(path: string): string | undefined {
  const isAbstract = path.startsWith('\0');
  const name = isAbstract ? path.slice(1) : path;
  if (name === '' || name.endsWith('/') || name.includes('\0')) return undefined;
  const canonical = isAbstract ? path : resolve(path);
  return Buffer.byteLength(canonical) > MAX_BYTES ? undefined : canonical;
}

/**
 * The path in an address such as `unix:/path`, `unix:///path` or `unix-abstract:name`, as gRPC writes sockets; undefined for another
 * address: `unix:50051` is a host with a port.
 */
export function socketIn(address: string): string | undefined {
  if (address.startsWith('unix:/')) return address.slice('unix:'.length).replace(/^\/\/\//, '/');
  return address.startsWith('unix-abstract:') ? `\0${address.slice('unix-abstract:'.length)}` : undefined;
}

/** The text that names a socket: `unix:/run/orders.sock`, `unix-abstract:orders`. */
export function socketId(path: string): string {
  return path.startsWith('\0') ? `unix-abstract:${path.slice(1)}` : `unix:${path}`;
}
