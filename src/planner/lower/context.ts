// What lowering one instruction can see and use: the state of the stage before it, and the services
// of the planning run. States are values; each lowering returns the next one.

import type { ContainerConfig } from '../../core/descriptor.ts';
import type { Platform } from '../../core/platform.ts';
import type { Span } from '../../core/span.ts';
import { suggest } from '../../core/suggest.ts';
import type { Surroundings, VertexMeta } from '../../graph/op.ts';
import type { GraphBuilder, VertexId } from '../../graph/vertex.ts';
import type { Instruction, Word } from '../../parser/ast.ts';
import { type ConfigState, shellOf, withHistory } from '../config-state.ts';
import { type Expansion, expandForDisplay, expandWord, expandWords, hintOf, type UnsetVariable } from '../expand.ts';
import type { PlanOptions } from '../facts.ts';
import type { GlobalScope } from '../global-scope.ts';
import type { OrderedMap } from '../ordered-map.ts';
import type { OutlineRecorder } from '../outline.ts';
import { cleanAbsolute } from '../paths.ts';
import type { Reporter } from '../reporter.ts';
import type { Scope } from '../scope.ts';
import type { Stage } from '../stages.ts';
import type { StepLabels } from '../step-labels.ts';

export interface StageState {
  /** Root file system so far. */
  readonly vertex: VertexId;
  /** Everything that expansion and RUN see: image Env and ARGs, in the order RUN sees them. */
  readonly scope: Scope;
  /** ARGs declared in this stage and the stages below it, with the value of the last declaration. */
  readonly args: OrderedMap<string | undefined>;
  readonly image: ConfigState;
  /** Instructions of this stage of which only the last one counts (W-12, I-08). */
  readonly last: { readonly cmd?: Span; readonly entrypoint?: Span; readonly healthcheck?: Span };
  /** An absolute WORKDIR was seen in this chain of stages (W-10). */
  readonly workdirSeen: boolean;
}

export interface LowerContext {
  readonly graph: GraphBuilder;
  readonly reporter: Reporter;
  readonly options: PlanOptions;
  readonly globals: GlobalScope;
  readonly stage: Stage;
  readonly platform: Platform;
  readonly labels: StepLabels;
  readonly proxyEnv: readonly string[];
  readonly noCache: boolean;
  readonly epoch: number | undefined;
  readonly onbuild: boolean;
  readonly outline: OutlineRecorder | undefined;
  /** The stage's files are in the image, not only at hand while it is built. */
  readonly inImage: boolean;
  /** Vertex of what `--from` or a mount reads; undefined after an error that was reported. */
  readonly source: (name: string, span: Span, use: 'copy' | 'mount') => VertexId | undefined;
  /** The build context. */
  readonly mainContext: () => VertexId;
}

/** The working directory in force, cleaned. */
export const workdirOf = (config: Pick<ContainerConfig, 'WorkingDir'>): string => config.WorkingDir || '/';

export interface Expander {
  /** undefined after an error that was reported. */
  readonly text: (word: Word) => string | undefined;
  readonly words: (word: Word) => readonly string[] | undefined;
}

/** Expands words of one instruction against the state before it (V-03). */
export function expander(state: StageState, context: LowerContext): Expander {
  const lookup = (name: string): string | undefined => state.scope.get(name);
  const settle = <T>(expansion: Expansion<T>, warn: boolean): T | undefined => {
    if (warn) warnUnset(expansion.unset, state, context);
    if (expansion.ok) return expansion.value;
    const code = expansion.reason === 'required' ? 'plan/required-variable' : 'plan/bad-substitution';
    context.reporter.error(code, expansion.span, expansion.message, hintOf(expansion));
    return undefined;
  };
  return {
    text: (word) => settle(expandWord(word, lookup), true),
    words: (word) => settle(expandWords(word, lookup), false),
  };
}

/** No suggestions in larger scopes: every unset name would be compared with all of them. */
const MAX_SUGGESTED_NAMES = 300;

/** W-11; a declared ARG without a value is no mistake. */
function warnUnset(unset: readonly UnsetVariable[], state: StageState, context: LowerContext): void {
  for (const { name, span } of unset) {
    if (state.args.has(name)) continue;
    const near = state.scope.size > MAX_SUGGESTED_NAMES ? null : suggest(name, state.scope.names());
    context.reporter.warn('UndefinedVar', span, `Usage of undefined variable '$${name}'${near ? ` (did you mean $${near}?)` : ''}`);
  }
}

/** Adds a line without a layer to history, together with changed metadata. */
export function withImage(state: StageState, changes: Partial<ConfigState>, createdBy: string): StageState {
  return { ...state, image: withHistory({ ...state.image, ...changes }, createdBy) };
}

export const withMetadata = (state: StageState, config: ConfigState['config'], createdBy: string): StageState =>
  withImage(state, { config }, createdBy);

/** Moves the stage on to a new layer. */
export function withLayer(state: StageState, vertex: VertexId, createdBy: string): StageState {
  return { ...state, vertex, image: withHistory(state.image, createdBy, vertex) };
}

export interface MetaInput {
  readonly text: string;
  /** Names of variables that must not be shown. */
  readonly masked?: ReadonlySet<string>;
  readonly noCache: boolean;
}

/** Meta of the vertex of one instruction; takes the next step number. */
export function vertexMeta(state: StageState, instruction: Instruction, input: MetaInput, context: LowerContext): VertexMeta {
  const shown = hideCredentials(expandForDisplay(input.text, (name) => state.scope.get(name), input.masked ?? new Set()));
  const { memory, cpus } = context.options;
  return {
    label: context.labels.next(shown, context.onbuild),
    stage: context.stage.displayName,
    origin: context.onbuild ? context.stage.from.span : instruction.span,
    noCache: input.noCache,
    proxyEnv: instruction.kind === 'run' ? context.proxyEnv : [],
    platform: context.platform,
    ...(memory !== undefined && { memory }),
    ...(cpus !== undefined && { cpus }),
    shell: shellOf(state.image.config),
    ...(context.options.surroundings === true && instruction.kind !== 'run' && { surroundings: surroundingsOf(state) }),
  };
}

/** Seen only by people who open a shell beside the step. */
function surroundingsOf({ image: { config }, scope }: StageState): Surroundings {
  return {
    env: scope.pairs(),
    cwd: cleanAbsolute(workdirOf(config)),
    user: config.User ?? '',
  };
}

/** Passwords in URLs are not shown. */
export const hideCredentials = (text: string): string =>
  text.includes('@') ? text.replace(/(\w:\/\/[^\s/?#@:]*):[^\s/?#@]*@/g, '$1:****@') : text;
