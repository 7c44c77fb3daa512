// Bytes of a stored table of contents: a line with the sha256 of the rest, then JSON in columns,
// zstd-compressed when large. Columns parse three times faster than one object for each entry. Very large
// ones are cut into pieces, each with its length before it, so that no text of a whole layer is in memory.
import { sha256Hex } from '../core/digest.ts';
import { invariant } from '../core/errors.ts';
import type { FileEntry, FileType, LayerToc } from '../core/file-entry.ts';

/** Loaded when used: a cached build reads none. */
const zlib = (): typeof import('node:zlib') => process.getBuiltinModule('node:zlib');

const TYPES: readonly FileType[] = ['file', 'dir', 'symlink', 'hardlink', 'char', 'block', 'fifo', 'whiteout', 'opaque'];
const HEX = 64;
const COMPRESS_FROM = 8 * 1024;
/** No honest layer has a larger table; a small hostile file must not unpack to more. */
const MAX_BYTES = 1 << 30;
const ZSTD_MAGIC = 0x28;
/** First byte of a table in pieces. */
const PIECES = 0x01;
/** Entries of a piece. */
const PIECE = 8192;
const LENGTH = 4;

/** Rare fields of an entry. */
type Extra = Pick<FileEntry, 'link' | 'devMajor' | 'devMinor' | 'xattrs'>;

interface Columns {
  readonly paths: readonly string[];
  /** Index into TYPES, one digit an entry. */
  readonly types: string;
  readonly modes: readonly number[];
  /** One number when all entries have the same. */
  readonly uids: readonly number[] | number;
  readonly gids: readonly number[] | number;
  readonly sizes: readonly number[];
  readonly mtimes: readonly number[];
  /** Digests of the entries listed in `hashed`, or of all 'file' entries when it is absent; 64 digits each. */
  readonly digests: string;
  readonly hashed?: readonly number[];
  readonly extras: Readonly<Record<string, Extra>>;
  readonly identityFiles: Readonly<Record<string, string>>;
}

const column = (values: readonly number[]): readonly number[] | number =>
  values.length > 0 && values.every((value) => value === values[0]) ? (values[0] ?? 0) : values;

function extraOf(entry: FileEntry): Extra | null {
  const { link, devMajor, devMinor, xattrs } = entry;
  if (link === undefined && devMajor === undefined && devMinor === undefined && xattrs === undefined) return null;
  return {
    ...(link === undefined ? {} : { link }),
    ...(devMajor === undefined ? {} : { devMajor }),
    ...(devMinor === undefined ? {} : { devMinor }),
    ...(xattrs === undefined ? {} : { xattrs }),
  };
}

function toColumns({ entries, identityFiles }: LayerToc): Columns {
  const hashed: number[] = [];
  const extras: Record<string, Extra> = {};
  let usual = true;
  entries.forEach((entry, index) => {
    if (entry.sha256 !== undefined) hashed.push(index);
    if ((entry.sha256 !== undefined) !== (entry.type === 'file')) usual = false;
    const extra = extraOf(entry);
    if (extra !== null) extras[index] = extra;
  });
  return {
    paths: entries.map((entry) => entry.path),
    types: entries.map((entry) => TYPES.indexOf(entry.type)).join(''),
    modes: entries.map((entry) => entry.mode),
    uids: column(entries.map((entry) => entry.uid)),
    gids: column(entries.map((entry) => entry.gid)),
    sizes: entries.map((entry) => entry.size),
    mtimes: entries.map((entry) => entry.mtime),
    digests: hashed.map((index) => entries[index]?.sha256 ?? '').join(''),
    ...(usual ? {} : { hashed }),
    extras,
    identityFiles,
  };
}

export function encodeToc(toc: LayerToc): Buffer {
  const body = toc instanceof PackedToc ? toc.body : encodeBody(toc);
  return Buffer.concat([Buffer.from(`${sha256Hex(body)}\n`, 'latin1'), body]);
}

function encodeBody(toc: LayerToc): Buffer {
  if (toc.entries.length > PIECE) {
    const builder = new TocBuilder();
    for (const entry of toc.entries) builder.add(entry);
    const packed = builder.finish(toc.identityFiles);
    invariant(packed instanceof PackedToc, 'a large table was not packed');
    return packed.body;
  }
  const json = Buffer.from(JSON.stringify(toColumns(toc)), 'utf8');
  return json.length < COMPRESS_FROM ? json : zlib().zstdCompressSync(json);
}

/** Takes the entries of a layer one by one and holds those of a large one packed. */
export class TocBuilder {
  readonly #pieces: Buffer[] = [Buffer.from([PIECES])];
  #entries: FileEntry[] = [];

