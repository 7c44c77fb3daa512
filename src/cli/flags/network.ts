// --network of `tsbuild build` and `tsbuild run`.
import type { FlagSpec, ParsedArgs } from './flag.ts';

const MODES = ['default', 'none', 'host'] as const;
type NetworkMode = (typeof MODES)[number];

export const networkFlag = (help: string): FlagSpec => ({ name: 'network', kind: 'value', placeholder: 'MODE', choices: MODES, help });

/** An empty value is the default, as in Docker. */
export const networkOf = ({ values }: ParsedArgs): NetworkMode => MODES.find((mode) => mode === values.get('network')) ?? 'default';
