// RUN: argv, environment, mounts and sandbox options of one exec vertex (section 5).
import type { ExecOp, Mount } from '../../graph/op.ts';
import type { VertexId } from '../../graph/vertex.ts';
import type { RunInstruction } from '../../parser/ast.ts';
import { shellOf } from '../config-state.ts';
import { buildArg } from '../global-scope.ts';
import { chompedContent, isSoleOpener, reassembled, summary } from '../heredoc.ts';
import { runText } from '../history.ts';
import { cleanAbsolute } from '../paths.ts';
import { suggest } from '../suggest.ts';
import { type LowerContext, type StageState, vertexMeta, withLayer, workdirOf } from './context.ts';
import { lowerMounts } from './run-mounts.ts';

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

function networkOf(instruction: RunInstruction, context: LowerContext): ExecOp['network'] | undefined {
  const { options, reporter } = context;
  const flag = instruction.network;
  const asked = flag?.value ?? 'default';
  if (asked !== 'default' && asked !== 'none' && asked !== 'host') {
    const near = suggest(asked, ['default', 'none', 'host']);
    reporter.error('plan/invalid-network', flag?.valueSpan, `invalid network mode: ${JSON.stringify(asked)}`, {
      hint: near ? `did you mean ${near}?` : 'use default, none or host',
    });
    return undefined;
  }
  const network = asked === 'default' ? options.network : asked;
  if (asked === 'host' && options.network !== 'host' && !options.allow.includes('network.host')) {
    reporter.error('plan/entitlement', flag?.span, 'network.host is not allowed', { hint: 'grant it with --allow network.host' });
    return undefined;
  }
  return network;
}

function securityOf(instruction: RunInstruction, context: LowerContext): ExecOp['security'] | undefined {
  const flag = instruction.security;
  const asked = flag?.value ?? 'sandbox';
  if (asked !== 'sandbox' && asked !== 'insecure') {
    context.reporter.error('plan/invalid-security', flag?.valueSpan, `security ${JSON.stringify(asked)} is not valid`, {
      hint: 'use sandbox or insecure',
    });
    return undefined;
  }
  if (asked === 'insecure' && !context.options.allow.includes('security.insecure')) {
    context.reporter.error('plan/entitlement', flag?.span, 'security.insecure is not allowed', {
      hint: 'grant it with --allow security.insecure',
    });
    return undefined;
  }
  return asked;
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
  if (network === undefined || security === undefined || mounts === undefined || args.length === 0 || instruction.devices.length > 0) {
    return state;
  }
  const { config } = state.image;
  const op: ExecOp = {
    type: 'exec',
    args,
    env: state.scope.entries().map(([name, value]) => `${name}=${value}`),
    cwd: cleanAbsolute(workdirOf(config)),
    user: config.User ?? '',
    mounts: [...mounts.mounts, ...(script ? [script] : [])],
    network,
    security,
    ...sandboxOptions(context),
  };
  const inputs: VertexId[] = [state.vertex, ...mounts.inputs];
  const sole = instruction.heredocs.length === 1 && isSoleOpener(instruction.command.form === 'shell' ? instruction.command.text : '');
  const [document] = instruction.heredocs;
  const text = sole && document ? `${instruction.original} (${summary(document)})` : instruction.original;
  const meta = vertexMeta(state, instruction, { text, masked: mounts.secretEnv, noCache: context.noCache }, context);
  const vertex = context.graph.add(op, inputs, meta);
  return withLayer(state, vertex, runText(args, state.args, state.scope));
}
