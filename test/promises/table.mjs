// What is printed: one line for each promise.
import { OPTIONS } from './clients/options.mjs';

const COLUMNS = ['id', 'fault', 'what', 'limit', 'podwire', 'grpc-js', 'verdict'];

export const HEAD = `grpc-js: ${OPTIONS}; in the same run, against the same Pods.`;

const cells = (line) => COLUMNS.map((column) => line[column] ?? '');

export function formatTable(lines) {
  const rows = [COLUMNS, ...lines.map(cells)];
  const widths = COLUMNS.map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** As docs/reliability.md has it. */
export function formatMarkdown(lines) {
  const rows = [COLUMNS, COLUMNS.map(() => '---'), ...lines.map(cells)];
  return rows.map((row) => `| ${row.join(' | ')} |`).join('\n');
}
