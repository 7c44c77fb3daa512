// One 512-byte header block → its fields, and fields plus PAX records → a FileEntry. Strict about
// structure (checksum, numbers), tolerant where real archives differ (old tar, GNU, base-256).

import { TsbuildError } from '../../../core/errors.ts';
import type { FileEntry, FileType } from '../../../core/file-entry.ts';
import { pathFromBytes } from '../../../core/path-bytes.ts';
import { whiteoutOf } from '../whiteout.ts';
import type { PaxRecords } from './pax.ts';
import { BLOCK, badLayer, FIELD, headerChecksum, OPAQUE_NAME, PAX_XATTR, TYPE, WHITEOUT_PREFIX } from './tar-format.ts';

/** A decoded header block; names are bytes as latin1 text. */
export interface RawHeader {
  readonly name: string;
  readonly link: string;
  readonly type: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: number;
  readonly devMajor: number;
  readonly devMinor: number;
}

/** Overrides gathered from the headers that precede an entry. */
export interface Extensions {
  readonly pax: PaxRecords;
  readonly longName?: string;
  readonly longLink?: string;
}

type Field = readonly [number, number];

export function isZeroBlock(block: Uint8Array): boolean {
  for (let i = 0; i < BLOCK; i++) if (block[i] !== 0) return false;
  return true;
}

export function decodeHeader(block: Buffer): RawHeader {
  const expected = numberField(block, FIELD.checksum);
  if (expected !== headerChecksum(block, 0) && expected !== headerChecksum(block, 0, true)) {
    throw badLayer('a header has a wrong checksum');
  }
  // POSIX and only POSIX has a prefix field: GNU tar keeps times at its place.
  const posix = block.toString('latin1', FIELD.magic[0], FIELD.magic[0] + 6) === 'ustar\0';
  const prefix = posix ? textField(block, FIELD.prefix) : '';
  const name = textField(block, FIELD.name);
  const ustar = posix || block.toString('latin1', FIELD.magic[0], FIELD.magic[0] + 6) === 'ustar ';
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    link: textField(block, FIELD.link),
    type: block[FIELD.type[0]] ?? 0,
    mode: numberField(block, FIELD.mode),
    uid: numberField(block, FIELD.uid),
    gid: numberField(block, FIELD.gid),
    size: numberField(block, FIELD.size),
    mtime: numberField(block, FIELD.mtime),
    devMajor: ustar ? numberField(block, FIELD.devMajor) : 0,
    devMinor: ustar ? numberField(block, FIELD.devMinor) : 0,
  };
}

/** Up to the first NUL, as latin1. */
function textField(block: Buffer, [at, length]: Field): string {
  const text = block.toString('latin1', at, at + length);
  const end = text.indexOf('\0');
  return end === -1 ? text : text.slice(0, end);
}

/** Octal digits between blanks and NULs, or base-256 when the first bit is set. */
function numberField(block: Buffer, [at, length]: Field): number {
  const first = block[at] ?? 0;
  if ((first & 0x80) !== 0) return base256(block, at, length);
  let value = 0;
  let i = at;
  const end = at + length;
  while (i < end && (block[i] === 0x20 || block[i] === 0)) i++;
  for (; i < end; i++) {
    const byte = block[i] ?? 0;
    if (byte === 0 || byte === 0x20) break;
    if (byte < 0x30 || byte > 0x37) throw badLayer('a header has a number that is not octal');
    value = value * 8 + byte - 0x30;
  }
  return value;
}

/** Big-endian two's complement without its first bit. */
function base256(block: Buffer, at: number, length: number): number {
  const negative = ((block[at] ?? 0) & 0x40) !== 0;
  let value = negative ? -1n : 0n;
  for (let i = 0; i < length; i++) {
    const byte = i === 0 ? ((block[at] ?? 0) & 0x7f) | (negative ? 0x80 : 0) : (block[at + i] ?? 0);
    value = BigInt.asIntN(256, (value << 8n) | BigInt(byte));
  }
  return safe(Number(value));
}

function safe(value: number): number {
  if (!Number.isSafeInteger(value)) throw badLayer('a header has a number beyond 2^53');
  return value;
}

/** A PAX decimal, whole part only (`1700000000.25`, `-1.5`); times before the epoch round down. */
function paxNumber(pax: PaxRecords, key: string): number | undefined {
  const text = pax.get(key);
  if (text === undefined || text === '') return undefined;
  if (!/^-?[0-9]{1,19}(\.[0-9]*)?$/.test(text)) throw badLayer(`the PAX record ${key} is not a number`);
  return safe(Math.floor(Number(text)));
}

/** Content bytes that follow the header: what PAX says, else the field; none for kinds without content (as Go reads them). */
export function contentSize(header: RawHeader, pax: PaxRecords): number {
  const kind = typeOf(header);
  if (kind !== 'file') return 0;
  const size = paxNumber(pax, 'size') ?? header.size;
  if (size < 0) throw badLayer('an entry has a negative size');
  return size;
}

const TYPES: ReadonlyMap<number, FileType> = new Map([
  [TYPE.file, 'file'],
  [TYPE.old, 'file'],
  [TYPE.contiguous, 'file'],
  [TYPE.gnuSparse, 'file'],
  [TYPE.hardlink, 'hardlink'],
  [TYPE.symlink, 'symlink'],
  [TYPE.char, 'char'],
  [TYPE.block, 'block'],
  [TYPE.dir, 'dir'],
  [TYPE.fifo, 'fifo'],
]);

