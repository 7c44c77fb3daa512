// `tsbuild run`: a command in a container of an image, with the sandbox that RUN steps have. The
// container's changes are thrown away when it ends.
import type { ContainerConfig } from '../../core/descriptor.ts';
import { TsbuildError } from '../../core/errors.ts';
import type { Platform } from '../../core/platform.ts';
import type { HostBind, RunInput, RunRequest, RunResult, SnapshotId, SnapshotStack, TerminalSize } from '../../executor/executor.ts';
import type { ExecOp } from '../../graph/op.ts';
import { BaseImages } from '../base-images.ts';
import { RegistryAccess } from '../registry-access.ts';
import { resolveGateway } from '../request/host-gateway.ts';
import type { Session } from '../session.ts';
import { materialize } from '../solve/snapshots.ts';
import { normalisedName } from './local-images.ts';

export interface RunImageOptions {
  readonly image: string;
  /** Replaces the image's CMD. */
  readonly command: readonly string[];
  /** Replaces ENTRYPOINT; '' removes it. */
  readonly entrypoint?: string;
  /** `K=V`. */
  readonly env: readonly string[];
  readonly user?: string;
  readonly workdir?: string;
  readonly hostname: string;
  readonly network: ExecOp['network'];
  readonly memory?: number;
  readonly cpus?: number;
  readonly addHosts: readonly string[];
  /** `name=soft:hard`. */
  readonly ulimits: readonly string[];
  /** Paths that exist, resolved. */
  readonly volumes: readonly HostBind[];
  readonly platform: Platform;
  /** The command gets a terminal. */
  readonly terminal?: TerminalSize;
  /** Input of the command and sizes of its terminal. */
  readonly input?: RunInput;
}

export type { HostBind, RunInput, RunResult, TerminalSize } from '../../executor/executor.ts';

const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Output goes to `onOutput`; resolves when the command has ended. An image that is not here is pulled. */
export async function runImage(
  session: Session,
  options: RunImageOptions,
  onOutput: (stream: 'stdout' | 'stderr', data: Uint8Array) => void,
): Promise<RunResult> {
  const registry = new RegistryAccess(session);
  const images = new BaseImages(session, registry, false);
  const snapshot = session.index.newSnapshot();
  try {
    const { fact } = await images.resolve({ reference: normalisedName(options.image), platform: options.platform });
    const root = await materialize(session, images.layers(fact.manifest));
    const request = requestOf(options, fact.config.config ?? {}, root, snapshot);
    const executor = await session.executor();
    try {
      return await executor.run(request, onOutput, session.signal, options.input);
    } finally {
      await executor.discard(snapshot).catch(() => undefined);
    }
  } finally {
    session.index.removeSnapshot(snapshot);
    await registry.close();
  }
}

function requestOf(options: RunImageOptions, config: ContainerConfig, root: SnapshotStack, snapshot: SnapshotId): RunRequest {
  const { hostname, terminal, input, memory, cpus } = options;
  const env = [`HOSTNAME=${hostname}`, ...(terminal === undefined ? [] : ['TERM=xterm']), ...options.env];
  return {
    id: `run ${options.image}`,
    op: {
      type: 'exec',
      args: commandLine(options, config.Entrypoint ?? [], config.Cmd ?? []),
      env: mergeEnv(config.Env ?? [], env),
      cwd: options.workdir ?? config.WorkingDir ?? '/',
      user: options.user ?? config.User ?? '',
      mounts: [],
      network: options.network,
      security: 'sandbox',
      hostname,
      addHosts: resolveGateway(options.addHosts, options.network),
      ...(options.ulimits.length === 0 ? {} : { ulimits: options.ulimits }),
    },
    root,
    snapshot,
    sources: {},
    extraEnv: [],
    secrets: {},
    sshSockets: {},
    platform: options.platform,
    hostBinds: options.volumes,
    stdin: input?.stdin !== undefined,
    signals: input?.onSignal !== undefined,
    ...(terminal === undefined ? {} : { terminal }),
    ...(memory === undefined ? {} : { memory }),
    ...(cpus === undefined ? {} : { cpus }),
  };
}

function commandLine(options: RunImageOptions, entrypoint: readonly string[], cmd: readonly string[]): readonly string[] {
  const first = options.entrypoint === undefined ? entrypoint : options.entrypoint === '' ? [] : [options.entrypoint];
  // A replaced entrypoint does not keep the image's CMD, as in Docker.
  const rest = options.command.length > 0 ? options.command : options.entrypoint === undefined ? cmd : [];
  const args = [...first, ...rest];
  if (args.length === 0)
    throw new TsbuildError({ code: 'cli/usage', message: `${options.image} has no command`, hint: 'name one after the image' });
  return args;
}

/** Later names win in place; PATH is always there. */
function mergeEnv(image: readonly string[], extra: readonly string[]): readonly string[] {
  const byName = new Map<string, string>();
  for (const pair of [...image, ...extra]) byName.set(pair.slice(0, pair.indexOf('=')), pair);
  if (!byName.has('PATH')) byName.set('PATH', PATH);
  return [...byName.values()];
}
