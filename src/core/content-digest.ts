// Identity of the files that a COPY, ADD or read-only mount takes in (H-06, H-07): metadata and
// bytes of every entry, names relative to where the copy begins. Modification times stay out, so
// a touched file is the same file.
import { type ContentKey, hasher } from './digest.ts';
import { InvariantError } from './errors.ts';
import type { FileEntry } from './file-entry.ts';
import { fsPath } from './path-bytes.ts';

/** Raised when what enters a content key changes. */
export const CONTENT_KEY_VERSION = 'files-v1';

/** Text is hashed in pieces of about this many characters. */
const PIECE = 1 << 16;

/**
 * Key of `entries` in the order given, which is the walking order of their tree. Paths are relative to
 * the selected source; '' is the source itself, so that its own name does not count. Regular files and
 * hard links must carry `sha256` and `size`: a hard link counts as the file it is.
 */
export function contentKeyOfEntries(entries: Iterable<FileEntry>): ContentKey {
  const hash = hasher();
  let piece = `${CONTENT_KEY_VERSION}\n`;
  for (const entry of entries) {
    piece += describe(entry);
    if (piece.length < PIECE) continue;
    // Names that are not UTF-8 must not fall together: fsPath gives their bytes.
    hash.update(fsPath(piece));
    piece = '';
  }
  hash.update(fsPath(piece));
  return hash.contentKey();
}

/** One entry, unambiguous: numbers end at a blank, texts are preceded by their length. */
function describe(entry: FileEntry): string {
  const linked = entry.type === 'hardlink';
  const regular = linked || entry.type === 'file';
  if (regular && entry.sha256 === undefined) throw new InvariantError(`content of ${JSON.stringify(entry.path)} was not hashed`);
  const device = entry.devMajor === undefined && entry.devMinor === undefined ? '' : `${entry.devMajor ?? 0},${entry.devMinor ?? 0}`;
  const head = `${linked ? 'file' : entry.type} ${entry.mode} ${entry.uid} ${entry.gid} ${regular ? entry.size : 0} ${device} `;
  const content = regular ? entry.sha256 : '';
  return `${head}${content} ${framed(entry.path)}${framed(linked ? '' : (entry.link ?? ''))}${xattrs(entry)}\n`;
}

const framed = (text: string): string => `${text.length}:${text}`;

/** Attributes the kernel keeps for itself or derives from policy say nothing about content. */
const counts = (name: string): boolean => !name.startsWith('system.') && (!name.startsWith('security.') || name === 'security.capability');

function xattrs(entry: FileEntry): string {
  if (entry.xattrs === undefined) return '';
  const names = Object.keys(entry.xattrs).filter(counts).sort();
  return names.map((name) => framed(name) + framed(entry.xattrs?.[name] ?? '')).join('');
}
