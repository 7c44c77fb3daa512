// File entries → tar headers (G-05, G-06). Plain ustar when everything fits, PAX records only for
// what does not. The bytes depend on the entry alone: no clock, no user names, no access times.

import { InvariantError } from '../../../core/errors.ts';
import type { FileEntry, FileType } from '../../../core/file-entry.ts';
import { pathToBytes } from '../../../core/path-bytes.ts';
import { encodePax } from './pax.ts';
import { BLOCK, badLayer, FIELD, headerChecksum, PAX_XATTR, paddingOf, TYPE, WHITEOUT_PREFIX } from './tar-format.ts';

/** Two zero blocks end an archive. */
export const END_OF_TAR: Buffer = Buffer.alloc(2 * BLOCK);

const MAX_OCTAL7 = 0o7777777;
const MAX_OCTAL11 = 0o77777777777;

const TYPE_FLAG: Readonly<Record<FileType, number>> = {
  file: TYPE.file,
  dir: TYPE.dir,
  symlink: TYPE.symlink,
  hardlink: TYPE.hardlink,
  char: TYPE.char,
  block: TYPE.block,
  fifo: TYPE.fifo,
  whiteout: TYPE.file,
  opaque: TYPE.file,
};

/** Path of the tar member for `entry`, as bytes: `dir/`, `a/.wh.b` for the whiteout of a/b, `./` for the root. */
function memberName(entry: FileEntry): Buffer {
  if (entry.type === 'whiteout') {
    const slash = entry.path.lastIndexOf('/') + 1;
    return pathToBytes(`${entry.path.slice(0, slash)}${WHITEOUT_PREFIX}${entry.path.slice(slash)}`);
  }
  if (entry.type === 'dir') return pathToBytes(entry.path === '' ? './' : `${entry.path}/`);
  return pathToBytes(entry.path);
}

/** Header blocks of one entry: 512 bytes, or a PAX header in front of them. Content and padding are the caller's. */
export function encodeHeader(entry: FileEntry): Buffer {
  if (entry.type === 'opaque') throw new InvariantError(`opaque marker of ${JSON.stringify(entry.path)} must be written as whiteouts`);
  const bare = entry.type === 'whiteout';
  const name = memberName(entry);
  const link = pathToBytes(entry.link ?? '');
  const values = {
    name,
    split: splitName(name),
    link,
    mode: bare ? 0 : entry.mode & 0o7777,
    uid: bare ? 0 : entry.uid,
    gid: bare ? 0 : entry.gid,
    size: entry.type === 'file' ? entry.size : 0,
    mtime: bare ? 0 : Math.floor(entry.mtime),
  };
  const records = paxRecords(entry, values);
  const header = ustarBlock(entry, values);
  if (records.size === 0) return header;
  const body = encodePax(records);
  return Buffer.concat([paxBlock(name, body.length), body, Buffer.alloc(paddingOf(body.length)), header]);
}

interface HeaderValues {
  readonly name: Buffer;
  /** Where the name splits into prefix and name; 0: no prefix needed, -1: does not fit. */
  readonly split: number;
  readonly link: Buffer;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: number;
}

function paxRecords(entry: FileEntry, values: HeaderValues): Map<string, string> {
  const records = new Map<string, string>();
  if (values.split === -1) records.set('path', values.name.toString('latin1'));
  if (values.link.length > FIELD.link[1] || !isAscii(values.link)) records.set('linkpath', values.link.toString('latin1'));
  if (!fits(values.uid, MAX_OCTAL7)) records.set('uid', String(values.uid));
  if (!fits(values.gid, MAX_OCTAL7)) records.set('gid', String(values.gid));
  if (!fits(values.size, MAX_OCTAL11)) records.set('size', String(values.size));
  if (!fits(values.mtime, MAX_OCTAL11)) records.set('mtime', String(values.mtime));
  if (entry.type !== 'whiteout' && entry.type !== 'hardlink') {
    for (const [key, value] of Object.entries(entry.xattrs ?? {})) {
      if (key.includes('=') || key.includes('\0'))
        throw badLayer(`${JSON.stringify(entry.path)} has an extended attribute that tar cannot name`);
      records.set(`${PAX_XATTR}${key}`, value);
    }
  }
  return records;
}

