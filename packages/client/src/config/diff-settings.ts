import type { Rows } from '../options/option-kinds.ts';
import { GRPC_ONLY_TABLE, OPTION_TABLE } from '../options/option-table.ts';
import { isSame } from '../options/same.ts';
import type { Settings } from '../options/settings.ts';

/** The options in which two settings differ, by name (`group.member` in a group), in the order of the table. */
export interface SettingsDiff {
  /** Options that a channel takes while calls run. */
  readonly applies: readonly string[];
  /** Options that need a new channel. */
  readonly needsRestart: readonly string[];
}

/**
 * Compares the options as they were given. An option that is now given its default counts as a change, because giving it may mean more
 * than its value: with a keepalive time that is given, servers are no longer spared.
 */
export function diffSettings(before: Settings, after: Settings): SettingsDiff {
  const rows: Rows = { ...OPTION_TABLE, ...GRPC_ONLY_TABLE };
  const applies: string[] = [];
  const needsRestart: string[] = [];
  for (const [name, row] of Object.entries(rows)) {
    const [was, is] = [valueIn(before.given, name), valueIn(after.given, name)];
    // Of a group itself only its presence is compared; its members have rows of their own.
    const isSameAsBefore = row.kind === 'group' ? !row.optional || !was === !is : isSame(was, is);
    if (!isSameAsBefore) (row.live ? applies : needsRestart).push(name);
  }
  return { applies, needsRestart };
}

function valueIn(given: Settings['given'], name: string): unknown {
  let value: unknown = given;
  for (const key of name.split('.')) value = (value as Settings['given'] | undefined)?.[key];
  return value;
}
