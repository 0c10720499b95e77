// @ts-check
// Every server and suite that the tests run, what it is made of and how.
import { copyFileSync, cpSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { cargoSources, goBuild, goModuleDirectory, mavenLibraries, pipInstall, run } from './build.mjs';

const KUBERNETES = '1.37.2';
const component = 'k8s.io/component-base/version';

/** @satisfies {Readonly<Record<string, import('./cache.mjs').Item>>} */
export const items = {
  'grpc-go': {
    name: 'grpc-go',
    version: '1.85.0',
    about: "grpc-go's interop server and client, with the project's test certificates",
    tools: ['go'],
    source: 'go-tools',
    build(directory, source) {
      for (const program of ['server', 'client']) {
        goBuild(source, join(directory, program), `google.golang.org/grpc/interop/${program}`);
      }
      const module = goModuleDirectory(source, 'google.golang.org/grpc');
      for (const file of ['ca.pem', 'server1.pem', 'server1.key']) {
        copyFileSync(join(module, 'testdata', file), join(directory, file));
      }
    },
  },
  'bench-go': {
    name: 'bench-go',
    version: '1.76.0',
    about: "the benchmark's echo server and client, of grpc-go",
    tools: ['go'],
    source: '../../bench/go',
    build(directory, source) {
      for (const program of ['backend', 'client']) goBuild(source, join(directory, program), `./${program}`);
    },
  },
  'promises-pod': {
    name: 'promises-pod',
    version: '1.76.0',
    about: 'the Pod of the promises: grpc-go, with faults',
    tools: ['go'],
    source: '../promises/pods/go',
    build: (directory, source) => goBuild(source, join(directory, 'pod')),
  },
  'grpc-java': {
    name: 'grpc-java',
    version: '1.79.0',
    about: "grpc-java's interop server",
    tools: ['mvn', 'java'],
    source: 'grpc-java',
    build: (directory, source) => mavenLibraries(source, directory),
  },
  'dubbo-go': {
    name: 'dubbo-go',
    version: '3.3.1',
    about: 'a provider and a consumer of dubbo-go, over Triple',
    tools: ['go'],
    source: 'dubbo-go',
    build: (directory, source) => goBuild(source, join(directory, 'dubbo-go')),
  },
  tracers: {
    name: 'tracers',
    version: '1',
    about: "OpenTelemetry's and Datadog's tracers",
    tools: ['npm'],
    source: 'tracers',
    build(directory, source) {
      cpSync(source, directory, { recursive: true });
      run('npm', ['ci', '--omit=optional', '--ignore-scripts', '--no-audit', '--no-fund'], {
        cwd: directory,
      });
    },
  },
  h2specd: {
    name: 'h2specd',
    version: '2.2.1',
    about: 'the HTTP/2 conformance suite for clients',
    tools: ['go'],
    source: 'go-tools',
    build: (directory, source) =>
      goBuild(source, join(directory, 'h2specd'), 'github.com/summerwind/h2spec/cmd/h2specd'),
  },
  'hpack-corpus': {
    name: 'hpack-corpus',
    version: '0.1.3',
    about: 'the public HPACK corpus (http2jp/hpack-test-case), from the Rust package that ships it whole',
    tools: ['cargo'],
    source: 'hpack-corpus',
    build(directory, source) {
      const sources = cargoSources(source, directory, 'httlib-hpack');
      renameSync(join(sources.directory, 'fixtures'), join(directory, 'stories'));
      sources.remove();
    },
  },
  toxiproxy: {
    name: 'toxiproxy',
    version: '2.5.0',
    about: 'a TCP proxy that adds faults',
    tools: ['go'],
    source: 'go-tools',
    build: (directory, source) =>
      goBuild(source, join(directory, 'toxiproxy'), 'github.com/Shopify/toxiproxy/v2/cmd/server'),
  },
  envoy: {
    name: 'envoy',
    version: '1.40.0',
    about: 'Envoy, as the sidecar that calls would otherwise go through',
    tools: ['python3'],
    source: 'envoy',
    build: (directory, source) => pipInstall(source, directory),
  },
  'nacos-2': {
    name: 'nacos-2',
    version: '2.3.2',
    about: 'Nacos 2.3, standalone, its store in its own process',
    tools: ['mvn', 'java'],
    source: 'nacos-2',
    build: (directory, source) => mavenLibraries(source, directory),
  },
  'nacos-3': {
    name: 'nacos-3',
    version: '3.1.0',
    about: 'Nacos 3.1, standalone, its store in its own process',
    tools: ['mvn', 'javac'],
    source: 'nacos-3',
    build(directory, source) {
      mavenLibraries(source, directory);
      mkdirSync(join(directory, 'classes'));
      run('javac', [
        ...['-cp', join(directory, 'lib', '*'), '-d', join(directory, 'classes')],
        join(source, 'Launcher.java'),
      ]);
    },
  },
  'nacos-store': {
    name: 'nacos-store',
    version: '10.14.2.0',
    about: 'the empty store (Derby) that a Nacos server starts with',
    tools: ['mvn', 'javac'],
    source: 'nacos-store',
    build(directory, source) {
      mavenLibraries(source, directory);
      const libraries = join(directory, 'lib');
      const classPath = join(libraries, '*');
      run('java', ['-cp', classPath, join(source, 'Store.java'), join(directory, 'derby-data')]);
      rmSync(libraries, { recursive: true });
    },
  },
  kubernetes: {
    name: 'kubernetes',
    version: KUBERNETES,
    about: 'kube-apiserver, kube-controller-manager and etcd',
    tools: ['go', 'openssl'],
    source: 'kubernetes',
    build(directory, source) {
      const [major, minor] = KUBERNETES.split('.');
      goBuild(source, join(directory, 'kubernetes'), '.', {
        [`${component}.gitVersion`]: `v${KUBERNETES}`,
        [`${component}.gitMajor`]: /** @type {string} */ (major),
        [`${component}.gitMinor`]: /** @type {string} */ (minor),
      });
    },
  },
};
