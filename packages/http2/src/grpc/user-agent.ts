import manifest from '../../package.json' with { type: 'json' };

/**
 * How podwire names itself to servers, as gRPC wants it: `grpc-<language>-<variant>/<version>`
 * (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#user-agents). The version is that of all packages.
 */
export const USER_AGENT = `grpc-node-podwire/${manifest.version}`;
