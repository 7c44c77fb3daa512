// A stack of snapshots that grows step by step: each step changes files in a real overlay mount, is
// diffed to a layer, and the layer is unpacked as the next snapshot.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { LayerToc } from '../../src/core/file-entry.ts';
import { diffSnapshot } from '../../src/executor/layer/diff.ts';
import { createLayerSink } from '../../src/executor/layer/layer-sink.ts';
import { LowerStack } from '../../src/executor/layer/lower-stack.ts';
import { MergedTree } from '../../src/executor/layer/merged-tree.ts';
import type { OverlayXattrs } from '../../src/executor/layer/overlay-form.ts';
import { applyLayer } from '../../src/executor/layer/unpack/apply.ts';
import type { FileCalls } from '../../src/executor/syscalls.ts';
import { describeTree, withOverlay } from './layer-trees.ts';
import { MemoryBlobStore } from './memory-blob-store.ts';

export interface StepResult {
  readonly toc: LayerToc;
  /** The table of contents as read back from the blob while unpacking. */
  readonly appliedToc: LayerToc;
  /** The tree that the step left, and the one that the stack with the new layer shows. */
  readonly left: string;
  readonly seen: string;
}

export class LayerStack {
  readonly dirs: string[] = [];
  readonly tocs: LayerToc[] = [{ entries: [], identityFiles: {} }];
  readonly store = new MemoryBlobStore();
  readonly #root: string;
  readonly #calls: FileCalls;
  readonly #xattrs: OverlayXattrs;
  #count = 0;

  constructor(root: string, calls: FileCalls, xattrs: OverlayXattrs) {
    this.#root = root;
    this.#calls = calls;
    this.#xattrs = xattrs;
    this.dirs.push(this.makeDirectory('empty'));
  }

  makeDirectory(name: string): string {
    const path = join(this.#root, name);
    mkdirSync(path);
    return path;
  }

  /** `body` changes the mounted tree. `exact` as in describeTree. */
  async step(body: (mount: string) => void, exact = true): Promise<StepResult> {
    const n = this.#count++;
    const upper = this.makeDirectory(`upper${n}`);
    const left = this.#mounted(upper, (mount) => {
      body(mount);
      return describeTree(mount, this.#calls, { exact });
    });
    const context = { lower: new LowerStack(this.dirs, this.#calls, this.#xattrs), calls: this.#calls, xattrs: this.#xattrs };
    const sink = createLayerSink(this.store, { compression: 'gzip' });
    await diffSnapshot({ upper, ...context }, sink);
    const { layer, toc } = await sink.finish();
    const snapshot = join(this.#root, `layer${n}`);
    const applied = await applyLayer(this.store.open(layer.blob.digest), snapshot, { ...context, diffId: layer.diffId });
    this.dirs.push(snapshot);
    this.tocs.push(toc);
    const seen = this.#mounted(this.makeDirectory(`check${n}`), (mount) => describeTree(mount, this.#calls, { exact }));
    return { toc, appliedToc: applied.toc, left: left.join('\n'), seen: seen.join('\n') };
  }

  /** The tree that the tables of contents show. */
  get tree(): MergedTree {
    return new MergedTree(this.tocs, this.dirs);
  }

  #mounted<T>(upper: string, body: (mount: string) => T): T {
    const id = `${this.#count}-${this.dirs.length}`;
    const [work, mount] = [this.makeDirectory(`work${id}`), this.makeDirectory(`mount${id}`)];
    const options = this.#xattrs === 'user' ? ',userxattr' : ',redirect_dir=off,metacopy=off';
    return withOverlay(this.dirs, upper, work, mount, options, () => body(mount));
  }
}
