// RUN: argv, environment, mounts and sandbox options of one exec vertex (section 5).
import { invariant } from '../../core/errors.ts';
import type { ExecOp, Mount } from '../../graph/op.ts';
import type { VertexId } from '../../graph/vertex.ts';
import type { Flag, RunInstruction } from '../../parser/ast.ts';
import { checkRun } from '../checks/run-advice.ts';
import { shellOf } from '../config-state.ts';
import type { PlanOptions } from '../facts.ts';
import { buildArg } from '../global-scope.ts';
import { chompedContent, isSoleOpener, reassembled, summary } from '../heredoc.ts';
import { runText } from '../history.ts';
import { cleanAbsolute } from '../paths.ts';
import { type LowerContext, type StageState, vertexMeta, withLayer, workdirOf } from './context.ts';
import { lowerMounts } from './run-mounts.ts';
import { readStepComments } from './step-comments.ts';
import { areForProcess } from './usable-text.ts';

const SCRIPT_DIRECTORY = '/dev/pipes';

interface Process {
  readonly args: readonly string[];
  readonly script?: Mount;
}

/** What runs: exec form as it is, shell form through SHELL, heredocs by P-61…P-63. */
function processOf(state: StageState, { command, heredocs }: RunInstruction): Process {
  if (command.form === 'exec') return { args: command.args };
  const shell = shellOf(state.image.config);
  const [first] = heredocs;
  if (first === undefined) return { args: [...shell, command.text] };
  if (heredocs.length > 1 || !isSoleOpener(command.text)) return { args: [...shell, reassembled(command.text, heredocs)] };
  const content = chompedContent(first);
  if (!content.startsWith('#!')) return { args: [...shell, content] };
  const target = `${SCRIPT_DIRECTORY}${cleanAbsolute(first.name)}`;
  return { args: [...shell, target], script: { type: 'inline', target, content } };
}

const NETWORKS = ['default', 'none', 'host'] as const;
const SECURITIES = ['sandbox', 'insecure'] as const;

/** The mode a flag names; the parser has refused everything else. */
function modeOf<T extends string>(flag: Flag<string> | undefined, known: readonly [T, ...T[]]): T {
  const mode = flag === undefined ? known[0] : known.find((name) => name === flag.value);
  invariant(mode !== undefined, 'the parser checks --network and --security');
  return mode;
}

/** `default` is what the command line says. */
function networkOf(instruction: RunInstruction, context: LowerContext): ExecOp['network'] | undefined {
  const { options } = context;
  const mode = modeOf(instruction.network, NETWORKS);
  if (mode === 'host' && options.network !== 'host' && !granted('network.host', instruction.network, context)) return undefined;
  return mode === 'default' ? options.network : mode;
}

/** */
function securityOf(instruction: RunInstruction, context: LowerContext): ExecOp['security'] | undefined {
  const mode = modeOf(instruction.security, SECURITIES);
  return mode === 'sandbox' || granted('security.insecure', instruction.security, context) ? mode : undefined;
}

function granted(entitlement: PlanOptions['allow'][number], flag: Flag<string> | undefined, { options, reporter }: LowerContext): boolean {
  if (options.allow.includes(entitlement)) return true;
  reporter.error('plan/entitlement', flag?.span, `${entitlement} is not allowed`, { hint: `grant it with --allow ${entitlement}` });
  return false;
}

/** Options of the request that shape the sandbox. */
function sandboxOptions({ options }: LowerContext): Partial<ExecOp> {
  const hostname = buildArg(options.buildArgs, 'BUILDKIT_SANDBOX_HOSTNAME');
  return {
    ...(hostname && { hostname }),
    ...(options.addHosts.length > 0 && { addHosts: options.addHosts }),
    ...(options.shmSize !== undefined && { shmSize: options.shmSize }),
    ...(options.ulimits.length > 0 && { ulimits: options.ulimits }),
    ...(options.cgroupParent !== undefined && { cgroupParent: options.cgroupParent }),
  };
}

export function lowerRun(state: StageState, instruction: RunInstruction, context: LowerContext): StageState {
  const { args, script } = processOf(state, instruction);
  const network = networkOf(instruction, context);
  const security = securityOf(instruction, context);
  const mounts = lowerMounts(state, instruction, context);
  if (args.length === 0) context.reporter.error('plan/empty-command', instruction.span, 'RUN needs a command: the JSON array is empty');
  for (const device of instruction.devices) {
    context.reporter.error('plan/unsupported-device', device.span, 'RUN --device is not available: it is part of the labs syntax only');
  }
  const env = state.scope.pairs();
  const usable = areForProcess([...args, ...env], instruction.span, context);
  if (
    network === undefined ||
    security === undefined ||
    mounts === undefined ||
    !usable ||
    args.length === 0 ||
    instruction.devices.length > 0
  ) {
    return state;
  }
  checkRun({ instruction, mounts: mounts.mounts, shell: shellOf(state.image.config), inImage: context.inImage }, context.reporter);
  const { ttl, secretKeys } = readStepComments(instruction, mounts.mounts, context.reporter);
  const { config } = state.image;
  const op: ExecOp = {
    type: 'exec',
    args,
    env,
    cwd: stepDirectory(workdirOf(config)),
    user: config.User ?? '',
    mounts: [...mounts.mounts, ...(script ? [script] : [])],
    network,
    security,
    ...(secretKeys === undefined ? {} : { secretKeys }),
    ...sandboxOptions(context),
  };
  const inputs: VertexId[] = [state.vertex, ...mounts.inputs];
  const sole = instruction.heredocs.length === 1 && isSoleOpener(instruction.command.form === 'shell' ? instruction.command.text : '');
  const [document] = instruction.heredocs;
  const text = sole && document ? `${instruction.original} (${summary(document)})` : instruction.original;
  const meta = vertexMeta(state, instruction, { text, masked: mounts.secretEnv, noCache: context.noCache }, context);
  const vertex = context.graph.add(op, inputs, ttl === undefined ? meta : { ...meta, ttl });
  return withLayer(state, vertex, runText(args, state.args, state.scope));
}

/** With a `..` the step goes by the text, through links and directories that it makes on the way. */
const stepDirectory = (text: string): string => (text.startsWith('/') && text.split('/').includes('..') ? text : cleanAbsolute(text));
