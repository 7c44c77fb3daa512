// Port: remembers content hashes of files that did not change. The store's index implements it.

/** What tells one state of a file from the next; times in nanoseconds. */
export interface FileStamp {
  readonly size: number;
  readonly mtime: bigint;
  readonly ctime: bigint;
  readonly inode: bigint;
}

export interface StatRow extends FileStamp {
  readonly sha256: string;
}

/** Rows by absolute path. Losing rows is allowed; inventing them is not. */
export interface StatCache {
  get(paths: readonly string[]): ReadonlyMap<string, StatRow>;
  put(rows: ReadonlyMap<string, StatRow>): void;
}

export const sameStamp = (a: FileStamp, b: FileStamp): boolean =>
  a.size === b.size && a.mtime === b.mtime && a.ctime === b.ctime && a.inode === b.inode;
