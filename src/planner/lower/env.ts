// ENV and LABEL (A-13, A-14, I-02): all values see the environment before the instruction.
import type { EnvInstruction } from '../../parser/ast.ts';
import { checkLegacyPairs, checkSecretName } from '../checks/key-values.ts';
import { envText, labelText } from '../history.ts';
import { setting } from '../image-env.ts';
import { expander, type LowerContext, type StageState, withImage } from './context.ts';

function expandPairs(state: StageState, instruction: EnvInstruction, context: LowerContext): [string, string][] | undefined {
  const expand = expander(state, context);
  const pairs: [string, string][] = [];
  let failed = false;
  for (const pair of instruction.pairs) {
    const key = expand.text(pair.key);
    const value = expand.text(pair.value);
    if (key === undefined || value === undefined) failed = true;
    else pairs.push([key, value]);
  }
  return failed ? undefined : pairs;
}

export function lowerEnv(state: StageState, instruction: EnvInstruction, context: LowerContext): StageState {
  checkLegacyPairs(instruction, context.reporter);
  const pairs = expandPairs(state, instruction, context);
  if (pairs === undefined) return state;
  for (const [at, [name]] of pairs.entries()) {
    checkSecretName('ENV', name, instruction.pairs[at]?.key.span ?? instruction.span, context.reporter);
  }
  let { env } = state.image;
  let { scope } = state;
  for (const [name, value] of pairs) {
    const shared = setting(name, value);
    env = env.with(name, shared);
    scope = scope.with(name, shared);
  }
  return withImage({ ...state, scope }, { env }, envText(pairs));
}

export function lowerLabel(state: StageState, instruction: EnvInstruction, context: LowerContext): StageState {
  checkLegacyPairs(instruction, context.reporter);
  const pairs = expandPairs(state, instruction, context);
  if (pairs === undefined) return state;
  return withImage(state, { labels: state.image.labels.append(pairs) }, labelText(pairs));
}
