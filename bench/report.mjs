// Tables with ratios, and the same as an SVG plot.
const REFERENCE = 'grpc-js';

export function formatTable(results) {
  const lines = [];
  for (const [workload, { title, clients }] of Object.entries(results)) {
    lines.push('', `${title} (${workload})`);
    lines.push(
      '  client                CPU µs    ratio    per second    ratio     p50 ms    p99 ms   garbage B',
    );
    const base = clients[REFERENCE] ?? Object.values(clients)[0];
    for (const [name, value] of Object.entries(clients)) {
      const cells = [
        name.padEnd(20),
        value.cpuUs.toFixed(1).padStart(8),
        (value.cpuUs / base.cpuUs).toFixed(3).padStart(8),
        Math.round(value.perSecond).toString().padStart(13),
        (value.perSecond / base.perSecond).toFixed(2).padStart(8),
        (value.p50Ms?.toFixed(2) ?? '').padStart(10),
        (value.p99Ms?.toFixed(2) ?? '').padStart(9),
        (value.garbageBytes === undefined ? '' : Math.round(value.garbageBytes).toString()).padStart(11),
      ];
      lines.push(`  ${cells.join(' ')}`);
    }
  }
  return lines.join('\n');
}

/** What was promised, what was measured, and which of floor and aim it reaches. */
export function formatTargets(judged) {
  const lines = [
    `${'promise'.padEnd(62)} ${'against'.padEnd(8)} ${'measured'.padStart(8)} ${'floor'.padStart(7)} ${'aim'.padStart(7)}`,
  ];
  for (const { title, against, value, floor, aim, more, verdict } of judged) {
    const bound = (number) =>
      (number === undefined ? '' : `${more ? '≥' : '≤'}${Number(number.toFixed(3))}`).padStart(7);
    lines.push(
      `${title.padEnd(62)} ${against.padEnd(8)} ${value.toFixed(3).padStart(8)} ${bound(floor)} ${bound(aim)}  ${verdict}`,
    );
  }
  return lines.join('\n');
}

const WIDTH = 640;
const BAR = 20;
const COLOURS = { podwire: '#2563eb', 'podwire-client': '#1d4ed8', 'podwire-node-http2': '#93c5fd' };
const OTHERS = '#9ca3af';

/** CPU per call of each client, a group of bars a workload; the longest of a group is its slowest client. */
export function formatSvg(results) {
  const rows = [];
  let y = 44;
  const text = (x, at, value, weight = 'normal') =>
    `<text x="${x}" y="${at}" font-family="sans-serif" font-size="12" font-weight="${weight}">${value}</text>`;
  for (const { title, clients } of Object.values(results)) {
    const most = Math.max(...Object.values(clients).map(({ cpuUs }) => cpuUs));
    const base = clients[REFERENCE];
    rows.push(text(10, y, title, 'bold'));
    y += 10;
    for (const [name, { cpuUs }] of Object.entries(clients)) {
      const width = Math.max(1, (cpuUs / most) * (WIDTH - 320));
      const ratio = base === undefined ? '' : ` (${(cpuUs / base.cpuUs).toFixed(3)})`;
      rows.push(text(10, y + 15, name));
      rows.push(
        `<rect x="160" y="${y + 2}" width="${width.toFixed(1)}" height="${BAR - 4}" fill="${COLOURS[name] ?? OTHERS}"/>`,
      );
      rows.push(text(Number((166 + width).toFixed(1)), y + 15, `${cpuUs.toFixed(1)} µs${ratio}`));
      y += BAR;
    }
    y += 24;
  }
  const name = `Client CPU per call (or message and its echo), and its ratio to ${REFERENCE}'s; lower is better`;
  const size = `width="${WIDTH}" height="${y}" viewBox="0 0 ${WIDTH} ${y}"`;
  const content = `<title>${name}</title><rect width="100%" height="100%" fill="white"/>${text(10, 20, name, 'bold')}${rows.join('')}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" role="img" ${size}>${content}</svg>\n`;
}
