// What the steps of a target read of its local contexts: the sources of its copies and mounts, as the plan
// of its build has them. Base images are asked for their configuration only.
import type { BakeTarget } from '../../bake/bake-target.ts';
import type { PlannedTargets } from '../bake/planned-targets.ts';
import { selectionsOf } from '../solve/selections.ts';
import type { ReadFiles } from './first-difference.ts';

/** By name of the context, '' is the build context. Throws what a build would throw that cannot be planned. */
export async function plannedReads(planned: PlannedTargets, target: BakeTarget): Promise<ReadonlyMap<string, readonly ReadFiles[]>> {
  const { graph } = await planned.plan(target);
  const locals = new Map(graph.vertices.flatMap(({ id, op }) => (op.type === 'local' ? [[id, op.name] as const] : [])));
  const reads = new Map<string, ReadFiles[]>();
  for (const vertex of graph.vertices) {
    for (const { input, pattern, exclude } of selectionsOf(vertex)) {
      const name = locals.get(input);
      if (name !== undefined) reads.set(name, [...(reads.get(name) ?? []), { pattern, exclude }]);
    }
  }
  return reads;
}
