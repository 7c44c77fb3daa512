// The changes of a step as layer entries: walks an overlay upper directory in BuildKit's order and
// leaves out what BuildKit leaves out (G-07). Whiteouts that hide nothing are dropped, opaque
// directories become explicit whiteouts (G-06), only security.capability survives (G-05).
import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { TsbuildError } from '../../core/errors.ts';
import type { FileEntry, FileType } from '../../core/file-entry.ts';
import { comparePaths, fsPath, pathFromBytes } from '../../core/path-bytes.ts';
import type { FileCalls } from '../syscalls.ts';
import type { LayerSink } from './layer-sink.ts';
import { type LowerEntry, type LowerStack, listNames } from './lower-stack.ts';
import { isOpaque, isWhiteout, type OverlayXattrs, OWNER_XATTR } from './overlay-form.ts';
import { sameEntry } from './same-entry.ts';
import { parentOf } from './toc-index.ts';
import type { Unlisted } from './unlisted.ts';
import { whiteoutOf } from './whiteout.ts';

export interface DiffOptions {
  /** The overlay upper directory. */
  readonly upper: string;
  readonly lower: LowerStack;
  readonly calls: FileCalls;
  readonly xattrs: OverlayXattrs;
}

/** One entry to write; `hostPath` is where a regular file's content is. */
interface Change {
  readonly entry: FileEntry;
  readonly hostPath: string;
}

const CAPABILITY = 'security.capability';

/** Writes all changes; the caller finishes the sink. Returns what the layer does not tell. */
export async function diffSnapshot(options: DiffOptions, sink: Pick<LayerSink, 'add'>): Promise<Unlisted> {
  const walk = new Walk(options);
  for (const { entry, hostPath } of walk.directory('', options.upper, false)) {
    await sink.add(entry, entry.type === 'file' ? hostPath : undefined);
  }
  return walk.unlisted();
}

/** Changes in layer order: parents first, names in byte order, a deleted name where it was. */
class Walk {
  readonly #lower: LowerStack;
  readonly #calls: FileCalls;
  readonly #xattrs: OverlayXattrs;
  readonly #upper: string;
  /** Directories already in the layer. */
  readonly #written = new Set<string>(['']);
  /** Inode → first name, for files with several. */
  readonly #inodes = new Map<string, string>();
  /** Path → inode of unchanged files that have, or had below, several names. */
  readonly #unchanged = new Map<string, string>();
  /** Path → time of directories whose only change it is. */
  readonly #touched = new Map<string, number>();

  constructor(options: DiffOptions) {
    this.#lower = options.lower;
    this.#calls = options.calls;
    this.#xattrs = options.xattrs;
    this.#upper = options.upper;
  }

