// RUN: asks the executor for the process, then for the layer. The next step may start as soon as the
// process has ended; the layer is written beside it.
import type { OnGrowth } from '../../cache/blob-store.ts';
import { TsbuildError } from '../../core/errors.ts';
import { suggest } from '../../core/suggest.ts';
import type { MountSource, RunRequest, RunResult, SnapshotId } from '../../executor/executor.ts';
import type { ExecOp } from '../../graph/op.ts';
import type { Vertex } from '../../graph/vertex.ts';
import type { SecretSource } from '../request/build-request.ts';
import { secretValue } from '../request/secret-values.ts';
import type { Rootfs } from '../solve/layer.ts';
import { materialize } from '../solve/snapshots.ts';
import { StepLog } from '../solve/step-log.ts';
import type { StepResult } from '../solve/steps.ts';
import type { StepContext } from './step-context.ts';

export async function runStep(
  context: StepContext,
  vertex: Vertex,
  op: ExecOp,
  base: Rootfs,
  onGrowth: OnGrowth | undefined,
): Promise<StepResult> {
  const { session, format } = context;
  const request = await prepareRun(context, vertex, op, base);
  const { root, snapshot } = request;
  const executor = await session.executor();
  const log = new StepLog(session.root);
  context.logs.set(vertex.id, log);
  try {
    const result = await executor.run(
      request,
      (stream, data) => {
        log.push(data);
        session.emit({ type: 'vertex-log', id: vertex.id, stream, data, time: session.clock() });
      },
      session.signal,
    );
    checkExit(op, result);
  } catch (error) {
    if (error instanceof TsbuildError && FAILURES.has(error.code) && context.failed !== undefined) {
      context.failed.push({ vertex, request, error });
      throw error;
    }
    await executor.discard(snapshot).catch(() => undefined);
    session.index.removeSnapshot(snapshot);
    throw error;
  }
  log.drop();
  const created = session.clock();
  const packed = context.packing(() => executor.diff({ snapshot, parent: root, format }, onGrowth));
  const made = packed.then(({ layer, size }) => ({ ref: layer, created, diskSize: size }));
  return { made, snapshot };
}

/** The command itself failed; what it left behind may be looked at. */
const FAILURES: ReadonlySet<string> = new Set(['exec/nonzero-exit', 'build/out-of-memory']);

/** What the executor is asked; its snapshot is new and belongs to the caller. */
export async function prepareRun(context: StepContext, vertex: Vertex, op: ExecOp, base: Rootfs): Promise<RunRequest> {
  const { session } = context;
  const [root, sources, cacheSeeds] = await Promise.all([
    materialize(session, base.layers),
    mountSources(context, vertex, op),
    seedsOf(context, op),
  ]);
  const { secrets, env } = readSecrets(op, context.secrets);
  const { meta } = vertex;
  return {
    id: vertex.id,
    op,
    root,
    snapshot: session.index.newSnapshot(),
    sources,
    extraEnv: [...meta.proxyEnv, ...env],
    secrets,
    sshSockets: context.ssh,
    platform: meta.platform,
    noCache: meta.noCache,
    cacheSeeds,
    ...(meta.memory === undefined ? {} : { memory: meta.memory }),
    ...(meta.cpus === undefined ? {} : { cpus: meta.cpus }),
  };
}

function checkExit(op: ExecOp, result: RunResult): void {
  if (result.exitCode === 0 && result.killedBy === undefined) return;
  const command = JSON.stringify(op.args.join(' '));
  if (result.killedBy === 'oom') {
    throw new TsbuildError({
      code: 'build/out-of-memory',
      message: `process ${command} was killed: out of memory`,
      hint: 'give the step more memory with --memory, or let it use less',
      data: { exitCode: result.exitCode },
    });
  }
  const how = result.killedBy === undefined ? `exit code: ${result.exitCode}` : `killed by ${result.killedBy}`;
  throw new TsbuildError({
    code: 'exec/nonzero-exit',
    message: `process ${command} did not complete successfully: ${how}`,
    data: { exitCode: result.exitCode },
  });
}

async function mountSources(context: StepContext, vertex: Vertex, op: ExecOp): Promise<Record<number, MountSource>> {
  const sources: Record<number, MountSource> = {};
  for (const mount of op.mounts) {
    if ((mount.type !== 'bind' && mount.type !== 'cache') || mount.input === undefined) continue;
    sources[mount.input] ??= await context.mountSource(vertex, mount.input);
  }
  return sources;
}

async function seedsOf({ seed }: StepContext, op: ExecOp): Promise<Record<string, SnapshotId>> {
  const seeds: Record<string, SnapshotId> = {};
  for (const mount of op.mounts) {
    const snapshot = mount.type === 'cache' ? await seed?.(mount.id) : null;
    if (mount.type === 'cache' && typeof snapshot === 'string') seeds[mount.id] = snapshot;
  }
  return seeds;
}

/** Values are read only for the step that mounts them, and never leave this process but to the executor. */
function readSecrets(op: ExecOp, known: Readonly<Record<string, SecretSource>>): { secrets: Record<string, Uint8Array>; env: string[] } {
  const secrets: Record<string, Uint8Array> = {};
  const env: string[] = [];
  for (const mount of op.mounts) {
    if (mount.type !== 'secret') continue;
    const source = known[mount.id];
    if (source === undefined) {
      if (!mount.required) continue;
      const near = suggest(mount.id, Object.keys(known));
      throw new TsbuildError({
        code: 'build/secret-missing',
        message: `secret ${mount.id}: not found`,
        hint:
          near === null
            ? `pass it with --secret id=${mount.id},src=FILE or --secret id=${mount.id},env=NAME`
            : `${near} was given: is it meant?`,
      });
    }
    const value = secretValue(mount.id, source);
    if (mount.env !== undefined) env.push(`${mount.env}=${Buffer.from(value).toString('utf8')}`);
    secrets[mount.id] = value;
  }
  return { secrets, env };
}
