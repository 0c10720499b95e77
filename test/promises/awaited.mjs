// Rows that are not expected to hold yet: they are played and printed, and do not fail the run. An entry is a row's id, or
// a row and what it promises, as in the table: `G4` or `G4 visible, S`.
export const awaited = ['G4', 'G4b', 'E1'];
