// --on-error=export=DIR: what the failed step left, as files of the caller. DIR/rootfs holds what the
// step added or changed, DIR/deleted names what it removed, DIR/log is its whole output, DIR/step.json
// says what ran where. Mounts of the step (caches, secrets) are no part of its changes and stay out.
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirectories } from '../../cache/make-directory.ts';
import { InvariantError, TsbuildError } from '../../core/errors.ts';
import { pathToBytes } from '../../core/path-bytes.ts';
import { exportLocal } from '../../executor/layer/flatten/flatten-local.ts';
import { writingTo } from '../outputs/writing-to.ts';
import type { Session } from '../session.ts';
import type { FailedStep } from './failed-step.ts';

const MARKER = 'step.json';
const OURS: ReadonlySet<string> = new Set(['rootfs', 'deleted', 'log', MARKER]);

/** Errors: 'build/output' for a directory that holds something else or cannot be written, and those of exports. */
export async function exportFailed(session: Session, failed: FailedStep, directory: string, logPath: string | null): Promise<void> {
  const { vertex, request } = failed;
  refuseForeign(directory);
  const executor = await session.executor();
  const { layer } = await executor.diff({ snapshot: request.snapshot, parent: request.root, format: { compression: 'uncompressed' } });
  const toc = session.tocs.get(layer.diffId);
  if (toc === null) throw new InvariantError(`the changes of ${vertex.meta.label} have no table of contents`);
  const tree = { layers: [{ blob: layer.blob, toc }], platform: vertex.meta.stage };
  const deleted = toc.entries.filter((entry) => entry.type === 'whiteout').map((entry) => pathToBytes(`/${entry.path}\n`));
  writingTo('--on-error=export', directory, () => {
    makeDirectories(directory);
    for (const name of OURS) rmSync(join(directory, name), { recursive: true, force: true });
    // First, so that what an interrupted export leaves can be replaced by the next.
    writeFileSync(join(directory, MARKER), `${JSON.stringify(describe(failed), null, 2)}\n`);
    writeFileSync(join(directory, 'deleted'), Buffer.concat(deleted));
    if (logPath !== null && existsSync(logPath)) copyFileSync(logPath, join(directory, 'log'));
    mkdirSync(join(directory, 'rootfs'));
  });
  await exportLocal([tree], session.blobs, join(directory, 'rootfs'), { signal: session.signal });
}

/** Replaces only what an earlier export wrote. */
function refuseForeign(directory: string): void {
  const names = writingTo('--on-error=export', directory, () => (existsSync(directory) ? readdirSync(directory) : []));
  if (names.length === 0 || (names.includes(MARKER) && names.every((name) => OURS.has(name)))) return;
  throw new TsbuildError({
    code: 'build/output',
    message: `--on-error=export: ${directory} is not empty`,
    hint: 'name a directory that does not exist yet',
  });
}

const describe = ({ vertex, request, error }: FailedStep): object => ({
  step: vertex.meta.label,
  stage: vertex.meta.stage,
  error: error.message,
  exitCode: error.data['exitCode'],
  args: request.op.args,
  env: request.op.env,
  cwd: request.op.cwd,
  user: request.op.user,
});
