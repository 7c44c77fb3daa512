// Targets that are asked about with `call` instead of being built, and what is built beside them.
import type { BakeTarget } from '../../bake/bake-target.ts';
import { linkedName } from '../../bake/target-graph.ts';
import { OpenDirectories } from '../../context/open-directories.ts';
import { RegistryAccess } from '../registry-access.ts';
import type { Session } from '../session.ts';
import { PlannedTargets, type PlanningOptions } from './planned-targets.ts';

export const isCalled = ({ call }: BakeTarget): boolean => call !== undefined && call !== '' && call !== 'build';

/** Targets without a call, and those that they have as contexts, whatever these are asked. */
export function targetsToBuild(targets: readonly BakeTarget[]): readonly BakeTarget[] {
  const byName = new Map(targets.map((target) => [target.name, target]));
  const needed = new Set(targets.filter((target) => !target.linked && !isCalled(target)));
  for (const target of needed) {
    for (const source of target.contexts?.values() ?? []) {
      const linked = byName.get(linkedName(source) ?? '');
      if (linked !== undefined) needed.add(linked);
    }
  }
  return [...needed].map((target) => (isCalled(target) ? asContext(target) : target));
}

const asContext = (target: BakeTarget): BakeTarget => ({ ...target, linked: true, output: [{ type: 'cacheonly', attributes: new Map() }] });

/** For answers about `targets`; nothing is built. */
export async function withPlannedTargets<T>(
  session: Session,
  targets: readonly BakeTarget[],
  options: Pick<PlanningOptions, 'environment' | 'workingDirectory'>,
  body: (planned: PlannedTargets) => Promise<T>,
): Promise<T> {
  const registry = new RegistryAccess(session);
  try {
    const byName = new Map(targets.map((target) => [target.name, target]));
    return await body(new PlannedTargets(session, registry, { ...options, targets: byName, directories: new OpenDirectories() }));
  } finally {
    await registry.close();
  }
}
