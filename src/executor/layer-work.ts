// The executor's work on layers: unpack a blob into a snapshot, turn the changes of a step into a
// layer, copy between stages. It runs here because owners and device nodes need the executor's rights;
// blobs and tables of contents go straight into the store.
import { mkdirSync, rmSync } from 'node:fs';
import type { BlobStore, OnGrowth } from '../cache/blob-store.ts';
import { openFsBlobStore } from '../cache/fs-blob-store.ts';
import { openFsTocStore } from '../cache/fs-toc-store.ts';
import type { TocStore } from '../cache/toc-store.ts';
import { parseIgnoreFile } from '../context/ignore-file.ts';
import { openLocalTree } from '../context/local-tree.ts';
import { compileRules } from '../context/pattern-matcher.ts';
import type { DiffId } from '../core/digest.ts';
import { TsbuildError } from '../core/errors.ts';
import type { FileEntry, LayerToc } from '../core/file-entry.ts';
import { type CopyInput, planCopy } from './copy/plan-copy.ts';
import { runCopy } from './copy/run-copy.ts';
import type { CopyRequest, DiffRequest, LayerResult, SnapshotStack, StoredLayer, UnpackRequest } from './executor.ts';
import { diffSnapshot } from './layer/diff.ts';
import { createLayerSink, type LayerSink } from './layer/layer-sink.ts';
import { LowerStack } from './layer/lower-stack.ts';
import { MergedTree } from './layer/merged-tree.ts';
import { readUnlisted, writeUnlisted } from './layer/unlisted.ts';
import { applyLayer } from './layer/unpack/apply.ts';
import { checkedId, treeOf, unlistedOf } from './sandbox/snapshot-directory.ts';
import type { StepHost } from './sandbox/step-host.ts';

const BLOCK = 4096;

export class LayerWork {
  readonly #host: StepHost;
  readonly #blobs: BlobStore;
  readonly #tocs: TocStore;

  constructor(host: StepHost) {
    this.#host = host;
    this.#blobs = openFsBlobStore(host.config.root);
    this.#tocs = openFsTocStore(host.config.root);
  }

  async unpack(request: UnpackRequest, parent: Promise<SnapshotStack>): Promise<{ readonly size: number }> {
    const { blob, diffId } = request;
    const base = checkedId(request.snapshot);
    mkdirSync(base, { recursive: true, mode: 0o755 });
    const tree = treeOf(base);
    rmSync(tree, { recursive: true, force: true });
    const result = await applyLayer(this.#blobs.open(blob.digest), tree, {
      mediaType: blob.mediaType,
      diffId,
      lower: parent.then((stack) => this.#lower(stack)),
      calls: this.#host.fileCalls,
      xattrs: this.#host.xattrs,
      owners: this.#host.config.isolation === 'single' || process.geteuid?.() !== 0 ? 'record' : 'set',
    });
    this.#tocs.put(diffId, result.toc);
    const { length } = result.skippedDevices;
    if (length > 0)
      this.#host.noticeOnce(`${length} device nodes of the image are left out on this machine, because making them needs root`);
    return { size: result.size };
  }

  async diff({ snapshot, parent, format }: DiffRequest, onGrowth?: OnGrowth): Promise<StoredLayer & { readonly size: number }> {
    const sink = createLayerSink(this.#blobs, format, onGrowth);
    try {
      const options = { upper: treeOf(snapshot), lower: this.#lower(parent), calls: this.#host.fileCalls, xattrs: this.#host.xattrs };
      let size = 0;
      const counting: Pick<LayerSink, 'add'> = {
        add: (entry, content) => {
          size += sizeOnDisk(entry);
          return sink.add(entry, content);
        },
      };
      const unlisted = await diffSnapshot(options, counting);
      writeUnlisted(unlistedOf(snapshot), unlisted);
      return { ...this.#store(await sink.finish()), size };
    } catch (error) {
      await sink.abort();
      throw error;
    }
  }

  async copy(request: CopyRequest, signal: AbortSignal, onGrowth?: OnGrowth): Promise<StoredLayer> {
    const base = request.base.length === 0 ? null : this.#tree(request.base);
    const sources: Record<number, CopyInput> = {};
    for (const [input, source] of Object.entries(request.sources)) sources[Number(input)] = this.#input(source);
    const identity = (path: string): string | null => base?.readIdentityFile(path) ?? null;
    const plan = await planCopy({ op: request.op, base, sources, time: request.time, identity });
    return this.#store(await runCopy(plan, createLayerSink(this.#blobs, request.format, onGrowth), signal));
  }

  #input(source: CopyRequest['sources'][number]): CopyInput {
    if ('stack' in source) return { type: 'tree', tree: this.#tree(source.diffIds, source.stack) };
    const ignore = compileRules(parseIgnoreFile(source.ignore), '.dockerignore').matcher;
    return { type: 'tree', tree: openLocalTree(source.directory, { ignore }) };
  }

  #tree(diffIds: readonly DiffId[], stack: SnapshotStack = []): MergedTree {
    return new MergedTree(
      diffIds.map((diffId) => this.#toc(diffId)),
      stack.map(treeOf),
      { unlisted: stack.map((id) => readUnlisted(unlistedOf(id))) },
    );
  }

  #toc(diffId: DiffId): LayerToc {
    const toc = this.#tocs.get(diffId);
    if (toc !== null) return toc;
    // The build had it a moment ago.
    throw new TsbuildError({
      code: 'store/missing-blob',
      message: `the table of contents of layer ${diffId} is not in the store any more`,
      hint: 'Run the command again to make it; leave the store alone while builds use it.',
      data: { diffId },
    });
  }

  #store({ layer, toc }: LayerResult): StoredLayer {
    this.#tocs.put(layer.diffId, toc);
    return { layer };
  }

  #lower(stack: SnapshotStack): LowerStack {
    return new LowerStack(stack.map(treeOf), this.#host.fileCalls, this.#host.xattrs);
  }
}

/** In whole blocks, as the snapshot occupies them. */
function sizeOnDisk({ type, size }: FileEntry): number {
  return type === 'file' ? Math.ceil(size / BLOCK) * BLOCK : type === 'dir' ? BLOCK : 0;
}
