// Hears of changes in a set of directories through inotify, one watch a directory and none for files:
// editors replace files, and a watch stays with what was replaced. When the kernel has no watches left it
// says so and looks at intervals instead; so it does when told to, for file systems without inotify.
import { type FSWatcher, statSync, watch } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf } from '../../core/errors.ts';
import { fsPath } from '../../core/path-bytes.ts';

export interface WatcherOptions {
  readonly signal: AbortSignal;
  /** Do not use inotify. */
  readonly poll: boolean;
  readonly notice: (message: string) => void;
}

/** Milliseconds: without news for so long, an edit is taken to be done; but no longer after its first news than the second. */
const QUIET = 80;
const LONGEST_WAIT = 1000;
const POLL_EVERY = 1000;
/** Looking at many files takes its time: so many times as long nothing is done. */
const REST = 9;

export class DirectoryWatcher {
  readonly #options: WatcherOptions;
  /** By path, with the inode: a directory that was made anew is another one. */
  readonly #watchers = new Map<string, { readonly inode: bigint; readonly watcher: FSWatcher }>();
  #polling: boolean;
  #news = 0;
  #wake: () => void = () => undefined;

  constructor(options: WatcherOptions) {
    this.#options = options;
    this.#polling = options.poll;
  }

  get polling(): boolean {
    return this.#polling;
  }

  /** Watches these directories and no others. Says whether some are watched only now, so that what happened before is not known. */
  watch(directories: ReadonlySet<string>): boolean {
    let added = false;
    for (const [path, { watcher }] of this.#watchers) {
      if (directories.has(path)) continue;
      watcher.close();
      this.#watchers.delete(path);
    }
    for (const path of directories) {
      if (this.#polling) return false;
      added = this.#watchOne(path) || added;
    }
    return added;
  }

  /** Until something may have changed and nothing did for a moment; `cost` is how long looking takes, in milliseconds. Rejects when aborted. */
  async changed(cost: number): Promise<void> {
    const { signal } = this.#options;
    if (this.#polling) {
      await sleep(Math.max(POLL_EVERY, cost * REST), undefined, { signal });
      return;
    }
    if (this.#news === 0) await this.#next();
    for (let waited = 0; waited < LONGEST_WAIT; waited += QUIET) {
      this.#news = 0;
      await sleep(QUIET, undefined, { signal });
      if (this.#news === 0) break;
    }
    this.#news = 0;
  }

  close(): void {
    for (const { watcher } of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  #next(): Promise<void> {
    const { signal } = this.#options;
    return new Promise((resolve, reject) => {
      const abort = (): void => reject(signal.reason);
      if (signal.aborted) return abort();
      signal.addEventListener('abort', abort, { once: true });
      this.#wake = () => {
        signal.removeEventListener('abort', abort);
        resolve();
      };
    });
  }

  readonly #hear = (): void => {
    this.#news += 1;
    this.#wake();
  };

  /** Says whether it is watched only now. */
  #watchOne(path: string): boolean {
    const inode = inodeOf(path);
    const known = this.#watchers.get(path);
    if (known?.inode === inode) return false;
    known?.watcher.close();
    this.#watchers.delete(path);
    if (inode === null) return false;
    try {
      const watcher = watch(fsPath(path), { persistent: true }, this.#hear);
      watcher.on('error', (error) => this.#failed(error));
      this.#watchers.set(path, { inode, watcher });
      return true;
    } catch (error) {
      this.#failed(error);
      return false;
    }
  }

  #failed(error: unknown): void {
    const errno = errnoOf(error);
    if (errno === undefined) throw error;
    this.#hear();
    // A directory that went away is missed by whoever needs it.
    if (this.#polling || errno === 'ENOENT' || errno === 'ENOTDIR') return;
    this.#polling = true;
    this.close();
    const limit = errno === 'ENOSPC' ? 'fs.inotify.max_user_watches' : errno === 'EMFILE' ? 'fs.inotify.max_user_instances' : null;
    this.#options.notice(
      limit === null
        ? `directories cannot be watched (${errno}): looking every second instead`
        : `the kernel watches no more directories (${errno}): looking every second instead; raise ${limit} (sysctl) to be told at once`,
    );
  }
}

function inodeOf(path: string): bigint | null {
  try {
    return statSync(fsPath(path), { bigint: true }).ino;
  } catch {
    return null;
  }
}
