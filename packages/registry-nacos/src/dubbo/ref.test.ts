import { expect, it } from 'vitest';
import { readOptions } from '../options.ts';
import { parseServiceRef } from '../service-ref.ts';
import { applicationMetadata, metadataInfo, revisionOf } from './describe.ts';
import { dubboService } from './ref.ts';

const settings = readOptions({ servers: ['nacos'] });
const parse = (target: string) => parseServiceRef(target, settings);
const definition = Object.fromEntries(
  ['Get', 'Collect', 'List', 'Chat'].map((name) => [name, { path: `/podwire.test.Echo/${name}` }]),
);

it('names a service as Dubbo does', () => {
  expect(parse(dubboService(definition, { version: '1.0.0', group: 'g' })).name).toBe(
    'providers:podwire.test.Echo:1.0.0:g',
  );
  expect(parse(dubboService(definition, { application: 'echo' })).dubbo).toMatchObject({
    mode: 'application',
    interface: 'podwire.test.Echo',
    applications: ['echo'],
    methods: ['Get', 'Collect', 'List', 'Chat'],
  });
});

it('counts the revision and writes the metadata that dubbo-go 3.3.1 was seen to write', () => {
  const { dubbo } = parse(dubboService(definition, { application: 'app', version: '1.0.0', group: 'g' }));
  const revision = revisionOf([dubbo!]);
  expect(revision).toBe('13656380830');
  expect(applicationMetadata('127.0.0.1:20000', 20000, revision)).toMatchObject({
    'dubbo.endpoints': '[{"port":20000,"protocol":"tri"}]',
    'dubbo.metadata.storage-type': 'remote',
  });
  const services = {
    'g/podwire.test.Echo:1.0.0:tri': {
      ...{ name: 'podwire.test.Echo', version: '1.0.0', group: 'g', protocol: 'tri' },
      path: 'podwire.test.Echo',
      params: {
        ...{ application: 'app', version: '1.0.0', group: 'g' },
        methods: 'Chat,Collect,Get,List,chat,collect,get,list',
      },
    },
  };
  expect(JSON.parse(metadataInfo('app', revision, [dubbo!]))).toEqual({ app: 'app', revision, services });
});

it.each([
  ['orders?version=1', 'target.version: "1" goes with dubbo=… only'],
  ['shop.Orders?dubbo=both', "must be 'interface' or 'application'"],
  ['shop:Orders?dubbo=interface', 'must name an interface'],
  ['shop.Orders?dubbo=interface&version=1:2', 'target.version: "1:2"'],
  ['shop.Orders?dubbo=interface&application=a', 'goes with dubbo=application only'],
  ['shop.Orders?dubbo=application&application=a,b:c', 'target.application: "b:c"'],
])('rejects %s', (target, message) => {
  expect(() => parse(target)).toThrow(message);
});

it('rejects definitions that are not of one service', () => {
  expect(() => dubboService({})).toThrow('must be the methods of one gRPC service');
  expect(() => dubboService({ a: { path: '/a.A/x' }, b: { path: '/b.B/x' } })).toThrow('of one gRPC service');
  expect(() => dubboService(definition, { versoin: '1' } as never)).toThrow("did you mean 'version'");
});
