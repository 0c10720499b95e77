/** node:tls, by way of a function: an import of it parses every root certificate at the start, also where nothing speaks TLS. */
export const nodeTls = () => process.getBuiltinModule('node:tls');
