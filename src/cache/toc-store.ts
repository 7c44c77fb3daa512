// Port: tables of contents of layers, by diffID. Whoever writes or reads a whole layer stores one,
// so COPY, WORKDIR and cache keys can look into base trees without unpacking anything.
import type { DiffId } from '../core/digest.ts';
import type { LayerToc } from '../core/file-entry.ts';

export interface TocStore {
  get(diffId: DiffId): LayerToc | null;
  put(diffId: DiffId, toc: LayerToc): void;
  remove(diffId: DiffId): void;
}
