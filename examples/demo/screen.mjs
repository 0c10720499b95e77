// Bars of calls per Pod: live on a terminal, one line per phase otherwise.
const WIDTH = 40;
const live = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;

export class Screen {
  #lines = 0;
  #timer;

  /** Draws what `rows` returns five times a second while a phase runs. */
  phase(title, rows) {
    process.stdout.write(`\n${title}\n`);
    this.#lines = 0;
    if (live) this.#timer = setInterval(() => this.#draw(rows()), 200);
  }

  /** Ends the phase with its last picture. */
  end(rows) {
    clearInterval(this.#timer);
    this.#draw(rows);
  }

  #draw(rows) {
    if (this.#lines > 0) process.stdout.write(`\x1b[${this.#lines}A\x1b[J`);
    const most = Math.max(1, ...rows.map(([, calls]) => calls));
    for (const [pod, calls] of rows) {
      const bar = '█'.repeat(Math.round((calls / most) * WIDTH));
      process.stdout.write(`  ${pod.padEnd(16)} ${bar.padEnd(WIDTH)} ${calls}\n`);
    }
    this.#lines = live ? rows.length : 0;
  }
}

export function table(header, rows) {
  const widths = header.map((title, i) =>
    Math.max(title.length, ...rows.map((row) => String(row[i]).length)),
  );
  const line = (cells) =>
    `  ${cells.map((cell, i) => (i === 0 ? String(cell).padEnd(widths[i]) : String(cell).padStart(widths[i]))).join('  ')}\n`;
  process.stdout.write(
    `\n${line(header)}  ${'─'.repeat(widths.reduce((sum, width) => sum + width + 2, -2))}\n`,
  );
  for (const row of rows) process.stdout.write(line(row));
}
