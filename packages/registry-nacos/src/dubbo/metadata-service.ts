import { TRIPLE } from './read.ts';

/** The address at which a Pod itself tells its interfaces. */
export interface MetadataService {
  readonly protocol: 'dubbo' | typeof TRIPLE;
  readonly host: string;
  readonly port: number;
  readonly application: string;
  readonly version: string;
}

/** Reads the address of an instance's metadata service. Throws when the instance has none that podwire can call. */
export function metadataServiceOf(
  application: string,
  host: string,
  get: (key: string) => unknown,
): MetadataService {
  const text = get('dubbo.metadata-service.url-params');
  const { protocol, port } = JSON.parse(typeof text === 'string' ? text : '{}') as Record<string, unknown>;
  const number = Number(port);
  if (!Number.isInteger(number) || number < 1 || number > 65_535)
    throw new Error('it names no metadata service');
  if (protocol !== 'dubbo' && protocol !== TRIPLE) {
    throw new Error(
      `its metadata service speaks ${JSON.stringify(protocol)}, which is neither dubbo nor tri`,
    );
  }
  const version = protocol === TRIPLE && get('meta-v') === '2.0.0' ? '2.0.0' : '1.0.0';
  return { protocol, host, port: number, application, version };
}
