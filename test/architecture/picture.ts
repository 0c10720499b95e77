import { INSIDE, readImports, withoutImplied } from './imports.ts';
import { layers, type Place } from './layers.ts';

const ROW = 74;
const BOX = 30;
const MARGIN = 30;
const TITLE =
  'Packages of podwire, and the folders of its client: an arrow goes from what imports to what it imports';
const STYLE = [
  'text{font:13px ui-monospace,monospace;text-anchor:middle;fill:#1f2328}',
  '.page{fill:#fff}.frame{fill:#f6f8fa;stroke:#d1d9e0}',
  '.node{fill:#fff;stroke:#59636e}.arrow{fill:none;stroke:#59636e}.tip{fill:#59636e}',
  '@media(prefers-color-scheme:dark){text{fill:#f0f6fc}.page{fill:#0d1117}.frame{fill:#151b23;stroke:#3d444d}',
  '.node{fill:#0d1117;stroke:#9198a1}.arrow{stroke:#9198a1}.tip{fill:#9198a1}}',
].join('');

const round = (value: number) => Number(value.toFixed(1));

/** A line that leaves and enters every place upright. */
function curve(points: readonly (readonly [number, number])[]): string {
  return points
    .map(([x, y], i) => {
      if (i === 0) return `M${round(x)} ${round(y)}`;
      const [beforeX, beforeY] = points[i - 1]!;
      const middle = round((beforeY + y) / 2);
      return `C${round(beforeX)} ${middle} ${round(x)} ${middle} ${round(x)} ${round(y)}`;
    })
    .join('');
}

/** The picture of docs/architecture.md, of the packages as they are now. */
export function architectureSvg(packages: string): string {
  const { rows, arrows } = layers(withoutImplied(readImports(packages)));
  const all = rows.flat();
  const left = Math.min(...all.map(({ x, width }) => x - width / 2)) - MARGIN * 2;
  const width = Math.max(...all.map((place) => place.x + place.width / 2)) + MARGIN * 2 - left;
  const height = rows.length * ROW + MARGIN * 2;
  const rowOf = (place: Place) => rows.findIndex((row) => row.includes(place));
  const x = (place: Place) => place.x - left;
  const y = (place: Place) => MARGIN + (rows.length - 1 - rowOf(place)) * ROW + ROW / 2;

  const boxes = all.filter(({ isBend }) => !isBend);
  const inside = boxes.filter(({ name }) => name.startsWith(`${INSIDE}/`));
  const bends = all.filter((place) => place.isBend && inside.some((one) => y(one) === y(place)));
  const framed = [...inside, ...bends];
  const frameLeft = Math.min(...framed.map((place) => x(place) - place.width / 2)) - MARGIN;
  const frameRight = Math.max(...framed.map((place) => x(place) + place.width / 2)) + MARGIN;
  const frameTop = Math.min(...inside.map(y)) - ROW / 2;
  const frameBottom = Math.max(...inside.map(y)) + ROW / 2 - 8;
  const rect = (kind: string, at: readonly [number, number], size: readonly [number, number]) =>
    `<rect class="${kind}" x="${round(at[0])}" y="${round(at[1])}" width="${round(size[0])}" height="${round(size[1])}" rx="6"/>`;
  const lines = [
    rect('page', [0, 0], [width, height]),
    rect('frame', [frameLeft, frameTop], [frameRight - frameLeft, frameBottom - frameTop]),
    `<text x="${round(frameLeft + 50)}" y="${round(frameTop + 20)}">${INSIDE}</text>`,
    ...arrows.map((arrow) => {
      const points = arrow.map((place, i): [number, number] => {
        const edge = i === 0 ? BOX / 2 : i === arrow.length - 1 ? -BOX / 2 - 6 : 0;
        return [x(place), y(place) + edge];
      });
      return `<path class="arrow" marker-end="url(#tip)" d="${curve(points)}"/>`;
    }),
    ...boxes.flatMap((box) => [
      rect('node', [x(box) - box.width / 2, y(box) - BOX / 2], [box.width, BOX]),
      `<text x="${round(x(box))}" y="${round(y(box) + 4.5)}">${box.name.replace(`${INSIDE}/`, '')}</text>`,
    ]),
  ];
  const tip =
    '<marker id="tip" viewBox="0 0 8 8" refX="2" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path class="tip" d="M0 0L8 4L0 8z"/></marker>';
  const size = `width="${round(width)}" height="${round(height)}" viewBox="0 0 ${round(width)} ${round(height)}"`;
  const head = `<title>${TITLE}</title><style>${STYLE}</style><defs>${tip}</defs>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" role="img" ${size}>${head}\n${lines.join('\n')}\n</svg>\n`;
}
