// A layer tar → an eStargz layer: the same entries, with each piece of a file's content in a gzip member of
// its own, a landmark, and a table of contents by which a runtime fetches single files. It stays a gzip
// layer that every other program reads; the landmark and the table are files of it, so its diffID is its own.
// https://github.com/containerd/stargz-snapshotter/blob/main/docs/estargz.md
import type { BlobStore } from '../../../cache/blob-store.ts';
import type { LayerRef } from '../../../core/descriptor.ts';
import { hasher } from '../../../core/digest.ts';
import type { FileEntry } from '../../../core/file-entry.ts';
import { OCI_LAYER_GZIP } from '../../../core/media-types.ts';
import { BLOCK, FIELD, paddingOf } from '../tar/tar-format.ts';
import { readTar, type StoredHeader } from '../tar/tar-read.ts';
import { END_OF_TAR, encodeHeader } from '../tar/tar-write.ts';
import {
  encodeFooter,
  encodeToc,
  LANDMARK_CONTENT,
  NO_PREFETCH_LANDMARK,
  PREFETCH_LANDMARK,
  TOC_DIGEST_ANNOTATION,
  TOC_NAME,
  type TocRow,
  UNCOMPRESSED_SIZE_ANNOTATION,
} from './estargz-toc.ts';
import { GzipMembers } from './gzip-members.ts';

/** Bytes of a file in one member: what a runtime fetches at once. The reference implementation's. */
const CHUNK = 4 * 1024 * 1024;
/** Made here; a layer that was eStargz before loses its old ones. */
const RESERVED: ReadonlySet<string> = new Set([TOC_NAME, NO_PREFETCH_LANDMARK, PREFETCH_LANDMARK]);

/**
 * Reads `tar` once, to its end. Its entries keep their headers byte for byte, but sparse files are written
 * out and global PAX headers left away. Memory: some blocks, and about 400 bytes for each entry. Errors are
 * those of `readTar` and of the store; nothing stays behind then.
 */
export async function writeEstargz(tar: AsyncIterable<Uint8Array>, store: BlobStore, level?: number): Promise<LayerRef> {
  const members = new GzipMembers(store, level);
  try {
    const rows: TocRow[] = [];
    await addFile(members, rows, madeFile(NO_PREFETCH_LANDMARK, LANDMARK_CONTENT.length), [LANDMARK_CONTENT]);
    for await (const { entry, header, content } of readTar(tar, { keepHeaders: true })) {
      if (!RESERVED.has(entry.path)) await addFile(members, rows, storedFile(entry, header), content);
    }
    return await finish(members, rows);
  } catch (error) {
    await members.abort();
    throw error;
  }
}

async function finish(members: GzipMembers, rows: readonly TocRow[]): Promise<LayerRef> {
  let tocOffset = 0;
  await members.begin((position) => {
    tocOffset = position;
  });
  await members.settled();
  const toc = encodeToc(rows);
  await members.write(madeFile(TOC_NAME, toc.size).header);
  for (const piece of toc.pieces) await members.write(piece);
  await members.write(END_OF_TAR.subarray(0, paddingOf(toc.size)));
  await members.write(END_OF_TAR);
  const { blob, diffId } = await members.finish(encodeFooter(tocOffset));
  const annotations = { [TOC_DIGEST_ANNOTATION]: toc.digest, [UNCOMPRESSED_SIZE_ANNOTATION]: String(members.size) };
  return { diffId, blob: { mediaType: OCI_LAYER_GZIP, ...blob, annotations } };
}

interface TarFile {
  readonly header: Buffer;
  /** Without what only reading the content tells. */
  readonly row: TocRow;
}

function madeFile(path: string, size: number): TarFile {
  const entry: FileEntry = { path, type: 'file', mode: 0o444, uid: 0, gid: 0, size, mtime: 0 };
  return storedFile(entry, undefined);
}

