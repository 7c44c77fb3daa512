// Compares an unpacked layer with its table of contents: what a power cut cut short, or somebody changed.
// Owners, modes and device nodes are left out, because a rootless store keeps them elsewhere.
import { createHash } from 'node:crypto';
import { closeSync, lstatSync, openSync, readlinkSync, readSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../../core/errors.ts';
import type { FileEntry, LayerToc } from '../../core/file-entry.ts';
import { fsPath } from '../../core/path-bytes.ts';

/** What is wrong with the tree below `root`, its first fault; null when it is what `toc` says. `deep` reads all content. */
export function faultOfTree(root: string, toc: LayerToc, deep: boolean): string | null {
  const last = new Map(toc.entries.map((entry) => [entry.path, entry]));
  const files = new Set(['file', 'hardlink', 'symlink', 'char', 'block', 'fifo', 'whiteout']);
  for (const [path, entry] of last) {
    // A later entry of the same archive may have taken the place of a directory.
    if (ancestorsOf(path).some((above) => files.has(last.get(above)?.type ?? ''))) continue;
    const fault = faultOf(join(root, path), entry, deep);
    if (fault !== null) return `${JSON.stringify(path)} ${fault}`;
  }
  return null;
}

function ancestorsOf(path: string): string[] {
  const above: string[] = [];
  for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) above.push(path.slice(0, at));
  return above;
}

function faultOf(path: string, entry: FileEntry, deep: boolean): string | null {
  if (entry.type === 'whiteout' || entry.type === 'opaque' || entry.type === 'char' || entry.type === 'block') return null;
  try {
    const stats = lstatSync(fsPath(path));
    return faultOfKind(path, entry, stats) ?? (deep && entry.type === 'file' ? faultOfContent(path, entry) : null);
  } catch (error) {
    const errno = errnoOf(error);
    // A directory of another owner, which only the executor may look into.
    if (errno === 'EACCES' || errno === 'EPERM') return null;
    return errno === 'ENOENT' || errno === 'ENOTDIR' ? 'is missing' : `cannot be read (${errno})`;
  }
}

function faultOfKind(path: string, entry: FileEntry, stats: Stats): string | null {
  switch (entry.type) {
    case 'file':
      if (!stats.isFile()) return 'is no file';
      return stats.size === entry.size ? null : `has ${stats.size} bytes instead of ${entry.size}`;
    case 'dir':
      return stats.isDirectory() ? null : 'is no directory';
    case 'symlink':
      if (!stats.isSymbolicLink()) return 'is no symbolic link';
      return readlinkSync(fsPath(path), 'buffer').equals(Buffer.from(fsPath(entry.link ?? ''))) ? null : 'leads somewhere else';
    default:
      return stats.isDirectory() ? 'is a directory' : null;
  }
}

const READ_SIZE = 1024 * 1024;

function faultOfContent(path: string, entry: FileEntry): string | null {
  if (entry.sha256 === undefined) return null;
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafe(Math.min(READ_SIZE, entry.size + 1));
  const fd = openSync(fsPath(path), 'r');
  try {
    for (let count = -1; count !== 0; ) {
      count = readSync(fd, buffer);
      hash.update(buffer.subarray(0, count));
    }
  } finally {
    closeSync(fd);
  }
  return hash.digest('hex') === entry.sha256 ? null : 'has other content';
}
