// The refusal of a name that is no target, with the nearest one that is.
import { suggest } from '../core/suggest.ts';
import type { Config } from './definition/config.ts';
import { BakeProblem, problem } from './problem.ts';

/** `from` is the target or group that needs it; absent when it was asked for. */
export function unknownTarget(config: Config, name: string, from?: string): BakeProblem {
  const near = suggest(name, [...config.targets.keys(), ...config.groups.keys()]);
  const known = [...config.targets.keys()].sort().slice(0, 10);
  const hint =
    near === null
      ? known.length === 0
        ? 'the files define no targets'
        : `targets are ${known.join(', ')}${config.targets.size > 10 ? ', …' : ''}`
      : `did you mean ${near}?`;
  const place = from === undefined ? undefined : (config.places.get(from) ?? config.groupPlaces.get(from));
  const message = `no target named ${JSON.stringify(name)}${from === undefined ? '' : `, which ${from} needs`}`;
  return new BakeProblem(
    problem('bake/unknown-target', message, { hint, ...(place === undefined ? {} : { span: place.span }) }),
    place?.file ?? null,
  );
}
