// passwd and group files go into the table of contents, so that user names can be looked up without
// unpacking anything. Not only those below /etc: images may link /etc/passwd elsewhere.
import type { FileEntry } from '../../core/file-entry.ts';

/** A passwd file is a list of accounts; larger ones are an attempt to exhaust memory. */
const LIMIT = 1024 * 1024;
const NAME = /(?:^|\/)(?:passwd|group)$/;
const EXECUTABLE = 0o111;

/** True for a regular, non-executable file named passwd or group of less than 1 MiB. Content is kept as UTF-8 text. */
export const isIdentityFile = (entry: FileEntry): boolean =>
  entry.type === 'file' && entry.size < LIMIT && (entry.mode & EXECUTABLE) === 0 && NAME.test(entry.path);
