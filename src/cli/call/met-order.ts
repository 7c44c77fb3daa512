// The order in which Docker lists findings: it meets the rules in passes over the file, one after the other.
import type { CheckRule } from '../../core/check-rules.ts';
import type { Finding } from './findings.ts';

/** Passes before the last one, in which stages are gone through instruction by instruction. */
const PASSES: readonly (readonly CheckRule[])[] = [
  ['NoEmptyContinuation'],
  ['StageNameCasing', 'FromAsCasing', 'MaintainerDeprecated', 'InvalidDefinitionDescription'],
  ['ReservedStageName', 'DuplicateStageName'],
  ['ConsistentInstructionCasing'],
  ['InvalidDefaultArgInFrom'],
  ['UndefinedArgInFrom', 'RedundantTargetPlatform', 'FromPlatformFlagConstDisallowed'],
  ['InvalidBaseImagePlatform'],
];

const PASS_OF = new Map<string, number>(PASSES.flatMap((rules, pass) => rules.map((rule) => [rule, pass] as const)));

const passOf = ({ id }: Finding): number => PASS_OF.get(id) ?? PASSES.length;

/** `findings` are in source order, which is kept within a pass. */
export const inMetOrder = (findings: readonly Finding[]): Finding[] => findings.toSorted((a, b) => passOf(a) - passOf(b));
