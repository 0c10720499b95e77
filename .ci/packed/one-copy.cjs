// A program that imports and requires: every export is the same.
const { strict: assert } = require('node:assert');

const NAMES = [
  'podwire',
  'podwire/testing',
  '@podwire/balancer',
  '@podwire/core',
  '@podwire/core/testing',
  '@podwire/http2',
  '@podwire/http2/testing',
  '@podwire/provider',
  '@podwire/registry',
  '@podwire/registry/testing',
  '@podwire/registry-kubernetes',
  '@podwire/registry-nacos',
];

async function main() {
  for (const name of NAMES) {
    const required = require(name);
    const imported = await import(name);
    const names = Object.keys(imported).filter((key) => key !== 'default' && key !== 'module.exports');
    assert.ok(names.length > 0, name);
    assert.deepEqual(Object.keys(required).sort(), names.sort());
    for (const key of names) assert.equal(imported[key], required[key], `${name}: ${key} exists twice`);
  }
}
main();
