// Advice after a build: steps that changed owners or modes and so stored large files a second time.
import type { Diagnostic } from '../../core/diagnostic.ts';
import type { LayerToc } from '../../core/file-entry.ts';
import type { BuildPlan } from '../../graph/image-plan.ts';
import type { ExecOp } from '../../graph/op.ts';
import type { Session } from '../session.ts';
import type { SolvedImage } from '../solve/solve-plan.ts';

/** Less is not worth a word. */
const LARGE = 10 << 20;
/** Layers with a smaller blob are not looked into; incompressible or not, they hold little. */
const SMALLEST_BLOB = 100 << 10;

/** One warning for each RUN with chown or chmod whose layer repeats at least 10 MiB of the layers below. */
export function repeatedFiles(session: Session, plan: BuildPlan, images: readonly SolvedImage[]): Diagnostic[] {
  const vertices = new Map(plan.graph.vertices.map((vertex) => [vertex.id, vertex]));
  const suspects = new Set(plan.graph.vertices.filter(({ op }) => op.type === 'exec' && changesOwners(op)).map(({ id }) => id));
  if (suspects.size === 0) return [];
  const found = new Map<string, Diagnostic>();
  for (const { layers } of images) {
    for (const [at, { layer, vertex: id }] of layers.entries()) {
      const vertex = id !== undefined && suspects.has(id) ? vertices.get(id) : undefined;
      if (vertex === undefined || layer.blob.size < SMALLEST_BLOB || found.has(vertex.id)) continue;
      const toc = session.tocs.get(layer.diffId);
      const below = layers.slice(0, at).flatMap((other) => session.tocs.get(other.layer.diffId) ?? []);
      const bytes = toc === null ? 0 : repeatedBytes(toc, below);
      if (bytes < LARGE) continue;
      found.set(vertex.id, {
        code: 'plan/owner-change-copies-files',
        severity: 'warning',
        message: `this step stores ${Math.round(bytes / (1 << 20))} MiB a second time: only owner or mode of the files changed`,
        ...(vertex.meta.origin !== undefined && { span: vertex.meta.origin }),
        hint: 'use COPY --chown or --chmod where the files come from',
      });
    }
  }
  return [...found.values()];
}

const changesOwners = ({ args }: ExecOp): boolean => args.some((arg) => /\b(?:chown|chmod|chgrp|setfacl)\b/.test(arg));

/** Bytes of files that a lower layer has at the same path with the same content. */
function repeatedBytes(toc: LayerToc, below: readonly LayerToc[]): number {
  const wanted = new Map(
    toc.entries.flatMap(({ path, sha256, size }) => (sha256 === undefined ? [] : [[path, { sha256, size }] as const])),
  );
  let bytes = 0;
  for (const { entries } of below.toReversed()) {
    for (const { path, sha256 } of entries) {
      const entry = wanted.get(path);
      if (entry === undefined) continue;
      // The nearest layer that has the path is the one that counts.
      wanted.delete(path);
      if (entry.sha256 === sha256) bytes += entry.size;
    }
  }
  return bytes;
}
