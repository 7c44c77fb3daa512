// Unpacks a tar archive that is a build context into a directory of its own. Names from the archive
// are attacker-controlled: they are resolved in a model of the archive's tree, and only names without
// links or `..` ever reach the file system. Owners cannot be set without privileges and are listed.
import { chmodSync, closeSync, linkSync, lstatSync, mkdirSync, openSync, rmSync, symlinkSync, utimesSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { extract, type Header } from 'tar-stream';
import { errnoOf, TsbuildError } from '../core/errors.ts';
import { fsPath, pathFromBytes } from '../core/path-bytes.ts';
import type { Bytes } from './archive-stream.ts';
import { childOf, cleanPath, parentOf, treePath } from './clean-path.ts';
import type { Ownership } from './directory-nodes.ts';

const MAX_ENTRIES = 2_000_000;

/** Options that tar-stream has and its types do not know: names as bytes, and archives older than POSIX. */
const READING: object = { filenameEncoding: 'latin1', allowUnknownFormat: true };

/**
 * Unpacks the tar `bytes` into the empty directory `root`. Returns owner and mode of every path for
 * which the directory cannot show them. Throws context/bad-archive, also for names with `..` (as Docker does).
 */
export async function unpackContext(bytes: Bytes, root: string): Promise<Map<string, Ownership>> {
  const unpacker = new Unpacker(root);
  const reader = extract(READING);
  const feeding = feed(bytes, reader);
  try {
    for await (const entry of reader) {
      unpacker.begin(entry.header);
      for await (const chunk of entry) unpacker.write(chunk as Buffer);
      unpacker.end();
    }
    await feeding;
  } catch (error) {
    await feeding.catch(() => {});
    throw asArchiveError(error);
  } finally {
    unpacker.close();
  }
  unpacker.finish();
  return unpacker.owners;
}

async function feed(bytes: Bytes, reader: ReturnType<typeof extract>): Promise<void> {
  try {
    for await (const chunk of bytes) {
      if (reader.destroyed) return;
      if (!reader.write(chunk)) await drained(reader);
    }
    reader.end(undefined);
  } catch (error) {
    reader.destroy(error as Error);
    throw error;
  }
}

const drained = (reader: ReturnType<typeof extract>): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      reader.off('drain', done).off('close', done);
      resolve();
    };
    reader.on('drain', done).on('close', done);
  });

class Unpacker {
  readonly owners = new Map<string, Ownership>();
  readonly #root: string;
  readonly #links = new Map<string, string>();
  /** Times of directories are set last: entries made in them change them. */
  readonly #dirs = new Map<string, { mode: number; mtime: number }>();
  #entries = 0;
  #open: { fd: number; path: string; header: Header } | null = null;

  constructor(root: string) {
    this.#root = root;
  }

