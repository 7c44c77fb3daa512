// Reads many directories, on a second thread too once there prove to be many files: most of the time goes
// into system calls, one for each file. Whoever is free takes the next directory.
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { type DirectoryStats, readDirectory } from './read-directory.ts';
import { type ReadAnswer, type ReadMessage, type ReadOrder, turns } from './read-order.ts';

/** A thread takes about 40 ms to start, in which the first one looks at so many files. */
const MANY_FILES = 10_000;
/** Fewer directories than this are not worth a thread. */
const FEW_DIRECTORIES = 16;

export class DirectoryReader {
  readonly #root: string;
  #files = 0;
  /** Undefined until it is needed, null when there is none. */
  #thread: Worker | null | undefined;

  constructor(root: string) {
    this.#root = root;
  }

  /** What is in each of the directories `paths` below the root, by path. Throws context/unreadable. */
  async read(paths: readonly string[]): Promise<ReadonlyMap<string, DirectoryStats>> {
    const order: ReadOrder = { root: this.#root, paths, next: new Int32Array(new SharedArrayBuffer(4)) };
    const found = new Array<DirectoryStats | undefined>(paths.length).fill(undefined);
    let answers: Promise<readonly ReadAnswer[]> | null = null;
    for (const at of turns(order)) {
      if (this.#files > MANY_FILES && paths.length - at > FEW_DIRECTORIES) answers ??= this.#share(order);
      const stats = readDirectory(this.#root, paths[at] ?? '');
      this.#files += stats.names.length;
      found[at] = stats;
    }
    if (answers !== null && found.includes(undefined)) {
      for (const { at, names, ...rest } of await answers) found[at] = { ...rest, names: names === '' ? [] : names.split('/') };
    }
    // What the thread could not read is read again, for its error.
    return new Map(paths.map((path, at) => [path, found[at] ?? readDirectory(this.#root, path)]));
  }

  close(): void {
    void this.#thread?.terminate();
    this.#thread = undefined;
  }

  /** Lets the second thread take part; its answers come when all is taken. None when there is none. */
  #share(order: ReadOrder): Promise<readonly ReadAnswer[]> {
    if (this.#thread === undefined) this.#thread = startThread();
    if (this.#thread === null) return Promise.resolve([]);
    const { MessageChannel } = process.getBuiltinModule('node:worker_threads');
    const { port1, port2 } = new MessageChannel();
    const { promise, resolve } = Promise.withResolvers<readonly ReadAnswer[]>();
    // Closed by a thread that ends.
    port1.once('message', resolve).once('close', () => resolve([]));
    const message: ReadMessage = { ...order, answer: port2 };
    this.#thread.postMessage(message, [port2]);
    return promise.finally(() => port1.close());
  }
}

/** Null where a second thread would have no processor, or may not be started. */
function startThread(): Worker | null {
  if (availableParallelism() < 2) return null;
  const { Worker } = process.getBuiltinModule('node:worker_threads');
  try {
    const thread = new Worker(threadEntry(), { execArgv: [] });
    // The work is done by one thread then.
    thread.on('error', () => undefined);
    thread.unref();
    return thread;
  } catch {
    return null;
  }
}

/** Beside this bundle, or the source when running from source. */
function threadEntry(): string {
  const here = import.meta.dirname;
  return import.meta.filename.endsWith('.ts') ? join(here, 'read-thread.ts') : join(here, 'read-thread.cjs');
}