  add(entry: FileEntry): void {
    // Not before another one comes: a table that fits is not cut.
    if (this.#entries.length === PIECE) this.#pack({});
    this.#entries.push(entry);
  }

  finish(identityFiles: LayerToc['identityFiles']): LayerToc {
    if (this.#pieces.length === 1) return { entries: this.#entries, identityFiles };
    this.#pack(identityFiles);
    return new PackedToc(Buffer.concat(this.#pieces), identityFiles);
  }

  #pack(identityFiles: LayerToc['identityFiles']): void {
    const packed = zlib().zstdCompressSync(JSON.stringify(toColumns({ entries: this.#entries, identityFiles })));
    const length = Buffer.alloc(LENGTH);
    length.writeUInt32LE(packed.length);
    this.#pieces.push(length, packed);
    this.#entries = [];
  }
}

/** A large table as it will be stored; its entries are unpacked anew each time they are asked for. */
class PackedToc implements LayerToc {
  readonly body: Buffer;
  readonly identityFiles: LayerToc['identityFiles'];

  constructor(body: Buffer, identityFiles: LayerToc['identityFiles']) {
    this.body = body;
    this.identityFiles = identityFiles;
  }

  get entries(): readonly FileEntry[] {
    const toc = decodeBody(this.body);
    invariant(toc, 'a table of contents that was just made cannot be read');
    return toc.entries;
  }
}

/** Null when the bytes are damaged or not a table of contents. */
export function decodeToc(bytes: Buffer): LayerToc | null {
  const body = bytes.subarray(HEX + 1);
  return bytes.toString('latin1', 0, HEX + 1) === `${sha256Hex(body)}\n` ? decodeBody(body) : null;
}

function decodeBody(body: Buffer): LayerToc | null {
  const entries: FileEntry[] = [];
  let identityFiles: LayerToc['identityFiles'] = {};
  try {
    for (const json of decodePieces(body)) {
      const columns = JSON.parse(json.toString('utf8')) as Columns;
      if (!appendEntries(columns, entries)) return null;
      identityFiles = { ...identityFiles, ...columns.identityFiles };
    }
  } catch {
    return null;
  }
  return { entries, identityFiles };
}

/** JSON of each piece; throws whatever zlib does. */
function* decodePieces(body: Buffer): Generator<Buffer> {
  if (body[0] !== PIECES) {
    yield body[0] === ZSTD_MAGIC ? zlib().zstdDecompressSync(body, { maxOutputLength: MAX_BYTES }) : body;
    return;
  }
  for (let at = 1, left = MAX_BYTES; at < body.length; ) {
    const end = at + LENGTH + body.readUInt32LE(at);
    const json = zlib().zstdDecompressSync(body.subarray(at + LENGTH, end), { maxOutputLength: left });
    left -= json.length;
    at = end;
    yield json;
  }
}

/** False when the columns do not fit together. */
function appendEntries(columns: Columns, entries: FileEntry[]): boolean {
  const { paths, types, modes, uids, gids, sizes, mtimes, digests, hashed, extras } = columns;
  const count = paths.length;
  for (const each of [types, modes, sizes, mtimes]) if (each.length !== count) return false;
  const hashes = hashColumn(columns);
  if (hashes === null) return false;
  let next = 0;
  for (let index = 0; index < count; index++) {
    const type = TYPES[types.charCodeAt(index) - 48];
    const path = paths[index];
    if (type === undefined || typeof path !== 'string') return false;
    const uid = typeof uids === 'number' ? uids : (uids[index] ?? 0);
    const gid = typeof gids === 'number' ? gids : (gids[index] ?? 0);
    const mode = modes[index] ?? 0;
    const size = sizes[index] ?? 0;
    const mtime = mtimes[index] ?? 0;
    const isHashed = hashed === undefined ? type === 'file' : hashes.has(index);
    const extra = extras[index];
    // Literals, because spreading a common part costs half of the whole decoding.
    if (extra !== undefined) entries.push({ path, type, mode, uid, gid, size, mtime, ...extra });
    else if (!isHashed) entries.push({ path, type, mode, uid, gid, size, mtime });
    if (!isHashed) continue;
    const sha256 = digests.slice(next, next + HEX);
    next += HEX;
    if (extra === undefined) entries.push({ path, type, mode, uid, gid, size, mtime, sha256 });
    else entries[entries.length - 1] = { path, type, mode, uid, gid, size, mtime, ...extra, sha256 };
  }
  return next === digests.length;
}

const hashColumn = (columns: Columns): ReadonlySet<number> | null =>
  typeof columns.digests === 'string' && typeof columns.identityFiles === 'object' ? new Set(columns.hashed ?? []) : null;
