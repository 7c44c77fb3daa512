// Tables of contents on disk: tocs-v1/<2 hex>/<64 hex> by diffID. A file that is damaged counts as
// absent and is removed: whoever needs it reads the layer again.
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type DiffId, hexOf } from '../core/digest.ts';
import { errnoOf } from '../core/errors.ts';
import type { LayerToc } from '../core/file-entry.ts';
import { writeInto } from './blob-writer.ts';
import { storeError } from './store-errors.ts';
import { TEMP_DIR, TOCS_DIR } from './store-layout.ts';
import { decodeToc, encodeToc } from './toc-codec.ts';
import type { TocStore } from './toc-store.ts';

class FsTocStore implements TocStore {
  readonly #tocs: string;
  readonly #temp: string;

  constructor(root: string) {
    this.#tocs = join(root, TOCS_DIR);
    this.#temp = join(root, TEMP_DIR);
  }

  get(diffId: DiffId): LayerToc | null {
    const path = this.#path(diffId);
    let bytes: Buffer;
    try {
      bytes = readFileSync(path);
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === 'ENOENT' || errno === 'ENOTDIR') return null;
      throw storeError(error, 'read', path);
    }
    const toc = decodeToc(bytes);
    if (toc === null) this.remove(diffId);
    return toc;
  }

  put(diffId: DiffId, toc: LayerToc): void {
    writeInto(this.#temp, this.#path(diffId), encodeToc(toc));
  }

  remove(diffId: DiffId): void {
    const path = this.#path(diffId);
    try {
      rmSync(path, { force: true });
    } catch (error) {
      throw storeError(error, 'remove', path);
    }
  }

  #path(diffId: DiffId): string {
    const hex = hexOf(diffId);
    return join(this.#tocs, hex.slice(0, 2), hex);
  }
}

export const openFsTocStore = (root: string): TocStore => new FsTocStore(root);