function typeOf(header: RawHeader): FileType {
  const type = TYPES.get(header.type);
  if (type === undefined) throw unknownKind(header.type);
  // Tar before POSIX marked directories by their name only.
  return type === 'file' && header.type === TYPE.old && header.name.endsWith('/') ? 'dir' : type;
}

/** Names as the archive gives them, latin1. A sparse file's real name is in a record of its own. */
export const rawName = (header: RawHeader, { pax, longName }: Extensions, sparse = false): string =>
  (sparse ? pax.get('GNU.sparse.name') : undefined) ?? pax.get('path') ?? longName ?? header.name;
export const rawLink = (header: RawHeader, { pax, longLink }: Extensions): string => pax.get('linkpath') ?? longLink ?? header.link;

function bounded(name: string, limit: number, what: string): string {
  if (name.length > limit) throw badLayer(`${what} has ${name.length} bytes, more than ${limit}: ${JSON.stringify(name.slice(0, 60))}…`);
  return name;
}

function unknownKind(type: number): TsbuildError {
  return new TsbuildError({
    code: 'exec/layer-entry-kind',
    message: `a tar entry has the kind ${JSON.stringify(String.fromCharCode(type))}, which cannot be unpacked`,
    hint: 'make the archive with files, directories, links and devices only; with GNU tar: --format=posix, without --label',
    data: { type },
  });
}

/** Kinds that are read in layers, but that Docker does not unpack from an archive. Error: 'exec/layer-entry-kind'. */
export function refuseForeignKinds({ type }: RawHeader): void {
  if (type === TYPE.contiguous || type === TYPE.gnuSparse) throw unknownKind(type);
}

interface EntryFacts {
  /** The file's size as `contentSize` or a sparse map gives it. */
  readonly size: number;
  readonly sparse: boolean;
  /** `.wh.` names are whiteouts. */
  readonly whiteouts: boolean;
  readonly maxName: number;
}

export function toEntry(header: RawHeader, ext: Extensions, { size, sparse, whiteouts, maxName }: EntryFacts): FileEntry | null {
  const { pax } = ext;
  const path = cleanPath(bounded(rawName(header, ext, sparse), maxName, 'the name of an entry'));
  const marker = whiteouts ? readWhiteout(path) : undefined;
  if (marker !== undefined) return marker;
  const type = typeOf(header);
  const xattrs = readXattrs(pax);
  const base = {
    path,
    type,
    mode: header.mode & 0o7777,
    uid: readId(pax, 'uid', header.uid),
    gid: readId(pax, 'gid', header.gid),
    size,
    mtime: paxNumber(pax, 'mtime') ?? header.mtime,
    ...(xattrs === undefined ? {} : { xattrs }),
  };
  if (type === 'symlink' || type === 'hardlink') {
    const link = bounded(rawLink(header, ext), maxName, `the link ${JSON.stringify(path.slice(0, 60))}`);
    return { ...base, link: type === 'symlink' ? textOf(link) : cleanPath(link) };
  }
  if (type === 'char' || type === 'block') return { ...base, devMajor: header.devMajor, devMinor: header.devMinor };
  return base;
}

const LATIN1_ONLY = /[\u0080-\u00ff]/;
const textOf = (latin1: string): string => (LATIN1_ONLY.test(latin1) ? pathFromBytes(Buffer.from(latin1, 'latin1')) : latin1);

const MAX_ID = 0xffff_ffff;

function readId(pax: PaxRecords, key: 'uid' | 'gid', field: number): number {
  const id = paxNumber(pax, key) ?? field;
  // Negative and larger ones become what chown(2) makes of them in Docker: their last 32 bits.
  return id >= 0 && id <= MAX_ID ? id : Number(BigInt.asUintN(32, BigInt(id)));
}

function readXattrs(pax: PaxRecords): Record<string, string> | undefined {
  let xattrs: Record<string, string> | undefined;
  for (const [key, value] of pax) {
    if (!key.startsWith(PAX_XATTR)) continue;
    xattrs ??= {};
    xattrs[key.slice(PAX_XATTR.length)] = value;
  }
  return xattrs;
}

/** Tar name (latin1) → path relative to the root. `..` cannot climb above the root, as in `/..`. */
export function cleanPath(latin1: string): string {
  const text = textOf(latin1);
  if (!UNCLEAN.test(text)) return text.endsWith('/') ? text.slice(0, -1) : text;
  const parts: string[] = [];
  for (const part of text.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts.join('/');
}

/** Empty, `.` or `..` components anywhere but one slash at the end. */
const UNCLEAN = /^\/|\/\/|(?:^|\/)\.{1,2}(?:\/|$)/;

/** Entry for a whiteout name, null for aufs bookkeeping, undefined for everything else. */
function readWhiteout(path: string): FileEntry | null | undefined {
  const slash = path.lastIndexOf('/') + 1;
  if (!path.startsWith(WHITEOUT_PREFIX, slash)) return undefined;
  const base = path.slice(slash);
  if (base === OPAQUE_NAME) return { ...whiteoutOf(path.slice(0, Math.max(0, slash - 1))), type: 'opaque' };
  if (base.startsWith('.wh..wh.')) return null;
  const hidden = base.slice(WHITEOUT_PREFIX.length);
  if (hidden === '' || hidden === '.' || hidden === '..') throw badLayer(`the whiteout ${JSON.stringify(path)} hides no name`);
  return whiteoutOf(path.slice(0, slash) + hidden);
}
