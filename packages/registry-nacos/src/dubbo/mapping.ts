import type { Configs } from '../config/configs.ts';

/** The group in which Dubbo keeps, in a config of the interface's name, the applications that have the interface. */
const MAPPING = 'mapping';
/** The most applications that are followed, each with a subscription; mappings of one interface have fewer. */
const MAX_APPLICATIONS = 1_000;

/** Calls `listener` with the applications that provide an interface, now and after each change. */
export function followMapping(
  configs: Configs,
  name: string,
  listener: (applications: readonly string[]) => void,
): Promise<() => void> {
  return configs.follow(name, MAPPING, (content) =>
    listener(applicationsOf(content).slice(0, MAX_APPLICATIONS)),
  );
}

/** Adds `application` to the mapping of an interface. */
export function addToMapping(configs: Configs, name: string, application: string): Promise<void> {
  return configs.edit(name, MAPPING, (content) => {
    if (applicationsOf(content).includes(application)) return content;
    return content === '' ? application : `${content},${application}`;
  });
}

function applicationsOf(content: string): readonly string[] {
  return [...new Set(content.split(',').filter((name) => /^[^\s@?/]{1,512}$/.test(name)))];
}
