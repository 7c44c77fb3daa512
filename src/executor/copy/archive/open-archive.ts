// An archive given to ADD as a stream of tar entries (D-01). What it is follows from its first bytes,
// never from its name. gzip and zstd are decoded here, bzip2 and xz by the programs of these names.
import { spawn } from 'node:child_process';
import { closeSync, constants, createReadStream, openSync, readSync } from 'node:fs';
import { compressionOf } from '../../../core/compression-magic.ts';
import { errnoOf, TsbuildError } from '../../../core/errors.ts';
import { fsPath } from '../../../core/path-bytes.ts';
import { decompressLayer } from '../../layer/compression/decompress.ts';
import { decodeHeader, isZeroBlock } from '../../layer/tar/tar-header.ts';
import { readTar, type TarEntry } from '../../layer/tar/tar-read.ts';
import { badArchive, badEntry, missingDecompressor } from '../copy-errors.ts';
import type { ArchiveCodec } from '../inode.ts';

const BLOCK = 512;
/** A fifo or link that took the file's place must neither block nor be followed. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
/** What a decompressor may put out: far beyond any honest archive, so that a bomb ends. */
const MAX_OUTPUT = 256 * 1024 ** 3;

/** What the first block of a file says it is, or null for everything that cannot be an archive. */
export function sniffArchive(path: string): ArchiveCodec | null {
  const head = Buffer.alloc(BLOCK);
  const fd = openSync(fsPath(path), OPEN_FLAGS);
  try {
    const count = readSync(fd, head, 0, BLOCK, 0);
    const compression = compressionOf(head);
    if (compression !== null) return compression;
    // Skippable zstd frames may come first.
    if (count >= 4 && (head.readUInt32LE(0) & 0xfffffff0) >>> 0 === 0x184d2a50) return 'zstd';
    return count === BLOCK && isTarHeader(head) ? 'tar' : null;
  } finally {
    closeSync(fd);
  }
}

function isTarHeader(block: Buffer): boolean {
  if (isZeroBlock(block)) return false;
  try {
    decodeHeader(block);
    return true;
  } catch {
    return false;
  }
}

/** Entries of the archive in the host file `path`, `.wh.` names as ordinary files; `name` is for messages. Errors: 'exec/copy-archive', 'exec/copy-decompressor'. */
export async function* openArchive(path: string, codec: ArchiveCodec, name: string): AsyncGenerator<TarEntry> {
  const fd = openSync(fsPath(path), OPEN_FLAGS);
  const tar = codec === 'bzip2' || codec === 'xz' ? decompressWith(codec, fd, name) : decompressHere(fd);
  try {
    // Long names are the unpacker's to refuse: one in the first entry must not make this an ordinary file.
    yield* readTar(tar, { kind: 'archive', limits: { maxName: Number.POSITIVE_INFINITY } });
  } catch (error) {
    throw translate(error, name);
  } finally {
    await tar.return(undefined);
  }
}

async function* decompressHere(fd: number): AsyncGenerator<Uint8Array> {
  const file = createReadStream('', { fd, highWaterMark: 256 * 1024 });
  try {
    yield* decompressLayer(file as AsyncIterable<Uint8Array>);
  } finally {
    file.destroy();
  }
}

async function* decompressWith(tool: 'bzip2' | 'xz', fd: number, name: string): AsyncGenerator<Uint8Array> {
  const child = spawn(tool, ['-dc'], { stdio: [fd, 'pipe', 'ignore'], env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C' } });
  closeSync(fd);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  // Awaited below; a reader that leaves early must not cause an unhandled rejection.
  ended.catch(() => undefined);
  let size = 0;
  try {
    for await (const chunk of child.stdout ?? []) {
      size += (chunk as Uint8Array).length;
      if (size > MAX_OUTPUT) throw badArchive(name, `it decompresses to more than ${MAX_OUTPUT} bytes`);
      yield chunk as Uint8Array;
    }
    if ((await ended) !== 0) throw badArchive(name, `its ${tool} data is damaged or incomplete`);
  } catch (error) {
    throw errnoOf(error) === 'ENOENT' ? missingDecompressor(name, tool) : error;
  } finally {
    child.kill('SIGKILL');
  }
}

/** The layer reader's errors speak of layers; these are about a file of the user. */
function translate(error: unknown, name: string): unknown {
  if (!(error instanceof TsbuildError)) return error;
  switch (error.code) {
    case 'exec/layer-truncated':
      return badArchive(name, 'it is incomplete', error);
    case 'exec/layer-compression':
      return badArchive(name, 'its compressed data is damaged or incomplete', error);
    case 'exec/layer-too-large':
      return badArchive(name, 'it decompresses to far more than an honest archive of its size holds', error);
    case 'exec/layer-entry-kind':
      return badEntry(name, error.message);
    case 'exec/layer-malformed':
      return badArchive(name, `it is not a valid tar archive (${error.message})`, error);
    default:
      return error;
  }
}

/** True for errors that mean "no readable archive" when they come before the first entry. */
export const isBadArchive = (error: unknown): boolean => error instanceof TsbuildError && error.code === 'exec/copy-archive';
