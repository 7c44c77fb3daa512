// COPY, ADD and WORKDIR whose sources are on this machine: the layer is written here, in one pass,
// without namespaces and without unpacking the base; its tables of contents answer what it holds.
import type { OnGrowth } from '../../cache/blob-store.ts';
import type { LayerRef } from '../../core/descriptor.ts';
import { type CopyInput, type CopyPlan, looksAtBase, planCopy } from '../../executor/copy/plan-copy.ts';
import { planMkdir } from '../../executor/copy/plan-mkdir.ts';
import { type ReadBase, runCopy } from '../../executor/copy/run-copy.ts';
import type { LayerFormat } from '../../executor/executor.ts';
import { createLayerSink, type LayerSink } from '../../executor/layer/layer-sink.ts';
import type { MergedTree } from '../../executor/layer/merged-tree.ts';
import type { CopyOp, MkdirOp } from '../../graph/op.ts';
import type { Session } from '../session.ts';
import type { Rootfs } from '../solve/layer.ts';
import { mergedTree, tocsOf } from '../solve/layer-toc.ts';

const seconds = (session: Session): number => Math.floor(session.clock() / 1000);

/** The tree below the step; null is scratch, where no name can be looked up. */
async function baseTree(session: Session, base: Rootfs): Promise<MergedTree | null> {
  return base.layers.length === 0 ? null : mergedTree(session, base.layers);
}

export async function copyLocal(
  session: Session,
  op: CopyOp,
  base: Rootfs,
  sources: Readonly<Record<number, CopyInput>>,
  format: LayerFormat,
  onGrowth?: OnGrowth,
): Promise<LayerRef> {
  const tree = looksAtBase(op) ? await baseTree(session, base) : null;
  const plan = await planCopy({ op, base: tree, sources, time: seconds(session), identity: identityOf(tree) });
  return writeLayer(session, plan, createLayerSink(session.blobs, format, onGrowth), (paths) => readBase(session, base, paths));
}

/** Fetched for the rare archive with hard links to files of the base: these become files of the layer. */
async function* readBase(session: Session, { layers }: Rootfs, paths: readonly string[]): ReturnType<ReadBase> {
  const tocs = await tocsOf(session, layers);
  const flat = layers.map(async (layer, at) => {
    await layer.fetch(session.signal);
    return { blob: (await layer.made).ref.blob, toc: tocs[at] ?? { entries: [], identityFiles: {} } };
  });
  const { readTreeFiles } = await import('../../executor/layer/flatten/flatten.ts');
  yield* readTreeFiles(paths, await Promise.all(flat), session.blobs);
}

export async function makeDirectory(session: Session, op: MkdirOp, base: Rootfs, format: LayerFormat): Promise<LayerRef> {
  const tree = await baseTree(session, base);
  const plan = planMkdir({ op, base: tree, time: seconds(session), identity: identityOf(tree) });
  return writeLayer(session, plan, createLayerSink(session.blobs, format));
}

const identityOf = (tree: MergedTree | null) => (path: string) => tree?.readIdentityFile(path) ?? null;

async function writeLayer(session: Session, plan: CopyPlan, sink: LayerSink, readBelow?: ReadBase): Promise<LayerRef> {
  const { layer, toc } = await runCopy(plan, sink, session.signal, readBelow);
  session.tocs.put(layer.diffId, toc);
  return layer;
}
