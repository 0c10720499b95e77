// A server of HTTP/2 that answers no call; a process of its own, so that it runs on while its client does not.
import { createServer } from 'node:http2';

const server = createServer();
server.on('session', (session) => session.on('error', () => {}));
server.on('stream', (stream) => stream.on('error', () => {}));
server.listen(0, '127.0.0.1', () => process.send(server.address().port));
process.on('disconnect', () => process.exit());
