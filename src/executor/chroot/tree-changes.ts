// What a step changed in a plain tree, moved into an upper directory in overlay form. The tree is
// noted before the step and walked afterwards. What was placed there for the step (secrets, caches)
// is recognised by inode wherever the step moved it, and never reaches the layer.
import { type BigIntStats, lstatSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { fsPath } from '../../core/path-bytes.ts';
import { listNames } from '../layer/lower-stack.ts';
import { makeWhiteout } from '../layer/overlay-form.ts';
import { copyDirectoryAttributes } from '../sandbox/snapshot-directory.ts';
import type { FileCalls } from '../syscalls.ts';

export interface Placed {
  /** Where a cache goes back to; null: remove. */
  readonly home: string | null;
}

const inodeOf = (stat: BigIntStats): string => `${stat.dev}:${stat.ino}`;
const statOf = (path: string): BigIntStats => lstatSync(fsPath(path), { bigint: true });

export class TreeChanges {
  readonly #calls: FileCalls;
  readonly #root: string;
  readonly #before = new Map<string, BigIntStats>();
  readonly #placed = new Map<string, Placed>();
  /** Directories made only to hold something placed. */
  readonly #stubs = new Set<string>();
  /** Paths that the image has and a placed thing hides. */
  readonly #hidden = new Set<string>();
  /** Directory inode → its mtime after placing, and the one before. */
  readonly #times = new Map<string, { readonly after: bigint; readonly before: bigint }>();

  /** Mtimes of directories as the step left them. */
  readonly #finalTimes = new Map<string, bigint>();
  /** Directories of the upper, parents first. */
  readonly #made = new Set<string>(['']);
  #children: Map<string, string[]> | undefined;

  constructor(calls: FileCalls, root: string) {
    this.#calls = calls;
    this.#root = root;
    this.#note('');
  }

  #note(path: string): void {
    const stat = statOf(this.#root + path);
    this.#before.set(path, stat);
    if (stat.isDirectory()) for (const name of listNames(this.#root + path)) this.#note(`${path}/${name}`);
  }

  /** `path` is in the tree, its parent existed when `parentTime` was its mtime. */
  place(path: string, parentTime: bigint, placed: Placed): void {
    this.#placed.set(inodeOf(statOf(this.#root + path)), placed);
    if (this.#before.has(path)) this.#hidden.add(path);
    this.#touched(path, parentTime);
  }

  stub(path: string, parentTime: bigint): void {
    this.#stubs.add(inodeOf(statOf(this.#root + path)));
    this.#touched(path, parentTime);
  }

  #touched(path: string, parentTime: bigint): void {
    const parent = statOf(this.#root + path.slice(0, path.lastIndexOf('/')));
    const known = this.#times.get(inodeOf(parent));
    this.#times.set(inodeOf(parent), { after: parent.mtimeNs, before: known?.before ?? parentTime });
  }

  /** Moves every change into `upper`, an empty directory; placed caches go home. */
  collect(upper: string): void {
    this.#finalTimes.set('', this.#mtime(statOf(this.#root)));
    this.#collectInto(upper, '');
    this.#copyAttributes(upper);
  }

  /** Returns whether anything of the directory belongs to the image. */
  #collectInto(upper: string, path: string): boolean {
    const seen = new Set<string>();
    let own = false;
    for (const name of listNames(this.#root + path)) {
      const child = `${path}/${name}`;
      seen.add(child);
      own = this.#collectEntry(upper, child) || own;
    }
    for (const gone of this.#childrenBefore(path)) {
      if (seen.has(gone) || this.#hidden.has(gone)) continue;
      this.#ensureDirectory(upper, path);
      makeWhiteout(this.#calls, upper + gone);
    }
    return own;
  }

  #collectEntry(upper: string, path: string): boolean {
    const host = this.#root + path;
    const stat = statOf(host);
    const placed = this.#placed.get(inodeOf(stat));
    if (placed !== undefined) {
      if (placed.home === null) rmSync(fsPath(host), { recursive: true, force: true });
      else renameSync(fsPath(host), placed.home);
      return this.#hidden.has(path);
    }
    const before = this.#before.get(path);
    if (stat.isDirectory()) {
      const changed = before?.isDirectory() !== true || this.#directoryChanged(stat, before);
      this.#finalTimes.set(path, this.#mtime(stat));
      const own = this.#collectInto(upper, path);
      if (this.#stubs.has(inodeOf(stat)) && !own) return false;
      if (changed) this.#ensureDirectory(upper, path);
      return true;
    }
    if (before !== undefined && before.ino === stat.ino && before.ctimeNs === stat.ctimeNs) return true;
    this.#ensureDirectory(upper, path.slice(0, path.lastIndexOf('/')));
    renameSync(fsPath(host), fsPath(upper + path));
    return true;
  }

  #directoryChanged(stat: BigIntStats, before: BigIntStats): boolean {
    return stat.mode !== before.mode || stat.uid !== before.uid || stat.gid !== before.gid || this.#mtime(stat) !== before.mtimeNs;
  }

  /** Without what placing did to it. */
  #mtime(stat: BigIntStats): bigint {
    const known = this.#times.get(inodeOf(stat));
    return known !== undefined && known.after === stat.mtimeNs ? known.before : stat.mtimeNs;
  }

  #childrenBefore(path: string): readonly string[] {
    this.#children ??= this.#groupChildren();
    return this.#children.get(path) ?? [];
  }

  #groupChildren(): Map<string, string[]> {
    const groups = new Map<string, string[]>();
    for (const path of this.#before.keys()) {
      if (path === '') continue;
      const parent = path.slice(0, path.lastIndexOf('/'));
      const group = groups.get(parent);
      if (group === undefined) groups.set(parent, [path]);
      else group.push(path);
    }
    return groups;
  }

  #ensureDirectory(upper: string, path: string): void {
    if (this.#made.has(path)) return;
    this.#ensureDirectory(upper, path.slice(0, path.lastIndexOf('/')));
    this.#made.add(path);
    mkdirSync(fsPath(upper + path));
  }

  /** Deepest first, when everything is inside: moving changed the times on both sides. */
  #copyAttributes(upper: string): void {
    for (const path of [...this.#made].reverse()) {
      copyDirectoryAttributes(this.#calls, this.#root + path, upper + path);
      this.#calls.setTimes(upper + path, null, this.#finalTimes.get(path) ?? null);
    }
  }
}