  /** `hidesLower`: the directory or one above is opaque, so lower names that are missing here were deleted. */
  *directory(path: string, host: string, hidesLower: boolean): Generator<Change> {
    const names = listNames(host);
    const own = hidesLower ? new Set(names) : null;
    const all = own === null ? names : [...new Set([...names, ...this.#lower.readdir(path)])];
    for (const name of all.sort(comparePaths)) {
      const child = path === '' ? name : `${path}/${name}`;
      if (own !== null && !own.has(name)) yield* this.#deletion(child);
      else yield* this.#name(child, `${host}/${name}`, hidesLower);
    }
  }

  *#name(path: string, host: string, hidesLower: boolean): Generator<Change> {
    const stats = lstatSync(fsPath(host));
    if (isWhiteout(stats, host, this.#calls)) {
      if (this.#lower.lookup(path) !== null) yield* this.#deletion(path);
      return;
    }
    if (stats.isSocket()) return;
    const attributes = this.#attributes(path, host, stats);
    const lower = this.#lower.lookup(path);
    const same = lower !== null && sameEntry({ stats, hostPath: host }, lower, this.#calls);
    if (!same) yield* this.#entry(path, host, stats, attributes);
    else this.#noteUnlisted(path, host, stats, lower);
    if (!stats.isDirectory()) return;
    const opaque = lower?.stats.isDirectory() === true && (hidesLower || isOpaque(this.#calls, host, this.#xattrs));
    yield* this.directory(path, host, opaque);
  }

  #noteUnlisted(path: string, host: string, stats: Stats, lower: LowerEntry): void {
    if (stats.isFile() && (stats.nlink > 1 || lower.stats.nlink > 1)) this.#unchanged.set(path, inodeOf(stats));
    if (!stats.isDirectory()) return;
    const mtime = wholeSeconds(stats, host);
    if (mtime !== wholeSeconds(lower.stats, lower.hostPath)) this.#touched.set(path, mtime);
  }

  /** After the walk. */
  unlisted(): Unlisted {
    const names = new Map(this.#inodes);
    const copiedUp = [...this.#unchanged].map(([path, inode]) => {
      const name = names.get(inode) ?? path;
      names.set(inode, name);
      return [path, name] as const;
    });
    // With something else in it that changed, a directory is in the layer after all.
    return { copiedUp, touched: [...this.#touched].filter(([path]) => !this.#written.has(path)) };
  }

  *#deletion(path: string): Generator<Change> {
    yield* this.#parents(path);
    yield { entry: whiteoutOf(path), hostPath: '' };
  }

  *#entry(path: string, host: string, stats: Stats, attributes: Attributes): Generator<Change> {
    const key = stats.nlink > 1 && !stats.isDirectory() ? inodeOf(stats) : null;
    const first = key === null ? undefined : this.#inodes.get(key);
    if (key !== null && first === undefined) this.#inodes.set(key, path);
    yield* this.#parents(path);
    if (stats.isDirectory()) this.#written.add(path);
    const entry = toEntry(path, host, stats, attributes);
    yield { entry: first === undefined ? entry : linkTo(first, entry), hostPath: host };
  }

  /** Directories above a change that are not in the layer yet, outermost first; never the root. */
  *#parents(path: string): Generator<Change> {
    const dir = parentOf(path);
    if (this.#written.has(dir)) return;
    yield* this.#parents(dir);
    this.#written.add(dir);
    const host = `${this.#upper}/${dir}`;
    const stats = lstatSync(fsPath(host));
    yield { entry: toEntry(dir, host, stats, this.#attributes(dir, host, stats)), hostPath: host };
  }

  #attributes(path: string, host: string, stats: Stats): Attributes {
    let capability: string | null = null;
    let owner: string | null = null;
    for (const name of this.#calls.listXattrs(host)) {
      if (name === CAPABILITY && stats.isFile()) capability = this.#calls.getXattr(host, name);
      else if (name === OWNER_XATTR) owner = this.#calls.getXattr(host, name);
      else if (name === `${this.#xattrs}.overlay.redirect` || name === `${this.#xattrs}.overlay.metacopy`) throw foreignFeature(path, name);
    }
    const [uid = stats.uid, gid = stats.gid] = owner !== null && /^\d{1,10}:\d{1,10}$/.test(owner) ? owner.split(':').map(Number) : [];
    return { uid, gid, capability };
  }
}

const inodeOf = ({ dev, ino }: Stats): string => `${dev}:${ino}`;

interface Attributes {
  readonly uid: number;
  readonly gid: number;
  /** Value of security.capability. */
  readonly capability: string | null;
}

function toEntry(path: string, host: string, stats: Stats, { uid, gid, capability }: Attributes): FileEntry {
  const type = typeOf(stats);
  const base: FileEntry = {
    path,
    type,
    mode: stats.mode & 0o7777,
    uid,
    gid,
    size: type === 'file' ? stats.size : 0,
    mtime: wholeSeconds(stats, host),
    ...(capability === null ? {} : { xattrs: { [CAPABILITY]: capability } }),
  };
  if (type === 'symlink') return { ...base, link: pathFromBytes(readlinkSync(fsPath(host), { encoding: 'buffer' })) };
  if (type !== 'char' && type !== 'block') return base;
  const device = BigInt(stats.rdev);
  const devMajor = Number(((device >> 32n) & 0xfffff000n) | ((device >> 8n) & 0xfffn));
  const devMinor = Number(((device >> 12n) & 0xffffff00n) | (device & 0xffn));
  return { ...base, devMajor, devMinor };
}

const linkTo = (first: string, { path, mode, uid, gid, mtime }: FileEntry): FileEntry => ({
  path,
  type: 'hardlink',
  mode,
  uid,
  gid,
  size: 0,
  mtime,
  link: first,
});

/** Milliseconds are a double: close to the next second they may have been rounded up, so ask again exactly. */
function wholeSeconds(stats: Stats, host: string): number {
  const fraction = stats.mtimeMs - Math.floor(stats.mtimeMs / 1000) * 1000;
  if (fraction > 0.001 && fraction < 999.999) return Math.floor(stats.mtimeMs / 1000);
  const nanoseconds = lstatSync(fsPath(host), { bigint: true }).mtimeNs;
  return Number((nanoseconds - (((nanoseconds % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n)) / 1_000_000_000n);
}

function typeOf(stats: Stats): FileType {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'dir';
  if (stats.isSymbolicLink()) return 'symlink';
  if (stats.isCharacterDevice()) return 'char';
  return stats.isBlockDevice() ? 'block' : 'fifo';
}

function foreignFeature(path: string, xattr: string): TsbuildError {
  return new TsbuildError({
    code: 'exec/layer-overlay-feature',
    message: `${JSON.stringify(path)} carries the overlay attribute ${xattr}`,
    hint: 'turn off redirect_dir and metacopy in /sys/module/overlay/parameters',
    data: { path, xattr },
  });
}
