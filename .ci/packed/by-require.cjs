const grpc = require('@grpc/grpc-js');
const provider = require('@podwire/provider');
const registry = require('@podwire/registry');
const kubernetes = require('@podwire/registry-kubernetes');
const nacos = require('@podwire/registry-nacos');
const podwire = require('podwire');
const testing = require('podwire/testing');
const { scenario } = require('./scenario.cjs');

scenario({ grpc, podwire, registry, provider, nacos, kubernetes, testing });