/** The row repeats what the header says, also where we read it otherwise: whiteouts are files here. */
function storedFile(entry: FileEntry, stored: StoredHeader | undefined): TarFile {
  const header = stored?.blocks ?? encodeHeader(entry);
  const own = header.subarray(-BLOCK);
  const text = (latin1: string): string => Buffer.from(latin1, 'latin1').toString('utf8');
  const link = stored === undefined ? entry.link : text(stored.link);
  const owner = (field: readonly [number, number]): string =>
    text(own.toString('latin1', field[0], field[0] + field[1]).replace(/\0.*$/s, ''));
  const [userName, groupName] = [owner(FIELD.userName), owner(FIELD.groupName)];
  const xattrs = Object.entries(entry.xattrs ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  const type = TYPES[entry.type];
  const row: TocRow = {
    name: stored === undefined ? entry.path : text(stored.name),
    type,
    ...(entry.size > 0 ? { size: entry.size } : {}),
    ...modtimeOf(entry.mtime),
    ...(type === 'symlink' || type === 'hardlink' ? { linkName: link ?? '' } : {}),
    mode: entry.mode,
    uid: entry.uid,
    gid: entry.gid,
    ...(userName === '' ? {} : { userName }),
    ...(groupName === '' ? {} : { groupName }),
    ...(type === 'char' || type === 'block' ? { devMajor: entry.devMajor ?? 0, devMinor: entry.devMinor ?? 0 } : {}),
    ...(xattrs.length === 0
      ? {}
      : { xattrs: Object.fromEntries(xattrs.map(([name, value]) => [text(name), Buffer.from(value, 'latin1').toString('base64')])) }),
  };
  return { header, row };
}

const TYPES: Readonly<Record<FileEntry['type'], TocRow['type']>> = {
  file: 'reg',
  whiteout: 'reg',
  opaque: 'reg',
  dir: 'dir',
  symlink: 'symlink',
  hardlink: 'hardlink',
  char: 'char',
  block: 'block',
  fifo: 'fifo',
};

/** Of the years 0001 to 9999: RFC 3339 has no others. */
const FIRST_SECOND = -62_135_596_800;
const LAST_SECOND = 253_402_300_799;

function modtimeOf(seconds: number): Pick<TocRow, 'modtime'> {
  if (seconds === 0 || seconds < FIRST_SECOND || seconds > LAST_SECOND) return {};
  return { modtime: new Date(seconds * 1000).toISOString().replace('.000', '') };
}

async function addFile(
  members: GzipMembers,
  rows: TocRow[],
  { header, row }: TarFile,
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
  await members.write(header);
  rows.push(row);
  if (row.type !== 'reg') return;
  const size = row.size ?? 0;
  const whole = hasher();
  const chunked = size > CHUNK;
  let chunk: OpenChunk | null = null;
  let at = 0;
  for await (const piece of content) {
    for (let from = 0; from < piece.length; ) {
      if (chunk === null || at % CHUNK === 0) chunk = await beginChunk(members, rows, row, at, chunk);
      const part = piece.subarray(from, from + CHUNK - (at % CHUNK));
      if (chunked) whole.update(part);
      chunk.hash.update(part);
      await members.write(part);
      from += part.length;
      at += part.length;
    }
  }
  if (chunk !== null) chunk.row.chunkDigest = chunk.hash.digest();
  row.digest = chunked || chunk === null ? whole.digest() : (row.chunkDigest ?? '');
  await members.write(END_OF_TAR.subarray(0, paddingOf(size)));
}

interface OpenChunk {
  readonly row: TocRow;
  readonly hash: ReturnType<typeof hasher>;
}

/** A gzip member for the content from `at` on; the file's own row stands for the first. */
async function beginChunk(members: GzipMembers, rows: TocRow[], file: TocRow, at: number, last: OpenChunk | null): Promise<OpenChunk> {
  if (last !== null) {
    last.row.chunkSize = CHUNK;
    last.row.chunkDigest = last.hash.digest();
  }
  const row: TocRow = last === null ? file : { name: file.name, type: 'chunk', chunkOffset: at };
  if (last !== null) rows.push(row);
  await members.begin((position) => {
    row.offset = position;
  });
  return { row, hash: hasher() };
}
