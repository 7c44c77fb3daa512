// The entry that says that a lower layer's name is gone.
import type { FileEntry } from '../../core/file-entry.ts';

/** The one form of a whiteout: it has no mode, owner or time (G-06). `path` is what it hides. */
export const whiteoutOf = (path: string): FileEntry => ({ path, type: 'whiteout', mode: 0, uid: 0, gid: 0, size: 0, mtime: 0 });
