/** The middle one of some numbers; of an even count the larger of the two. */
export const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];
