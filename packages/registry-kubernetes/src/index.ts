export type { Registry } from '@podwire/registry';
