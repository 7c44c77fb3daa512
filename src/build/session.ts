// Everything one command shares: the store, the executor (started when first asked for), the
// registry, the clock, and where events go. The composition root of the program.
import type { BlobStore } from '../cache/blob-store.ts';
import type { BuildIndex } from '../cache/build-index.ts';
import { openFsBlobStore } from '../cache/fs-blob-store.ts';
import { openFsTocStore } from '../cache/fs-toc-store.ts';
import { Leases } from '../cache/leases.ts';
import { makeDirectory } from '../cache/make-directory.ts';
import { openSqliteIndex } from '../cache/sqlite-index.ts';
import { enterStore } from '../cache/store-sessions.ts';
import type { TocStore } from '../cache/toc-store.ts';
import { invariant } from '../core/errors.ts';
import type { Clock, Emit } from '../core/events.ts';
import type { Executor } from '../executor/executor.ts';
import { viewWith } from './view-with.ts';

export type Isolation = 'auto' | 'root' | 'rootless' | 'chroot' | 'fuse' | 'copy';

export interface SessionOptions {
  /** Store directory, absolute. */
  readonly root: string;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly isolation: Isolation;
}

export interface Session extends SessionOptions {
  readonly blobs: BlobStore;
  readonly index: BuildIndex;
  readonly tocs: TocStore;
  readonly leases: Leases;
  executor(): Promise<Executor>;
  /** Ends the executor and flushes the index. Idempotent. */
  close(): Promise<void>;
}

/** The same session for work that may end earlier, or of which events are seen by somebody between. */
export const sessionWith = (session: Session, changes: Partial<Pick<Session, 'signal' | 'emit'>>): Session =>
  viewWith<Session>(session, changes);

/** The store is opened when something of it is first asked for: a check of a Dockerfile may never. */
export function openSession(options: SessionOptions): Session {
  let store: Store | null = null;
  let executor: Promise<Executor> | null = null;
  let closed = false;
  const opened = (): Store => {
    invariant(!closed || store !== null, 'the session is closed');
    store ??= openStore(options);
    return store;
  };
  return {
    ...options,
    get blobs() {
      return opened().blobs;
    },
    get index() {
      return opened().index;
    },
    get tocs() {
      return opened().tocs;
    },
    get leases() {
      return opened().leases;
    },
    executor() {
      opened();
      executor ??= startExecutor(options);
      return executor;
    },
    async close() {
      closed = true;
      const running = executor;
      executor = null;
      if (running !== null) await running.then((client) => client.close()).catch(() => undefined);
      store?.index.close();
      store?.leases.close();
      store?.leave();
    },
  };
}

interface Store extends Pick<Session, 'blobs' | 'index' | 'tocs' | 'leases'> {
  leave(): void;
}

function openStore({ root, emit }: SessionOptions): Store {
  makeDirectory(root);
  const leave = enterStore(root);
  const onNotice = (message: string): void => emit({ type: 'notice', message });
  const index = openSqliteIndex(root, { onNotice });
  return { leave, blobs: openFsBlobStore(root), index, tocs: openFsTocStore(root), leases: new Leases(root, { onNotice }) };
}

async function startExecutor(options: SessionOptions): Promise<Executor> {
  const { startExecutor: start } = await import('../executor/start-executor.ts');
  return start({
    root: options.root,
    isolation: options.isolation,
    notice: (message: string) => options.emit({ type: 'notice', message }),
  });
}
