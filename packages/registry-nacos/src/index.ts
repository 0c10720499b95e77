export { type DubboServiceOptions, dubboService } from './dubbo/ref.ts';
export { NacosError } from './error.ts';
export { nacos } from './nacos.ts';
export type { NacosOptions, NacosTls } from './options.ts';
