/** The known word that a mistyped one most likely meant, or undefined when none is near. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  // With more than a third of the letters wrong it is another word, not a slip.
  let bestDistance = Math.ceil(word.length / 3) + 1;
  for (const candidate of known) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase(), bestDistance);
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** How many letters to change, add, drop or swap with the next one. Counting may stop at `limit`. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit || a.length > 100) return limit;
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swapped = isSwap ? beforePrevious[j - 2]! + 1 : substituted;
      row.push(Math.min(substituted, swapped, previous[j]! + 1, row[j - 1]! + 1));
    }
    beforePrevious = previous;
    previous = row;
  }
  return previous[b.length]!;
}

/** The rule that an unknown word breaks. It names the word that was probably meant, or all words, or the document that lists them. */
export function unknownWord(word: string, known: readonly string[], listedIn?: string): string {
  const near = nearest(word, known);
  if (near !== undefined) return `is unknown; did you mean '${near}'?`;
  if (known.length === 0) return 'is unknown; there is nothing to set';
  return listedIn === undefined
    ? `is not one of: ${known.join(', ')}`
    : `is unknown; podwire's ${listedIn} lists all`;
}