  begin(header: Header): void {
    this.#entries += 1;
    if (this.#entries > MAX_ENTRIES) throw bad(`it has more than ${MAX_ENTRIES} entries`);
    const name = decodeName(header.name, inPax(header, 'path'));
    const path = this.#place(name);
    if (path === '') {
      this.#dirs.set('', metadata(header));
      return;
    }
    this.#makeParents(path);
    switch (header.type) {
      case 'directory':
        this.#makeDirectory(path);
        this.#dirs.set(path, metadata(header));
        break;
      case 'symlink':
        this.#makeSymlink(path, decodeName(header.linkname ?? '', inPax(header, 'linkpath')));
        break;
      case 'link':
        this.#makeHardLink(path, decodeName(header.linkname ?? '', inPax(header, 'linkpath')));
        return;
      case 'file':
      case 'contiguous-file':
        this.#clear(path);
        this.#open = { fd: openSync(this.#host(path), 'wx', 0o600), path, header };
        break;
      case 'fifo':
      case 'character-device':
      case 'block-device':
        throw bad(`${JSON.stringify(name)} is a ${header.type}, which a build context in an archive cannot hold`);
      default:
        // Extended headers that tar-stream does not know describe nothing that is copied.
        return;
    }
    this.#note(path, header);
  }

  write(chunk: Buffer): void {
    if (this.#open === null) return;
    for (let at = 0; at < chunk.length; ) at += writeSync(this.#open.fd, chunk, at);
  }

  end(): void {
    if (this.#open === null) return;
    const { path, header } = this.#open;
    this.close();
    const { mode, mtime } = metadata(header);
    chmodSync(this.#host(path), mode | 0o600);
    utimesSync(this.#host(path), mtime, mtime);
  }

  close(): void {
    if (this.#open !== null) closeSync(this.#open.fd);
    this.#open = null;
  }

  /** Deepest directories first. */
  finish(): void {
    for (const [path, { mode, mtime }] of [...this.#dirs].toReversed()) {
      chmodSync(this.#host(path), mode | 0o700);
      utimesSync(this.#host(path), mtime, mtime);
    }
  }

  /** Where an entry goes: parents that are links lead inside the root, the last component is replaced. */
  #place(name: string): string {
    if (name.includes('\0')) throw bad('an entry name holds a NUL');
    const cleaned = cleanPath(name.replace(/^\/+/, ''));
    if (cleaned === '..' || cleaned.startsWith('../')) throw bad(`entry ${JSON.stringify(name)} points outside of it`);
    let rest = treePath(cleaned).split('/');
    let done = '';
    for (let followed = 0; rest.length > 1; ) {
      const [first = '', ...later] = rest;
      const at = childOf(done, first);
      const link = this.#links.get(at);
      if (link === undefined) {
        done = at;
        rest = later;
        continue;
      }
      followed += 1;
      if (followed > 255) throw bad(`entry ${JSON.stringify(name)} goes through too many symbolic links`);
      const target = treePath(link.startsWith('/') ? link : `${done}/${link}`);
      rest = [...target.split('/').filter((part) => part !== ''), ...later];
      done = '';
    }
    return childOf(done, rest[0] ?? '');
  }

  #makeParents(path: string): void {
    const parent = parentOf(path);
    if (parent === '') return;
    this.#makeParents(parent);
    this.#makeDirectory(parent);
  }

  #makeDirectory(path: string): void {
    const stats = lstatSync(this.#host(path), { throwIfNoEntry: false });
    if (stats?.isDirectory() === true) return;
    if (stats !== undefined) this.#clear(path);
    mkdirSync(this.#host(path), 0o755);
  }

  #makeSymlink(path: string, text: string): void {
    if (text === '' || text.includes('\0')) throw bad(`symbolic link ${JSON.stringify(path)} has no usable target`);
    this.#clear(path);
    symlinkSync(fsPath(text), this.#host(path));
    this.#links.set(path, text);
  }

  #makeHardLink(path: string, name: string): void {
    const target = this.#place(name);
    const stats = target === '' ? undefined : lstatSync(this.#host(target), { throwIfNoEntry: false });
    if (stats === undefined || stats.isDirectory())
      throw bad(`hard link ${JSON.stringify(path)} names ${JSON.stringify(name)}, which is not in it`);
    if (target === path) return;
    this.#clear(path);
    linkSync(this.#host(target), this.#host(path));
    const link = this.#links.get(target);
    if (link !== undefined) this.#links.set(path, link);
    const owner = this.owners.get(target);
    if (owner !== undefined) this.owners.set(path, owner);
  }

  /** Makes room: a later entry replaces an earlier one, with everything below it. */
  #clear(path: string): void {
    if (lstatSync(this.#host(path), { throwIfNoEntry: false }) === undefined) return;
    rmSync(this.#host(path), { recursive: true, force: true });
    const wasDir = this.#dirs.has(path);
    for (const map of [this.#links, this.#dirs, this.owners]) {
      map.delete(path);
      if (!wasDir) continue;
      for (const key of map.keys()) if (key.startsWith(`${path}/`)) map.delete(key);
    }
  }

  #note(path: string, header: Header): void {
    const uid = header.uid ?? 0;
    const gid = header.gid ?? 0;
    const { mode } = metadata(header);
    const shown = header.type === 'directory' ? mode | 0o700 : mode | 0o600;
    if (uid !== 0 || gid !== 0 || (header.type !== 'symlink' && shown !== mode)) this.owners.set(path, { uid, gid, mode });
  }

  #host(path: string): string | Buffer {
    return fsPath(join(this.#root, path));
  }
}

const metadata = (header: Header): { mode: number; mtime: number } => ({
  mode: (header.mode ?? 0o644) & 0o7777,
  mtime: Math.floor((header.mtime?.getTime() ?? 0) / 1000),
});

const inPax = (header: Header, name: string): boolean => typeof header.pax === 'object' && header.pax !== null && name in header.pax;

/** Names from plain headers come as one character per byte, those from extended headers as text. */
const decodeName = (name: string, extended: boolean): string => (extended ? name : pathFromBytes(Buffer.from(name, 'latin1')));

const bad = (why: string, cause?: unknown): TsbuildError =>
  new TsbuildError({ code: 'context/bad-archive', message: `the archive given as build context cannot be used: ${why}`, cause });

function asArchiveError(error: unknown): unknown {
  if (error instanceof TsbuildError) return error;
  const errno = errnoOf(error);
  return bad(errno === undefined ? 'it is damaged or ends too early' : `unpacking failed (${errno})`, error);
}
