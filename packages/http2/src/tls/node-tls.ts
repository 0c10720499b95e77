/** node:tls, loaded on first use: an import would parse every root certificate at the start, even where nothing speaks TLS. */
export const nodeTls = () => process.getBuiltinModule('node:tls');
