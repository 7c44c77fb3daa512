// From names asked for to finished targets: groups, inheritance, overrides, and the targets that are
// only there because others have them as context.
import type { BakeGroup, BakeTarget, TargetFields } from './bake-target.ts';
import type { Config } from './definition/config.ts';
import { mergeTarget, normalizeTarget } from './definition/merge-target.ts';
import { applyOverrides, type Overrides } from './overrides.ts';
import { BakeProblem, problem } from './problem.ts';
import { unknownTarget } from './unknown-target.ts';

export interface GroupContents {
  readonly targets: readonly string[];
  readonly groups: readonly string[];
}

/** All targets and groups that `name` stands for; a name that is no group is a target. */
export function contentsOf(config: Config, name: string, path: readonly string[] = []): GroupContents {
  const group = config.groups.get(name);
  if (group === undefined) {
    if (path.length > 0 && !config.targets.has(name)) throw unknownTarget(config, name, path.at(-1));
    return { targets: [name], groups: [] };
  }
  if (group.targets.length === 0 && path.length > 0) throw emptyGroup(config, name, path.at(-1) ?? '');
  // A group may hold a target of its own name.
  if (path.includes(name)) {
    if (config.targets.has(name)) return { targets: [name], groups: [] };
    throw cycle([...path.slice(path.indexOf(name)), name], 'the group needs itself', config.groupPlaces);
  }
  const parts = group.targets.map((member) => contentsOf(config, member, [...path, name]));
  return {
    targets: [...new Set(parts.flatMap((part) => part.targets))],
    groups: [...new Set([name, ...parts.flatMap((part) => part.groups)])],
  };
}

function emptyGroup(config: Config, name: string, from: string): BakeProblem {
  const place = config.groupPlaces.get(name);
  const message = `group ${name}, which ${from} needs, has no targets`;
  return new BakeProblem(problem('bake/unknown-target', message, place === undefined ? {} : { span: place.span }), place?.file ?? null);
}

function cycle(names: readonly string[], message: string, places: Config['places']): BakeProblem {
  const place = places.get(names[0] ?? '');
  const detail = problem('bake/cycle', `${message}: ${names.join(' → ')}`, place === undefined ? {} : { span: place.span });
  return new BakeProblem(detail, place?.file ?? null);
}

export class TargetGraph {
  private readonly config: Config;
  private readonly overrides: Overrides;
  private readonly known = new Map<string, TargetFields>();

  constructor(config: Config, overrides: Overrides) {
    this.config = config;
    this.overrides = overrides;
  }

  /** With everything inherited and overridden. */
  resolve(name: string, linked: boolean, from?: string): BakeTarget {
    const fields = this.inherited(name, [], from);
    const { inherits: _, ...rest } = fields;
    return {
      ...rest,
      name,
      linked,
      context: fields.context === undefined || fields.context === '' ? '.' : fields.context,
      dockerfile: fields.dockerfile === undefined || fields.dockerfile === '' ? 'Dockerfile' : fields.dockerfile,
      ...(linked ? { output: [{ type: 'cacheonly', attributes: new Map() }] } : {}),
    };
  }

  private inherited(name: string, path: readonly string[], from?: string): TargetFields {
    const done = this.known.get(name);
    if (done !== undefined) return done;
    const own = this.config.targets.get(name);
    if (own === undefined) throw unknownTarget(this.config, name, path.at(-1) ?? from);
    if (path.includes(name)) throw cycle([...path.slice(path.indexOf(name)), name], 'the target inherits from itself', this.config.places);
    const parents = (own.inherits ?? []).map((parent) => this.inherited(parent, [...path, name]));
    const base = parents.reduce<TargetFields>((merged, parent) => mergeTarget(merged, parent), {});
    const merged = normalizeTarget(applyOverrides(mergeTarget(base, own), this.overrides.get(name)));
    this.known.set(name, merged);
    return merged;
  }

  /** Adds to `targets` what contexts `target:NAME` need, in the order found. */
  addLinked(targets: Map<string, BakeTarget>): void {
    for (const target of [...targets.values()]) this.follow(target, targets, []);
  }

  private follow(target: BakeTarget, targets: Map<string, BakeTarget>, path: readonly string[]): void {
    for (const source of target.contexts?.values() ?? []) {
      const name = linkedName(source);
      if (name === null) continue;
      const here = [...path, target.name];
      if (here.includes(name))
        throw cycle([...here.slice(here.indexOf(name)), name], 'the target is a context of itself', this.config.places);
      const linked = targets.get(name) ?? this.resolve(name, true, target.name);
      targets.set(name, linked);
      this.follow(linked, targets, here);
      this.checkPlatforms(target, linked);
    }
  }

  private checkPlatforms(target: BakeTarget, linked: BakeTarget): void {
    const wanted = target.platforms ?? [];
    const built = linked.platforms ?? [];
    if (wanted.length <= 1 || built.length <= 1) return;
    const missing = wanted.filter((platform) => !built.includes(platform));
    if (missing.length === 0) return;
    const place = this.config.places.get(target.name);
    const message = `${target.name} is built for ${missing.join(', ')}, but its context target ${linked.name} is not`;
    throw new BakeProblem(
      problem('bake/link', message, {
        hint: `${linked.name} is built for ${built.join(', ')}`,
        ...(place === undefined ? {} : { span: place.span }),
      }),
      place?.file ?? null,
    );
  }
}

/** NAME of a context `target:NAME`, or null. */
export const linkedName = (source: string): string | null => (source.startsWith('target:') ? source.slice('target:'.length) : null);

/** Groups as they are printed: those used, and `default` with what was asked for. */
export function printedGroups(config: Config, used: readonly string[], asked: readonly string[]): BakeGroup[] {
  const groups = new Map<string, BakeGroup>();
  for (const name of used) {
    const group = config.groups.get(name);
    if (group !== undefined) groups.set(name, group);
  }
  for (const name of asked) {
    if (name === 'default' && (groups.has('default') || config.groups.has('default'))) continue;
    const group = groups.get('default') ?? { name: 'default', targets: [] };
    groups.set('default', { ...group, targets: [...group.targets, name] });
  }
  const preset = groups.get('default');
  if (preset !== undefined) groups.set('default', { ...preset, targets: [...new Set(preset.targets)].sort() });
  return [...groups.values()];
}
