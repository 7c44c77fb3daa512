// Paths as a process of the step will see them: the root file system with the step's mounts laid
// over it. Symbolic links are followed by hand and never leave the root. Used only while nothing of
// the step runs, so what is looked at cannot change underneath.
import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { errnoOf, TsbuildError } from '../../core/errors.ts';
import { fsPath, pathFromBytes } from '../../core/path-bytes.ts';

export interface ResolvedPath {
  /** Absolute path in the container without links; names after the first missing one are kept as written. */
  readonly path: string;
  /** What is there, or null when missing or inside a mount that starts empty. */
  readonly stat: Stats | null;
}

const LINK_LIMIT = 255;

export class ContainerView {
  /** Host path of the root file system. */
  readonly rootPath: string;
  /** Mount point → host path, or null for a file system that is made when the step starts. */
  readonly #mounts: Map<string, string | null>;

  /** `fresh`: mount points of file systems that every step gets new. */
  constructor(root: string, fresh: readonly string[] = ['/proc', '/sys', '/dev']) {
    this.rootPath = root;
    this.#mounts = new Map(fresh.map((target) => [target, null]));
  }

  /** The same mounts over another root. */
  withRoot(root: string): ContainerView {
    const view = new ContainerView(root);
    for (const [target, hostPath] of this.#mounts) view.addMount(target, hostPath);
    return view;
  }

  /** Looks below all mounts. */
  lstatRoot(path: string): Stats | null {
    return lstatOrNull(this.rootPath + path);
  }

  addMount(target: string, hostPath: string | null): void {
    this.#mounts.set(target, hostPath);
  }

  /** The mount that a path without links lies in; `target` is `/` for the root file system. */
  mountOf(path: string): { readonly target: string; readonly hostPath: string | null } {
    for (let at = path; at !== '' && at !== '/'; at = at.slice(0, at.lastIndexOf('/'))) {
      const hostPath = this.#mounts.get(at);
      if (hostPath !== undefined) return { target: at, hostPath };
    }
    return { target: '/', hostPath: this.rootPath };
  }

  /** Host path of a container path without links, or null inside /proc, /sys, /dev and tmpfs. */
  hostPath(path: string): string | null {
    const { target, hostPath } = this.mountOf(path);
    if (hostPath === null) return null;
    return target === '/' ? (path === '/' ? hostPath : hostPath + path) : hostPath + path.slice(target.length);
  }

  /** Whether a path without links is in, or below, a file system that is made when the step starts. */
  isFresh(path: string): boolean {
    for (let at = path; at !== '' && at !== '/'; at = at.slice(0, at.lastIndexOf('/'))) if (this.#mounts.get(at) === null) return true;
    return false;
  }

  lstat(path: string): Stats | null {
    const host = this.hostPath(path);
    return host === null ? null : lstatOrNull(host);
  }

  /**
   * Follows every link, a final one too. Error: 'exec/link-loop'.
   */
  resolve(path: string): ResolvedPath {
    const pending = path.split('/').reverse();
    let at = '';
    let links = 0;
    let stat: Stats | null = this.lstat('/');
    let missing = false;
    for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
      if (name === '' || name === '.') continue;
      if (name === '..') {
        at = at.slice(0, Math.max(0, at.lastIndexOf('/')));
        stat = this.lstat(at === '' ? '/' : at);
        missing = stat === null;
        continue;
      }
      const next = `${at}/${name}`;
      stat = missing ? null : this.lstat(next);
      if (stat?.isSymbolicLink() === true) {
        links += 1;
        if (links > LINK_LIMIT) throw linkLoop(path);
        const target = pathFromBytes(readlinkSync(fsPath(this.hostPath(next) ?? ''), 'buffer'));
        if (target.startsWith('/')) at = '';
        pending.push(...target.split('/').reverse());
        continue;
      }
      missing ||= stat === null;
      at = next;
    }
    return { path: at === '' ? '/' : at, stat: missing ? null : stat };
  }
}

const linkLoop = (path: string): TsbuildError =>
  new TsbuildError({
    code: 'exec/link-loop',
    message: `${path}: too many symbolic links`,
    hint: 'A link in the image leads back to itself.',
  });

function lstatOrNull(path: string): Stats | null {
  try {
    return lstatSync(fsPath(path));
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT' || errno === 'ENOTDIR' || errno === 'ENAMETOOLONG' || errno === 'EACCES') return null;
    throw error;
  }
}
