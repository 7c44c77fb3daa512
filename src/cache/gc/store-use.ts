// What of a store is in use: what tagged images consist of, and what a running build may rely on, which is
// all that it made or looked at, because a build refreshes the times of whatever it decides to use. Builds
// begin, set tags and end while a large store is looked through, so this is asked again before anything goes.
import { parseDigest } from '../../core/digest.ts';
import { openFsBlobStore, TOUCH_INTERVAL } from '../fs-blob-store.ts';
import type { SqliteIndex } from '../sqlite-index.ts';
import { oldestSession } from '../store-sessions.ts';
import { findReachable, type Reachable } from './reachable.ts';
import type { StoreItem } from './store-scan.ts';

const HOUR = 3_600_000;

export class StoreUse {
  readonly #root: string;
  readonly #index: SqliteIndex;
  /** Milliseconds: what was used later than this may be needed by a build that was seen at work. */
  #threshold = Number.POSITIVE_INFINITY;
  #revision: number | undefined;
  /** Digests of what is tagged: only another set of them is walked again. */
  #images: string | undefined;
  #reachable: Reachable = { blobs: new Set(), diffIds: new Set(), chainIds: new Map() };

  constructor(root: string, index: SqliteIndex) {
    this.#root = root;
    this.#index = index;
  }

  /** What tagged images consist of. */
  get reachable(): Reachable {
    return this.#reachable;
  }

  /** No build was seen at work so far. */
  get alone(): boolean {
    return this.#threshold === Number.POSITIVE_INFINITY;
  }

  /** Sees builds that began and tags that were set since the last look. A build that ended meanwhile still counts. */
  async look(): Promise<void> {
    const oldest = oldestSession(this.#root);
    // A clock that was set back since makes what the build uses look older than the build.
    if (oldest !== null) this.#threshold = Math.min(this.#threshold, oldest > Date.now() ? 0 : oldest - TOUCH_INTERVAL);
    const revision = this.#index.db.revision();
    if (revision === this.#revision) return;
    this.#revision = revision;
    const targets = this.#index.tags().map((tag) => tag.target);
    const images = targets.map(({ digest }) => digest).join();
    if (images === this.#images) return;
    this.#images = images;
    this.#reachable = await findReachable(targets, openFsBlobStore(this.#root));
  }

  /** `now` in milliseconds. */
  allowsRemovalOf(item: StoreItem, now: number): boolean {
    if (item.kind === 'blob' && this.#reachable.blobs.has(parseDigest(item.id))) return false;
    // Whether a cache mount is in use is only known to the kernel's locks.
    if (item.kind === 'cache-mount' && !this.alone) return false;
    if (item.kind === 'temp' && !this.alone) return now - item.lastUsed > 24 * HOUR;
    return item.lastUsed < this.#threshold;
  }
}
