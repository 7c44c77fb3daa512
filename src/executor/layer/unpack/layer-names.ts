// Where the entries of one layer really land. A layer may carry a symlink and then entries "below" it
// (`lib → usr/lib`, `lib/x.so`); like Docker, those are resolved inside the layer, never outside of
// its root. Table of contents and unpacking share this, so both name the same places.
import type { FileEntry } from '../../../core/file-entry.ts';
import { badLayer } from '../tar/tar-format.ts';
import { parentOf } from '../toc-index.ts';

/** As the kernel's limit for one lookup. */
const MAX_LINKS = 40;

export class LayerNames {
  /** Links by resolved path; undefined where there was one. Deleted keys would stay in the way of those that come again. */
  readonly #links = new Map<string, string | undefined>();
  /** Directory → names in it that are links or have some below: a layer may replace directories as often as it likes. */
  readonly #inside = new Map<string, Set<string>>();

  /** `entry` with its path (and a hard link's target) resolved; feed every entry in order. */
  resolve(entry: FileEntry): FileEntry {
    const path = entry.path === '' ? '' : this.#resolveParent(entry.path);
    let resolved = path === entry.path ? entry : { ...entry, path };
    if (entry.type === 'hardlink') {
      const link = this.#resolveParent(entry.link ?? '');
      if (link !== entry.link) resolved = { ...resolved, link };
    }
    this.#track(resolved);
    return resolved;
  }

  #track(entry: FileEntry): void {
    if (entry.type === 'whiteout' || entry.type === 'opaque') return;
    if (entry.type === 'symlink') {
      this.#forget(entry.path);
      this.#remember(entry.path, entry.link ?? '');
    } else if (this.#links.size > 0) {
      const target = entry.type === 'hardlink' ? this.#links.get(entry.link ?? '') : undefined;
      // A directory entry leaves a directory's content alone; anything else replaces what was there.
      if (entry.type === 'dir') this.#drop(entry.path);
      else this.#forget(entry.path);
      // A hard link to a symlink is that symlink under another name.
      if (target !== undefined) this.#remember(entry.path, target);
    }
  }

  #remember(path: string, link: string): void {
    this.#links.set(path, link);
    for (let at = path; at !== ''; at = parentOf(at)) {
      const directory = parentOf(at);
      const names = this.#inside.get(directory) ?? new Set();
      const name = at.slice(at.lastIndexOf('/') + 1);
      if (names.has(name)) return;
      this.#inside.set(directory, names.add(name));
    }
  }

  /** With everything below. */
  #forget(path: string): void {
    this.#drop(path);
    const names = this.#inside.get(path);
    if (names === undefined) return;
    const below = [...names];
    names.clear();
    for (const name of below) this.#forget(`${path}/${name}`);
  }

  #drop(path: string): void {
    if (this.#links.has(path)) this.#links.set(path, undefined);
  }

  /** `path` with every component but the last followed through links of this layer. */
  #resolveParent(path: string): string {
    if (this.#links.size === 0) return path;
    let done = '';
    let rest = path;
    for (let hops = 0; ; ) {
      const slash = rest.indexOf('/');
      if (slash === -1) return done === '' ? rest : rest === '' ? done : `${done}/${rest}`;
      const name = rest.slice(0, slash);
      rest = rest.slice(slash + 1);
      if (name === '' || name === '.') continue;
      if (name === '..') {
        done = done.slice(0, Math.max(0, done.lastIndexOf('/')));
        continue;
      }
      const here = done === '' ? name : `${done}/${name}`;
      const link = this.#links.get(here);
      if (link === undefined) {
        done = here;
        continue;
      }
      if (++hops > MAX_LINKS) throw badLayer(`too many symbolic links above ${JSON.stringify(path)}`);
      if (link.startsWith('/')) done = '';
      rest = `${link}/${rest}`;
    }
  }
}
