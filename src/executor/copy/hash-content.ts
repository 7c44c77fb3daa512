// Content hash of a file that may be the same as in the base: read only when all metadata agree.
import { createHash } from 'node:crypto';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { fsPath } from '../../core/path-bytes.ts';
import type { Inode } from './inode.ts';

const BLOCK = 256 * 1024;

/** 64 hex digits, or null when the content is not at hand or unreadable: the file is then listed, and reading it reports the error. */
export function hashContent(inode: Inode): string | null {
  const { content } = inode;
  if (content?.type === 'bytes') return createHash('sha256').update(content.bytes).digest('hex');
  if (content?.type === 'host') return hashFile(content.path);
  return content?.type === 'tree' ? hashFile(content.tree.hostPath(content.path)) : null;
}

function hashFile(path: string): string | null {
  try {
    const fd = openSync(fsPath(path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const hash = createHash('sha256');
      const block = Buffer.allocUnsafe(BLOCK);
      for (let count = readSync(fd, block); count > 0; count = readSync(fd, block)) hash.update(block.subarray(0, count));
      return hash.digest('hex');
    } finally {
      closeSync(fd);
    }
  } catch {
    return null;
  }
}