const fits = (value: number, limit: number): boolean => value >= 0 && value <= limit;

function isAscii(bytes: Uint8Array): boolean {
  for (const byte of bytes) if (byte > 127) return false;
  return true;
}

/** ustar keeps 100 bytes of name and 155 of directories before it, split at a slash. */
function splitName(name: Buffer): number {
  if (!isAscii(name)) return -1;
  if (name.length <= FIELD.name[1]) return 0;
  // A directory's own trailing slash cannot be the split: the name part must not be empty.
  const limit = Math.min(FIELD.prefix[1], name.length - 2);
  const at = name.lastIndexOf(0x2f, limit);
  return at > 0 && name.length - at - 1 <= FIELD.name[1] ? at : -1;
}

function ustarBlock(entry: FileEntry, values: HeaderValues): Buffer {
  const header = Buffer.alloc(BLOCK);
  if (values.split > 0) {
    values.name.copy(header, FIELD.prefix[0], 0, values.split);
    values.name.copy(header, FIELD.name[0], values.split + 1);
  } else putName(header, FIELD.name, values.name);
  putName(header, FIELD.link, values.link);
  putOctal(header, FIELD.mode, values.mode);
  putOctal(header, FIELD.uid, fits(values.uid, MAX_OCTAL7) ? values.uid : 0);
  putOctal(header, FIELD.gid, fits(values.gid, MAX_OCTAL7) ? values.gid : 0);
  putOctal(header, FIELD.size, fits(values.size, MAX_OCTAL11) ? values.size : 0);
  putOctal(header, FIELD.mtime, fits(values.mtime, MAX_OCTAL11) ? values.mtime : 0);
  putDevice(header, FIELD.devMajor, entry.devMajor ?? 0, entry.path);
  putDevice(header, FIELD.devMinor, entry.devMinor ?? 0, entry.path);
  return seal(header, TYPE_FLAG[entry.type]);
}

/** Header of the PAX record list itself; its name is only seen by tools that know no PAX. */
function paxBlock(name: Buffer, size: number): Buffer {
  const header = Buffer.alloc(BLOCK);
  const path = name.toString('latin1').replace(/\/$/, '');
  const slash = path.lastIndexOf('/') + 1;
  putName(header, FIELD.name, Buffer.from(`${path.slice(0, slash)}PaxHeaders.0/${path.slice(slash)}`, 'latin1'));
  putOctal(header, FIELD.mode, 0);
  putOctal(header, FIELD.uid, 0);
  putOctal(header, FIELD.gid, 0);
  putOctal(header, FIELD.size, size);
  putOctal(header, FIELD.mtime, 0);
  putOctal(header, FIELD.devMajor, 0);
  putOctal(header, FIELD.devMinor, 0);
  return seal(header, TYPE.paxLocal);
}

function seal(header: Buffer, type: number): Buffer {
  header[FIELD.type[0]] = type;
  header.write('ustar\u000000', FIELD.magic[0], 'latin1');
  const sum = headerChecksum(header, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, FIELD.checksum[0], 'latin1');
  return header;
}

/** ASCII bytes of `name`, cut to the field; the full name is in a PAX record when it is cut. */
function putName(header: Buffer, [at, length]: readonly [number, number], name: Buffer): void {
  if (name.length <= length && isAscii(name)) {
    name.copy(header, at);
    return;
  }
  let out = 0;
  for (const byte of name) {
    if (out === length) break;
    if (byte <= 127) header[at + out++] = byte;
  }
}

/** Zero-padded octal digits and a NUL. */
function putOctal(header: Buffer, [at, length]: readonly [number, number], value: number): void {
  let rest = value;
  for (let i = at + length - 2; i >= at; i--) {
    header[i] = 0x30 + (rest % 8);
    rest = Math.floor(rest / 8);
  }
}

function putDevice(header: Buffer, field: readonly [number, number], value: number, path: string): void {
  if (!fits(value, MAX_OCTAL7)) throw badLayer(`${JSON.stringify(path)} has the device number ${value}`);
  putOctal(header, field, value);
}
