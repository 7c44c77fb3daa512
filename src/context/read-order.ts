// What DirectoryReader and its second thread share: a list of directories, of which each takes what the other
// has not, and the form in which the second one hands over what it found.
import type { MessagePort } from 'node:worker_threads';
import type { DirectoryStats } from './read-directory.ts';

/** A list of directories that several threads read. */
export interface ReadOrder {
  /** Absolute. */
  readonly root: string;
  /** Below `root`. */
  readonly paths: readonly string[];
  /** One number: position of the first directory that nobody has taken. */
  readonly next: Int32Array<SharedArrayBuffer>;
}

/** What the second thread is told; it answers once, with a list of ReadAnswer. */
export interface ReadMessage extends ReadOrder {
  readonly answer: MessagePort;
}

/** What is in the directory at position `at`. */
export interface ReadAnswer extends Omit<DirectoryStats, 'names'> {
  readonly at: number;
  /** Joined by slashes: one string is handed over faster than many. */
  readonly names: string;
}

/** Positions of directories that nobody else reads, one at a time. */
export function* turns({ paths, next }: ReadOrder): Generator<number> {
  for (let at = Atomics.add(next, 0, 1); at < paths.length; at = Atomics.add(next, 0, 1)) yield at;
}
