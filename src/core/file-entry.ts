// One entry of a file tree as layers, contexts and cache keys see it. The same shape describes a
// walked context file, a line of a layer's table of contents and a tar header.

export type FileType = 'file' | 'dir' | 'symlink' | 'hardlink' | 'char' | 'block' | 'fifo' | 'whiteout' | 'opaque';

export interface FileEntry {
  /** Relative to the root, `/`-separated, no leading or trailing slash; '' is the root itself. Bytes as in path-bytes.ts. */
  readonly path: string;
  readonly type: FileType;
  /** Permission bits including setuid, setgid, sticky (0..0o7777). */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes of content; 0 unless type is 'file'. */
  readonly size: number;
  /** Whole seconds since the epoch. */
  readonly mtime: number;
  /** Symlink text, or for a hard link the path (as above) of the first name in the same layer. */
  readonly link?: string;
  readonly devMajor?: number;
  readonly devMinor?: number;
  /** Name → value as latin1 text (one char per byte). Only names that belong in a layer. */
  readonly xattrs?: Readonly<Record<string, string>>;
  /** 64 hex digits of the content of a 'file'; absent while not yet read. */
  readonly sha256?: string;
}

/** A layer's table of contents: entries in tar order. 'whiteout' entries carry the hidden path, 'opaque' the directory. */
export interface LayerToc {
  readonly entries: readonly FileEntry[];
  /** Content of etc/passwd and etc/group when the layer carries them as regular files below 1 MiB. */
  readonly identityFiles: Readonly<Record<string, string>>;
}
