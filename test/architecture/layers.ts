import { type Imports, INSIDE } from './imports.ts';

/** A node in its row, or a bend of an arrow that passes the row. */
export interface Place {
  readonly name: string;
  readonly isBend: boolean;
  readonly width: number;
  /** Its centre. */
  x: number;
}

/** Rows from the one that imports nothing to the one that nothing imports, and each arrow as the places that it passes. */
export interface Layers {
  readonly rows: readonly Place[][];
  readonly arrows: readonly (readonly Place[])[];
}

const CHARACTER = 7.4;
const PADDING = 22;
const BEND = 10;
const GAP = 26;
const SWEEPS = 40;

const isInside = (name: string) => name.startsWith(`${INSIDE}/`);

/** Each node's row: one above all that it imports. Those of the client stand above all packages, so that one frame holds them. */
function rowsOf(imports: Imports): Map<string, number> {
  const rows = new Map<string, number>();
  const rowOf = (name: string): number => {
    const below = [...(imports.get(name) ?? [])].map((to) => rowOf(to) + 1);
    const row = Math.max(isInside(name) ? floor : 0, ...below);
    rows.set(name, row);
    return row;
  };
  let floor = 0;
  const names = [...imports.keys()];
  const packages = names.filter((name) => !isInside(name)).map(rowOf);
  floor = Math.max(...packages) + 1;
  for (const name of names.filter(isInside)) rowOf(name);
  return rows;
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Puts a row's places as near to where they want to be as they can stand in that order without overlap (isotonic regression). */
function settle(row: Place[], wanted: ReadonlyMap<Place, number>): void {
  const want = (place: Place) => wanted.get(place) ?? place.x;
  row.sort((a, b) => want(a) - want(b) || (a.name < b.name ? -1 : 1));
  // Places that push one another move as one block; `shift` is what its places would like to move by, on average.
  const blocks: { places: { place: Place; offset: number }[]; shift: number }[] = [];
  let offset = 0;
  for (const place of row) {
    const block = { places: [{ place, offset: offset + place.width / 2 }], shift: 0 };
    offset += place.width + GAP;
    block.shift = want(place) - block.places[0]!.offset;
    for (
      let before = blocks.at(-1);
      before !== undefined && before.shift > block.shift;
      before = blocks.at(-1)
    ) {
      block.places.unshift(...before.places);
      block.shift = mean(block.places.map((one) => want(one.place) - one.offset));
      blocks.pop();
    }
    blocks.push(block);
  }
  for (const { places, shift } of blocks) for (const one of places) one.place.x = one.offset + shift;
}

/** Lays the nodes out in rows, with few crossings: each row by turns goes by the middle of its neighbours below and above. */
export function layers(imports: Imports): Layers {
  const rowOf = rowsOf(imports);
  const rows: Place[][] = Array.from({ length: Math.max(...rowOf.values()) + 1 }, () => []);
  const places = new Map<string, Place>();
  const add = (name: string, row: number, isBend: boolean): Place => {
    const label = name.replace(`${INSIDE}/`, '');
    const place = { name, isBend, width: isBend ? BEND : label.length * CHARACTER + PADDING, x: 0 };
    rows[row]!.push(place);
    return place;
  };
  for (const name of [...imports.keys()].sort()) places.set(name, add(name, rowOf.get(name)!, false));
  const arrows: Place[][] = [];
  for (const [from, all] of imports)
    for (const to of all) {
      const arrow = [places.get(from)!];
      for (let row = rowOf.get(from)! - 1; row > rowOf.get(to)!; row--)
        arrow.push(add(`${from} → ${to}`, row, true));
      arrows.push([...arrow, places.get(to)!]);
    }
  for (const row of rows) settle(row, new Map(row.map((place, i) => [place, i * 100])));
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const isDown = sweep % 2 === 1;
    for (const row of isDown ? [...rows].reverse() : rows) {
      const wanted = new Map<Place, number>();
      for (const place of row) {
        const near = arrows.flatMap((arrow) => {
          const at = arrow.indexOf(place);
          return at < 0 ? [] : [arrow[at - 1], arrow[at + 1]];
        });
        const xs = near.filter((one) => one !== undefined).map(({ x }) => x);
        if (xs.length > 0) wanted.set(place, mean(xs));
      }
      settle(row, wanted);
    }
  }
  return { rows, arrows };
}
