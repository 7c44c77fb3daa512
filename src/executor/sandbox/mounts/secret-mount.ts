// Secrets and inline scripts: small files on the executor's private tmpfs, which never reach a disk
// of the store and vanish with the step (M-50…M-55, P-62).
import { chmodSync, chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, TsbuildError } from '../../../core/errors.ts';
import type { Mount } from '../../../graph/op.ts';
import type { RunRequest } from '../../executor.ts';
import type { StepScope } from '../step-scope.ts';
import { BIND_FILE_OPTIONS, type MountContent } from './mount-content.ts';

type SecretMount = Extract<Mount, { type: 'secret' }>;

/** Null for an optional secret that was not given. Error: 'exec/secret-missing'. */
export function prepareSecret(scope: StepScope, request: RunRequest, mount: SecretMount): MountContent | null {
  const value = secretValue(request, mount);
  if (value === null) return null;
  const path = writePrivateFile(scope, value, mount.mode);
  giveTo(scope, path, mount.uid, mount.gid);
  return { kind: 'file', hostPath: path, options: BIND_FILE_OPTIONS, growable: false };
}

/** `NAME=value` of secrets that are wanted as variables and are not among `present` yet; an optional one that was not given is empty. */
export function secretVariables(request: RunRequest, present: ReadonlySet<string>): string[] {
  const out: string[] = [];
  for (const mount of request.op.mounts) {
    if (mount.type !== 'secret' || mount.env === undefined || present.has(mount.env)) continue;
    const value = secretValue(request, mount);
    out.push(`${mount.env}=${value === null ? '' : Buffer.from(value).toString('utf8')}`);
  }
  return out;
}

function secretValue(request: RunRequest, mount: SecretMount): Uint8Array | null {
  const value = Object.hasOwn(request.secrets, mount.id) ? request.secrets[mount.id] : undefined;
  if (value !== undefined) return value;
  if (!mount.required) return null;
  throw new TsbuildError({
    code: 'exec/secret-missing',
    message: `secret ${mount.id}: not found`,
    hint: `Pass it with --secret id=${mount.id},src=FILE or --secret id=${mount.id},env=NAME.`,
  });
}

export function prepareInline(scope: StepScope, content: string): MountContent {
  return {
    kind: 'file',
    hostPath: writePrivateFile(scope, Buffer.from(content, 'utf8'), 0o755),
    options: ['rbind', 'ro'],
    growable: false,
  };
}

function writePrivateFile(scope: StepScope, content: Uint8Array, mode: number): string {
  const path = join(scope.files, `file-${scope.nextIndex()}`);
  writeFileSync(path, content, { mode: 0o600, flag: 'wx' });
  chmodSync(path, mode);
  return path;
}

/** Rootless with one user id only knows that one; the file then belongs to it. */
export function giveTo(scope: StepScope, path: string, uid: number, gid: number): void {
  try {
    chownSync(path, uid, gid);
  } catch (error) {
    if (errnoOf(error) !== 'EINVAL' && errnoOf(error) !== 'EPERM') throw error;
    scope.host.noticeOnce('files cannot be given to other users here, because the executor has one user id only');
  }
}
