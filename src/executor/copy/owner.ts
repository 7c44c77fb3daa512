// --chown and the owner of a WORKDIR (C-30…C-32): numbers as they are, names looked up in passwd and
// group of the destination tree. Docker's rules, which are lenient: an unknown name is root.
import type { SourceTree } from '../../context/source-tree.ts';
import { noUserDatabase, unreadableUserDatabase } from './copy-errors.ts';
import { DestTree } from './dest-tree.ts';
import type { Owner } from './inode.ts';

/** Content of a passwd or group file of the base by its path without links, or null when it was not kept. */
export type ReadIdentityFile = (path: string) => string | null;

const ROOT: Owner = { uid: 0, gid: 0 };
const MAX_ID = 0x7fff_ffff;

interface Account {
  readonly name: string;
  readonly id: number;
  readonly group: number;
}

/**
 * `base` null means there is no tree to read names from (scratch, --link): names are then the error
 * 'exec/copy-no-user-database'. A database that is there but no regular file is 'exec/copy-user-database'.
 */
export function resolveOwner(text: string, base: SourceTree | null, read: ReadIdentityFile): Owner {
  if (text === '') return ROOT;
  const colon = text.indexOf(':');
  const userText = colon === -1 ? text : text.slice(0, colon);
  const groupText = colon === -1 ? null : text.slice(colon + 1);
  const number = idOf(userText);
  const user = number === null ? lookup(userText, 'etc/passwd', base, read) : { id: number, group: number };
  const uid = user?.id ?? 0;
  if (groupText === null) return { uid, gid: user?.group ?? 0 };
  if (groupText === '') return { uid, gid: 0 };
  const groupNumber = idOf(groupText);
  if (groupNumber !== null) return { uid, gid: groupNumber };
  return { uid, gid: lookup(groupText, 'etc/group', base, read)?.id ?? user?.group ?? 0 };
}

/** `root` and decimal 32-bit numbers need no lookup; null means it is a name. Negative ones wrap around, as in the kernel, and -1 leaves the owner root. */
function idOf(text: string): number | null {
  if (text === 'root') return 0;
  if (!/^[-+]?[0-9]+$/.test(text)) return null;
  const id = Number(text);
  if (id === -1) return 0;
  return Math.abs(id) <= MAX_ID ? id >>> 0 : null;
}

function lookup(name: string, file: 'etc/passwd' | 'etc/group', base: SourceTree | null, read: ReadIdentityFile): Account | null {
  if (name === '') return null;
  if (base === null) throw noUserDatabase(name);
  const { path, inode } = new DestTree(base, 0).resolve(file);
  if (inode === null) return null;
  if (inode.type !== 'file') throw unreadableUserDatabase(file, 'it is not a regular file');
  if (inode.size === 0) return null;
  const text = read(path);
  if (text === null) throw unreadableUserDatabase(path, 'it is larger than 1 MiB or not an ordinary passwd or group file');
  for (const line of text.split('\n')) {
    const account = parseAccount(line, file === 'etc/passwd');
    if (account?.name === name) return account;
  }
  return null;
}

/** `name:password:id[:group…]`; like Docker, an unreadable number is 0. */
function parseAccount(line: string, withGroup: boolean): Account | null {
  const trimmed = line.trim();
  if (trimmed === '') return null;
  const [name, , id, group] = trimmed.split(':');
  return { name: name ?? '', id: numberOf(id), group: withGroup ? numberOf(group) : 0 };
}

function numberOf(text: string | undefined): number {
  return text !== undefined && /^\+?[0-9]+$/.test(text) && Number(text) <= MAX_ID ? Number(text) : 0;
}
