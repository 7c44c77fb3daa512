// Flags of `tsbuild bake` that are short for overrides.
import { shorthandOverrides } from '../build/bake/open-bake.ts';
import { callOf } from './call/parse-call.ts';
import { isOn, listOf, type ParsedArgs } from './flags/flag.ts';

/** Short flags first, so that --set wins over them. */
export function bakeOverrides(args: ParsedArgs): string[] {
  const short = shorthandOverrides({
    push: isOn(args, 'push'),
    load: isOn(args, 'load'),
    noCache: args.switches.get('no-cache') ?? null,
    pull: args.switches.get('pull') ?? null,
    sbom: args.values.get('sbom') ?? null,
    provenance: args.values.get('provenance') ?? null,
  });
  const call = callOf(args, 'bake');
  // Docker's name for it, which --print shows.
  const name = call?.name === 'check' ? 'lint' : call?.name;
  return [...short, ...(name === undefined ? [] : [`*.call=${name}`]), ...listOf(args, 'set')];
}
