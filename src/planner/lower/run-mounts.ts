// RUN --mount to mounts of an exec vertex: expansion, defaults, and the vertices they read (M-04…M-60).
import type { Span } from '../../core/span.ts';
import type { Mount } from '../../graph/op.ts';
import type { VertexId } from '../../graph/vertex.ts';
import type { RunInstruction } from '../../parser/ast.ts';
import { buildArg } from '../global-scope.ts';
import { type MountSpec, parseMount } from '../mount.ts';
import { baseName, cleanAbsolute, resolvePath, rootRelative } from '../paths.ts';
import { expander, type LowerContext, type StageState, workdirOf } from './context.ts';
import { isPath } from './usable-text.ts';

export interface LoweredMounts {
  readonly mounts: readonly Mount[];
  /** Inputs 1… of the vertex. */
  readonly inputs: readonly VertexId[];
  /** Variables that carry secrets: never shown (M-55). */
  readonly secretEnv: ReadonlySet<string>;
}

/** undefined after an error that was reported. */
export function lowerMounts(state: StageState, instruction: RunInstruction, context: LowerContext): LoweredMounts | undefined {
  const inputs: VertexId[] = [];
  const mounts: Mount[] = [];
  const secretEnv = new Set<string>();
  const expand = expander(state, context);
  let failed = false;
  let sshCount = 0;
  /** Number of `vertex` among the inputs; each is listed once. */
  const inputOf = (vertex: VertexId): number => {
    const at = inputs.indexOf(vertex);
    return at === -1 ? inputs.push(vertex) : at + 1;
  };
  for (const flag of instruction.mounts) {
    const spec = parseMount(flag.value, flag.valueSpan, expand.text, context.reporter);
    const lowered =
      spec &&
      isPath(spec.target, spec.targetSpan ?? flag.valueSpan, context) &&
      lowerMount(spec, flag.valueSpan, { state, context, inputOf, ssh: sshCount });
    if (!lowered) {
      failed = true;
      continue;
    }
    if (lowered.type === 'ssh') sshCount++;
    if (lowered.type === 'secret' && lowered.env !== undefined) secretEnv.add(lowered.env);
    mounts.push(lowered);
    context.outline?.mount(lowered, context.onbuild ? context.stage.from.span : flag.span, context.stage.index);
  }
  // Outer directories first, so that a mount inside another one is not hidden (M-07).
  const depth = (mount: Mount): string => ('target' in mount ? (mount.target ?? '') : '');
  mounts.sort((a, b) => (depth(a) < depth(b) ? -1 : depth(a) > depth(b) ? 1 : 0));
  return failed ? undefined : { mounts, inputs, secretEnv };
}

interface MountContext {
  readonly state: StageState;
  readonly context: LowerContext;
  readonly inputOf: (vertex: VertexId) => number;
  /** ssh mounts before this one. */
  readonly ssh: number;
}

function lowerMount(spec: MountSpec, span: Span, mount: MountContext): Mount | undefined {
  switch (spec.type) {
    case 'secret':
      return lowerSecret(spec, mount);
    case 'ssh':
      return {
        type: 'ssh',
        id: spec.id || 'default',
        target: spec.target ? absoluteTarget(spec.target, mount) : `/run/buildkit/ssh_agent.${mount.ssh}`,
        required: spec.required,
        mode: spec.mode ?? 0o600,
        uid: spec.uid ?? 0,
        gid: spec.gid ?? 0,
      };
    default:
      return lowerTree(spec, span, mount);
  }
}

const absoluteTarget = (target: string, { state }: MountContext): string => resolvePath(workdirOf(state.image.config), target);

function lowerTree(spec: MountSpec, span: Span, mount: MountContext): Mount | undefined {
  const { context, inputOf } = mount;
  const target = absoluteTarget(spec.target, mount);
  if (target === '/') {
    context.reporter.error('plan/invalid-mount', spec.targetSpan ?? span, `invalid mount target ${JSON.stringify(spec.target || '/')}`, {
      hint: 'name a directory below / with target=',
    });
    return undefined;
  }
  if (spec.type === 'tmpfs') return { type: 'tmpfs', target, ...(spec.size !== undefined && spec.size > 0 && { size: spec.size }) };
  const source = rootRelative(spec.source);
  const from = spec.from === '' ? undefined : context.source(spec.from, spec.fromSpan ?? span, 'mount');
  if (spec.from !== '' && from === undefined) return undefined;
  if (spec.type === 'bind') {
    const tree = from ?? context.mainContext();
    return { type: 'bind', input: inputOf(tree), source, target, readonly: spec.readonly ?? true };
  }
  const namespace = buildArg(context.options.buildArgs, 'BUILDKIT_CACHE_MOUNT_NS');
  const id = spec.id === '' ? cleanAbsoluteOr(spec.target) : spec.id;
  return {
    type: 'cache',
    id: namespace ? `${namespace}/${id}` : id,
    target,
    sharing: spec.sharing ?? 'shared',
    readonly: spec.readonly ?? false,
    ...(from !== undefined && { input: inputOf(from) }),
    source,
    mode: spec.mode ?? 0o755,
    uid: spec.uid ?? 0,
    gid: spec.gid ?? 0,
  };
}

/** path.Clean of the target as written: relative targets keep a relative id (M-30). */
const cleanAbsoluteOr = (target: string): string =>
  target.startsWith('/') ? cleanAbsolute(target) : cleanAbsolute(target).slice(1) || '.';

function lowerSecret(spec: MountSpec, mount: MountContext): Mount {
  const id = spec.source || spec.id || baseName(spec.target);
  const standard = spec.env === undefined ? `/run/secrets/${baseName(id)}` : undefined;
  const target = spec.target ? absoluteTarget(spec.target, mount) : standard;
  return {
    type: 'secret',
    id,
    ...(target !== undefined && { target }),
    ...(spec.env !== undefined && { env: spec.env }),
    required: spec.required,
    mode: spec.mode ?? 0o400,
    uid: spec.uid ?? 0,
    gid: spec.gid ?? 0,
  };
}
