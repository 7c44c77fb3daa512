// Flags of `tsbuild bake` that are short for overrides.
import { shorthandOverrides } from '../build/bake/open-bake.ts';
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
  const call = isOn(args, 'check') ? 'check' : args.values.get('call');
  return [...short, ...(call === undefined ? [] : [`*.call=${call}`]), ...listOf(args, 'set')];
}
