import type { Entry } from '../history.ts';
import type { Book } from './book.ts';

/** Says that the history breaks the invariant. */
export type Fail = (atMs: number, text: string) => void;

/** Follows a history, and says where it breaks one invariant. */
export interface Check {
  /** Called after the book has taken the entry. */
  see(entry: Entry): void;
  /** The history is at its end. */
  finish?(): void;
}

/** One invariant, and what begins to check it. */
export interface Invariant {
  readonly id: string;
  readonly text: string;
  begin(book: Book, fail: Fail): Check;
}

/** Something that a history shows, and that must not be. */
export interface Violation {
  readonly invariant: string;
  readonly atMs: number;
  readonly text: string;
}
