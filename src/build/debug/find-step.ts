// Which step `debug --step` means: a number counts in the target's stage, as progress shows it; any other
// text is part of the step's name, and must fit one step only.
import { TsbuildError } from '../../core/errors.ts';
import { suggest } from '../../core/suggest.ts';
import type { BuildPlan } from '../../graph/image-plan.ts';
import type { ExecOp } from '../../graph/op.ts';
import { isLayer, type LayerVertex } from '../solve/selections.ts';

export const isRun = (vertex: LayerVertex): vertex is LayerVertex & { readonly op: ExecOp } => vertex.op.type === 'exec';

/** `k` of a label `[stage k/n] …`. */
const numberOf = (label: string): number => Number(/(\d+)\/\d+\]/.exec(label)?.[1] ?? Number.NaN);

const MOST_NAMES = 20;

/** Error: 'build/no-such-step'. */
export function findStep(plan: BuildPlan, text: string): LayerVertex {
  const steps = plan.graph.vertices.filter(isLayer).filter((vertex) => vertex.meta.shell !== undefined);
  const found = /^\d+$/.test(text) ? byNumber(plan, steps, Number(text)) : byName(steps, text);
  const [first] = found;
  if (first !== undefined && found.length === 1) return first;
  const names = (found.length === 0 ? steps : found).map((vertex) => vertex.meta.label);
  const near = found.length > 0 ? null : suggest(text, names);
  throw new TsbuildError({
    code: 'build/no-such-step',
    message: found.length === 0 ? `no step ${JSON.stringify(text)}` : `${JSON.stringify(text)} fits ${found.length} steps`,
    hint: near === null ? `steps are:\n${names.slice(0, MOST_NAMES).join('\n')}` : `did you mean ${near}?`,
  });
}

/** Of the stage that the first image ends with. */
function byNumber(plan: BuildPlan, steps: readonly LayerVertex[], number: number): readonly LayerVertex[] {
  const target = plan.graph.vertices.find((vertex) => vertex.id === plan.images[0]?.target);
  return steps.filter((vertex) => vertex.meta.stage === target?.meta.stage && numberOf(vertex.meta.label) === number).slice(0, 1);
}

/** The whole name wins over parts of others. */
function byName(steps: readonly LayerVertex[], text: string): readonly LayerVertex[] {
  const exact = steps.filter((vertex) => vertex.meta.label === text);
  return exact.length > 0 ? exact : steps.filter((vertex) => vertex.meta.label.toLowerCase().includes(text.toLowerCase()));
}
