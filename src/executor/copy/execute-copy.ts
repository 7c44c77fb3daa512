// A CopyRequest from start to stored layer, for the process that may read the snapshots: trees from
// tables of contents and directories, plan, layer, TOC.
import type { BlobStore } from '../../cache/blob-store.ts';
import type { TocStore } from '../../cache/toc-store.ts';
import { parseIgnoreFile } from '../../context/ignore-file.ts';
import { openLocalTree } from '../../context/local-tree.ts';
import { compileRules } from '../../context/pattern-matcher.ts';
import type { DiffId } from '../../core/digest.ts';
import { InvariantError } from '../../core/errors.ts';
import type { LayerToc } from '../../core/file-entry.ts';
import type { CopyRequest, StoredLayer } from '../executor.ts';
import { createLayerSink } from '../layer/layer-sink.ts';
import { MergedTree } from '../layer/merged-tree.ts';
import { type CopyInput, planCopy } from './plan-copy.ts';
import { runCopy } from './run-copy.ts';
import { snapshotTree } from './snapshot-tree.ts';

export interface CopyStores {
  /** Directory of the store. */
  readonly root: string;
  readonly blobs: BlobStore;
  readonly tocs: TocStore;
}

/** Errors: those of `planCopy` and of reading the files. Blob and TOC are in the store when this resolves. */
export async function executeCopy(request: CopyRequest, stores: CopyStores, signal?: AbortSignal): Promise<StoredLayer> {
  const base = request.base.length === 0 ? null : new MergedTree(tocsOf(stores.tocs, request.base));
  const sources: Record<number, CopyInput> = {};
  for (const [number, source] of Object.entries(request.sources)) sources[Number(number)] = inputOf(source, stores);
  const plan = await planCopy({
    op: request.op,
    base,
    sources,
    time: request.time,
    identity: (path) => base?.readIdentityFile(path) ?? null,
  });
  const { layer, toc } = await runCopy(plan, createLayerSink(stores.blobs, request.format), signal);
  stores.tocs.put(layer.diffId, toc);
  return { layer };
}

function inputOf(source: CopyRequest['sources'][number], stores: CopyStores): CopyInput {
  if ('stack' in source) return { type: 'tree', tree: snapshotTree(stores.root, source.stack, tocsOf(stores.tocs, source.diffIds)) };
  const { matcher } = compileRules(parseIgnoreFile(source.ignore), '.dockerignore');
  return { type: 'tree', tree: openLocalTree(source.directory, { ignore: matcher }) };
}

function tocsOf(store: TocStore, diffIds: readonly DiffId[]): LayerToc[] {
  return diffIds.map((diffId) => {
    const toc = store.get(diffId);
    if (toc === null) throw new InvariantError(`no table of contents for ${diffId}`);
    return toc;
  });
}
