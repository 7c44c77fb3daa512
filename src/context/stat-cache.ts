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

/** What is remembered of the files of one directory, in columns. */
export interface KnownFiles {
  readonly names: readonly string[];
  /** Size, mtime, ctime and inode of each. */
  readonly stamps: BigInt64Array;
  /** 64 hex digits of each. */
  readonly digests: string;
}

/** By absolute path. Losing files is allowed; inventing them is not. */
export interface StatCache {
  /** `directory` ends with a slash. Null when nothing is known of it. */
  get(directory: string): KnownFiles | null;
  put(rows: ReadonlyMap<string, StatRow>): void;
}

export const sameStamp = (a: FileStamp, b: FileStamp): boolean =>
  a.size === b.size && a.mtime === b.mtime && a.ctime === b.ctime && a.inode === b.inode;
