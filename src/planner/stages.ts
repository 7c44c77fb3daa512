// The stage table: which instructions belong to which stage, what each stage is built on, and which
// stages the target needs (section 4). Made once per target platform, before anything is looked up.

import type { Platform } from '../core/platform.ts';
import type { Span } from '../core/span.ts';
import type { FromInstruction, Instruction } from '../parser/ast.ts';
import type { NamedContext } from './facts.ts';

/** What a stage's file system starts from, or what `--from` reads. */
export type Origin =
  | { readonly type: 'stage'; readonly index: number }
  | { readonly type: 'scratch' }
  /** `reference` is normalised. */
  | { readonly type: 'image'; readonly reference: string; readonly platform: Platform }
  | { readonly type: 'context'; readonly name: string; readonly context: Exclude<NamedContext, { type: 'image' | 'oci-layout' }> };

export interface Stage {
  readonly index: number;
  /** Lower case, or undefined when unnamed. */
  readonly name: string | undefined;
  /** `stage-N` when unnamed. */
  readonly displayName: string;
  readonly from: FromInstruction;
  readonly origin: Origin;
  /** Explicit --platform, else the target platform. A stage on another stage has that stage's. */
  readonly platform: Platform;
  /** After FROM; empty when a named context stands in for the stage (K-13). */
  readonly instructions: readonly Instruction[];
  /** A named context stands in: triggers of its image do not run. */
  readonly replaced: boolean;
}

export interface StageTable {
  readonly stages: readonly Stage[];
  /** Lower-cased name → the last stage of that name: what --from and --target mean (F-05, F-06). */
  readonly byName: ReadonlyMap<string, Stage>;
}

export interface StageBody {
  readonly from: FromInstruction;
  readonly instructions: readonly Instruction[];
}

export interface StageSplit {
  /** ARGs before the first FROM. */
  readonly preamble: readonly Instruction[];
  readonly bodies: readonly StageBody[];
}

/** Cuts the instructions at each FROM. */
export function splitStages(instructions: readonly Instruction[]): StageSplit {
  const preamble: Instruction[] = [];
  const bodies: { from: FromInstruction; instructions: Instruction[] }[] = [];
  for (const instruction of instructions) {
    if (instruction.kind === 'from') bodies.push({ from: instruction, instructions: [] });
    else (bodies.at(-1)?.instructions ?? preamble).push(instruction);
  }
  return { preamble, bodies };
}

export interface Dependency {
  readonly stage: number;
  /** Where it is named, for messages. */
  readonly span: Span;
}

/**
 * Stages that `wanted` need, themselves included, in source order.
 * `dependenciesOf` gives the direct dependencies of one stage.
 */
export function reachableStages(wanted: readonly number[], dependenciesOf: (index: number) => readonly Dependency[]): number[] {
  const seen = new Set<number>();
  const pending = [...wanted];
  for (let index = pending.pop(); index !== undefined; index = pending.pop()) {
    if (seen.has(index)) continue;
    seen.add(index);
    for (const dependency of dependenciesOf(index)) pending.push(dependency.stage);
  }
  return [...seen].sort((a, b) => a - b);
}

/** First stage found on a cycle (F-13), with the dependency that closes it; null when there is none. Iterative: stages may be many. */
export function findCycle(
  count: number,
  dependenciesOf: (index: number) => readonly Dependency[],
): { readonly stage: number; readonly by: Dependency } | null {
  const state = new Uint8Array(count);
  for (let root = 0; root < count; root++) {
    const path: { index: number; rest: Dependency[] }[] = [];
    const enter = (index: number): void => {
      state[index] = 1;
      path.push({ index, rest: [...dependenciesOf(index)] });
    };
    if (state[root] === 0) enter(root);
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const next = top.rest.shift();
      if (next === undefined) {
        state[top.index] = 2;
        path.pop();
      } else if (state[next.stage] === 1) return { stage: next.stage, by: next };
      else if (state[next.stage] === 0) enter(next.stage);
    }
  }
  return null;
}
