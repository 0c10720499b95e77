import type { Configs } from '../config/configs.ts';

/** Where Dubbo keeps which applications have an interface: a config of the interface's name in this group. */
const MAPPING = 'mapping';
/** Writers at the same time: each failure means that another one was written. */
const MAX_WRITES = 10;

/** Calls `listener` with the applications that provide an interface, now and after each change. */
export function followMapping(
  configs: Configs,
  name: string,
  listener: (applications: readonly string[]) => void,
): Promise<() => void> {
  return configs.follow(name, MAPPING, (content) => listener(applicationsOf(content)));
}

/** Has the mapping of an interface name `application`, whatever others write at the same time. */
export async function addToMapping(configs: Configs, name: string, application: string): Promise<void> {
  for (let left = MAX_WRITES; ; left -= 1) {
    const content = await configs.read(name, MAPPING);
    if (applicationsOf(content).includes(application)) return;
    try {
      return await configs.replace(
        name,
        MAPPING,
        content,
        content === '' ? application : `${content},${application}`,
      );
    } catch (error) {
      if (left === 0) throw error;
    }
  }
}

function applicationsOf(content: string): readonly string[] {
  return [...new Set(content.split(',').filter((name) => /^[^\s@?/]{1,512}$/.test(name)))];
}
