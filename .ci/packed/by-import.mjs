import * as grpc from '@grpc/grpc-js';
import * as provider from '@podwire/provider';
import * as registry from '@podwire/registry';
import * as kubernetes from '@podwire/registry-kubernetes';
import * as nacos from '@podwire/registry-nacos';
import * as podwire from 'podwire';
import * as testing from 'podwire/testing';
import { scenario } from './scenario.cjs';

await scenario({ grpc, podwire, registry, provider, nacos, kubernetes, testing });
