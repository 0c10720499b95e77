// Bars of calls per Pod: live on a terminal, one picture per phase otherwise.
const WIDTH = 40;
const live = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;

export class Screen {
  #lines = 0;
  #timer;

  /** Draws what `look` resolves with, `[client, [pod, calls][]][]`, five times a second while a phase runs. */
  phase(title, look) {
    process.stdout.write(`\n${title}\n`);
    this.#lines = 0;
    if (live) this.#timer = setInterval(async () => this.#draw(await look(), this.#timer), 200);
  }

  /** Ends the phase with its last picture. */
  end(bars) {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#draw(bars);
  }

  /** A picture that was asked for in a phase that ended meanwhile is not drawn. */
  #draw(bars, timer) {
    if (timer !== this.#timer) return;
    if (this.#lines > 0) process.stdout.write(`\x1b[${this.#lines}A\x1b[J`);
    const most = Math.max(1, ...bars.flatMap(([, rows]) => rows.map(([, calls]) => calls)));
    const lines = bars.flatMap(([client, rows]) => [
      `  ${client}`,
      ...rows.map(([pod, calls]) => {
        const bar = '█'.repeat(Math.round((calls / most) * WIDTH));
        return `    ${pod.padEnd(12)} ${bar.padEnd(WIDTH)} ${calls}`;
      }),
    ]);
    process.stdout.write(`${lines.join('\n')}\n`);
    this.#lines = live ? lines.length : 0;
  }
}

export function table(header, rows) {
  const widths = header.map((title, i) =>
    Math.max(title.length, ...rows.map((row) => String(row[i]).length)),
  );
  const line = (cells) =>
    `  ${cells.map((cell, i) => (i < 2 ? String(cell).padEnd(widths[i]) : String(cell).padStart(widths[i]))).join('  ')}\n`;
  process.stdout.write(
    `\n${line(header)}  ${'─'.repeat(widths.reduce((sum, width) => sum + width + 2, -2))}\n`,
  );
  for (const row of rows) process.stdout.write(line(row));
}
