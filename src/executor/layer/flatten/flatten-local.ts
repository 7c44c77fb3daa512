// type=local: the root file system of an image as files of the calling user (E-09). The image is
// hostile: nothing is written through a link, whether the image or an earlier export planted it,
// because every directory on the way is made or checked before anything goes into it.
import {
  chmodSync,
  closeSync,
  fchmodSync,
  futimesSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  realpathSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import type { BlobStore } from '../../../cache/blob-store.ts';
import { makeDirectories } from '../../../cache/make-directory.ts';
import { errnoOf, messageOf, TsbuildError } from '../../../core/errors.ts';
import type { FileEntry } from '../../../core/file-entry.ts';
import { fsPath } from '../../../core/path-bytes.ts';
import { type FlatContent, type FlatTree, type RootfsTree, readFlatFiles } from './flatten.ts';
import type { FlattenOptions } from './flatten-tar.ts';
import { planTrees } from './flatten-trees.ts';

/** Writes all trees below `directory`, which is made when missing; what it has beside them stays. */
export async function exportLocal(
  trees: readonly RootfsTree[],
  store: BlobStore,
  directory: string,
  options: FlattenOptions = {},
): Promise<void> {
  const planned = planTrees(trees);
  const writer = new LocalWriter(directory, options);
  writer.open();
  for (const { tree, layers } of planned) {
    for (const node of tree.nodes) {
      options.signal?.throwIfAborted();
      await writer.addNode(node);
    }
    for await (const file of readFlatFiles(tree, layers, store)) {
      options.signal?.throwIfAborted();
      await writer.addFile(file);
    }
  }
  // Last, because trees without a prefix share directories.
  for (const { tree } of planned) writer.finish(tree);
}

class LocalWriter {
  #root: string;
  readonly #options: FlattenOptions;

  constructor(root: string, options: FlattenOptions) {
    this.#root = root;
    this.#options = options;
  }

  open(): void {
    this.#attempt('', () => {
      makeDirectories(this.#root, 0o700);
      // The destination itself is the user's choice and may be a link; nothing below it is followed.
      this.#root = realpathSync(this.#root);
    });
  }

  async addNode(entry: FileEntry): Promise<void> {
    const path = this.#path(entry.path);
    switch (entry.type) {
      case 'dir':
        return this.#attempt(entry.path, () => {
          if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return;
          clear(path);
          // Open to the user until it is filled; `finish` gives it its own mode.
          mkdirSync(path, { mode: 0o700 });
        });
      case 'symlink':
        return this.#attempt(entry.path, () => {
          clear(path);
          symlinkSync(fsPath(entry.link ?? ''), path);
          const time = this.#time(entry);
          lutimesSync(path, time, time);
        });
      default:
        return this.#addSpecial(entry, path);
    }
  }

  async addFile({ entry, links, content }: FlatContent): Promise<void> {
    const path = this.#path(entry.path);
    const fd = this.#attempt(entry.path, () => {
      clear(path);
      return openSync(path, 'wx', 0o600);
    });
    try {
      for await (const chunk of content) {
        this.#attempt(entry.path, () => {
          for (let at = 0; at < chunk.length; ) at += writeSync(fd, chunk, at);
        });
      }
      this.#attempt(entry.path, () => {
        // After the last write, which would clear setuid.
        fchmodSync(fd, entry.mode);
        const time = this.#time(entry);
        futimesSync(fd, time, time);
      });
    } finally {
      closeSync(fd);
    }
    for (const link of links) {
      this.#attempt(link.path, () => {
        clear(this.#path(link.path));
        linkSync(path, this.#path(link.path));
      });
    }
  }

  /** Modes and times of directories, innermost first, once nothing is written into them any more. */
  finish(tree: FlatTree): void {
    for (const entry of tree.nodes.toReversed()) {
      if (entry.type !== 'dir') continue;
      this.#attempt(entry.path, () => {
        chmodSync(this.#path(entry.path), entry.mode);
        const time = this.#time(entry);
        utimesSync(this.#path(entry.path), time, time);
      });
    }
  }

  /** Devices need root, as they do in Docker; the module for the call is loaded only for them. */
  async #addSpecial(entry: FileEntry, path: string | Buffer): Promise<void> {
    const { loadFileCalls, S_IFBLK, S_IFCHR, S_IFIFO } = await import('../../syscalls.ts');
    const type = entry.type === 'char' ? S_IFCHR : entry.type === 'block' ? S_IFBLK : S_IFIFO;
    this.#attempt(entry.path, () => {
      clear(path);
      loadFileCalls().makeNode(`${this.#root}/${entry.path}`, type | 0o600, entry.devMajor ?? 0, entry.devMinor ?? 0);
      chmodSync(path, entry.mode);
      const time = this.#time(entry);
      utimesSync(path, time, time);
    });
  }

  #path(path: string): string | Buffer {
    return fsPath(path === '' ? this.#root : `${this.#root}/${path}`);
  }

  #time(entry: FileEntry): number {
    return this.#options.epoch ?? entry.mtime;
  }

  #attempt<T>(path: string, body: () => T): T {
    try {
      return body();
    } catch (error) {
      if (error instanceof TsbuildError) throw error;
      const reason = errnoOf(error) ?? messageOf(error);
      throw new TsbuildError({
        code: 'image/output-not-writable',
        message: `cannot write ${JSON.stringify(path === '' ? this.#root : path)} below ${this.#root}: ${reason}`,
        hint: reason.includes('EPERM')
          ? 'device files need root; copy only what you need into a FROM scratch stage'
          : 'choose another dest=, or make this one writable',
        cause: error,
      });
    }
  }
}

/** Makes room at a path. `rmSync` alone hides the errno of unusual failures; `lstatSync` names it. */
function clear(path: string | Buffer): void {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return;
  if (stats.isDirectory()) rmSync(path, { recursive: true, force: true });
  else unlinkSync(path);
}
