// --mount=type=cache: directories below cache-mounts-v1/<identity>/<n> that outlive builds and are
// never part of a layer (M-30…M-36). Sharing works across processes by kernel locks on <n>.lock: a
// killed build leaves no lock. The identity is a hash, so no id can name a path.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  futimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CACHE_MOUNTS_DIR } from '../../../cache/store-layout.ts';
import { canonicalJson } from '../../../core/canonical.ts';
import { sha256Hex } from '../../../core/digest.ts';
import { errnoOf, invariant, messageOf, TsbuildError } from '../../../core/errors.ts';
import type { Mount } from '../../../graph/op.ts';
import type { MountSource, RunRequest } from '../../executor.ts';
import { toolPath } from '../../launch.ts';
import { LOCK_EX, LOCK_SH } from '../../namespace-calls.ts';
import { cancelled } from '../cancelled.ts';
import { treeOf } from '../snapshot-directory.ts';
import type { StepScope } from '../step-scope.ts';
import { openSource, sourceRoot } from './bind-mount.ts';
import { holdCache, LOCK_POLL } from './cache-hold.ts';
import type { MountContent } from './mount-content.ts';
import { giveTo } from './secret-mount.ts';

type CacheMount = Extract<Mount, { type: 'cache' }>;

const DEFAULT_MODE = 0o755;

/** Errors: 'exec/mount-source' for a seed or sub-path, 'exec/cancelled' while waiting for a locked cache. */
export async function prepareCache(scope: StepScope, request: RunRequest, mount: CacheMount, signal: AbortSignal): Promise<MountContent> {
  const directory = await acquireCache(scope, request, mount, signal);
  const opened = openCachePath(scope, directory, mount);
  try {
    const path = mountOpened(scope, opened, mount);
    return { kind: 'dir', hostPath: path, options: ['rbind', mount.readonly ? 'ro' : 'rw'], growable: !mount.readonly };
  } finally {
    closeSync(opened);
  }
}

/** Another step may remove the directory between opening and mounting: the descriptor then names what cannot be mounted. */
function mountOpened(scope: StepScope, opened: number, mount: CacheMount): string {
  try {
    return scope.mountDescriptor(opened).path;
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    throw new TsbuildError({
      code: 'exec/mount-source',
      message: `cache mount at ${mount.target}: source ${mount.source} went away while it was mounted`,
      hint: 'Another step removes it; use sharing=locked when steps rearrange a cache.',
      cause: error,
    });
  }
}

/** The cache's directory with its first content; locked until the step ends. A step that mounts a cache twice locks it once. */
export function acquireCache(scope: StepScope, request: RunRequest, mount: CacheMount, signal: AbortSignal): Promise<string> {
  const key = cacheIdentity(request, mount);
  const known = scope.caches.get(key);
  if (known !== undefined) return known;
  const acquired = lockCache(scope, request, mount, signal);
  scope.caches.set(key, acquired);
  return acquired;
}

async function lockCache(scope: StepScope, request: RunRequest, mount: CacheMount, signal: AbortSignal): Promise<string> {
  const base = join(scope.host.config.root, CACHE_MOUNTS_DIR, cacheIdentity(request, mount));
  const users = await makeAndHold(scope, base, signal);
  scope.defer(() => closeSync(users));
  describe(base, mount);
  const { directory, fd } = await acquire(scope, base, mount.sharing, signal);
  scope.defer(() => closeSync(fd));
  if (request.noCache === true && hasOwnShape(mount)) rmSync(directory, { recursive: true, force: true });
  if (!existsSync(directory)) await makeContent(scope, request, mount, directory, signal);
  return directory;
}

/** Anew when somebody removes it in between. */
async function makeAndHold({ host }: StepScope, base: string, signal: AbortSignal): Promise<number> {
  for (;;) {
    mkdirSync(base, { recursive: true, mode: 0o700 });
    const users = await holdCache(host.calls, base, signal);
    if (users !== null) return users;
  }
}

/** M-33, M-36: an explicit owner or mode; without effect when a sub-path is asked for. */
const hasOwnShape = (mount: CacheMount): boolean =>
  !hasSubPath(mount) && (mount.mode !== DEFAULT_MODE || mount.uid !== 0 || mount.gid !== 0);

const hasSubPath = (mount: CacheMount): boolean => mount.source !== '' && mount.source !== '/' && mount.source !== '.';

/** Shape and seed make different caches (M-32, M-33); sharing and target do not. */
function cacheIdentity(request: RunRequest, mount: CacheMount): string {
  const source = mount.input === undefined ? undefined : request.sources[mount.input];
  const seed = source === undefined ? undefined : { from: seedName(source), path: mount.source };
  const shape = hasOwnShape(mount) ? { mode: mount.mode, uid: mount.uid, gid: mount.gid } : undefined;
  return sha256Hex(canonicalJson({ id: mount.id, seed, shape })).slice(0, 32);
}

const seedName = (source: MountSource): string =>
  source.identity ?? (source.type === 'stack' ? source.stack.join(' ') : `directory ${source.path}`);

/** For people who look at the store: which cache this is. */
function describe(base: string, mount: CacheMount): void {
  try {
    writeFileSync(join(base, 'id'), `${mount.id}\n`, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
}

/**
 * The first numbered directory that can be had, like BuildKit: shared users join others that share,
 * private ones take the first unused or a new one, locked ones wait.
 */
async function acquire(
  scope: StepScope,
  base: string,
  sharing: CacheMount['sharing'],
  signal: AbortSignal,
): Promise<{ directory: string; fd: number }> {
  const kind = sharing === 'shared' ? LOCK_SH : LOCK_EX;
  for (;;) {
    const existing = readdirSync(base).filter((name) => name.endsWith('.lock')).length;
    const limit = sharing === 'locked' ? Math.max(existing, 1) : existing + 1;
    for (let number = 0; number < limit; number += 1) {
      const fd = openSync(join(base, `${number}.lock`), constants.O_RDWR | constants.O_CREAT, 0o600);
      if (scope.host.calls.tryLock(fd, kind)) {
        // The time of the lock is the last use of its directory.
        const now = Date.now() / 1000;
        futimesSync(fd, now, now);
        return { directory: join(base, String(number)), fd };
      }
      closeSync(fd);
    }
    if (signal.aborted) throw cancelled('cancelled while waiting for a locked cache mount');
    await delay(LOCK_POLL);
  }
}

/** New content appears whole: seeded beside and renamed, so that a crash or a concurrent user never sees half of it. */
async function makeContent(
  scope: StepScope,
  request: RunRequest,
  mount: CacheMount,
  directory: string,
  signal: AbortSignal,
): Promise<void> {
  const fresh = `${directory}.new-${randomBytes(8).toString('hex')}`;
  mkdirSync(fresh, { mode: 0o700 });
  try {
    await fill(scope, request, mount, fresh, signal);
    rename(fresh, directory);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/** Unless another user of a shared cache was first: only an empty directory is replaced. */
function rename(fresh: string, directory: string): void {
  try {
    renameSync(fresh, directory);
  } catch (error) {
    if (errnoOf(error) !== 'ENOTEMPTY' && errnoOf(error) !== 'EEXIST') throw error;
  }
}

async function fill(scope: StepScope, request: RunRequest, mount: CacheMount, fresh: string, signal: AbortSignal): Promise<void> {
  const imported = request.cacheSeeds?.[mount.id];
  if (imported !== undefined) await copyTree(`${treeOf(imported)}/.`, fresh, mount, signal);
  if (mount.input !== undefined && imported === undefined) await seed(scope, request, mount, mount.input, fresh, signal);
  else {
    chmodSync(fresh, hasOwnShape(mount) ? mount.mode : DEFAULT_MODE);
    if (hasOwnShape(mount)) giveTo(scope, fresh, mount.uid, mount.gid);
  }
}

async function seed(
  scope: StepScope,
  request: RunRequest,
  mount: CacheMount,
  input: number,
  directory: string,
  signal: AbortSignal,
): Promise<void> {
  const source = request.sources[input];
  invariant(source !== undefined, `cache mount at ${mount.target} has no source`);
  const fd = openSource(scope, sourceRoot(scope, request, source, mount.source).path, mount.source, mount.target);
  try {
    if (!fstatSync(fd).isDirectory()) throw notDirectory(mount);
    await copyTree(`/proc/${process.pid}/fd/${fd}/.`, directory, mount, signal);
  } finally {
    closeSync(fd);
  }
}

/** Other steps go on meanwhile. Errors: 'exec/cache-seed', 'exec/cancelled'. */
async function copyTree(from: string, directory: string, mount: CacheMount, signal: AbortSignal): Promise<void> {
  const child = spawn('cp', ['-a', from, directory], { env: { PATH: toolPath() }, stdio: ['ignore', 'ignore', 'pipe'] });
  const stop = (): boolean => child.kill('SIGKILL');
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    said = (said + chunk).slice(0, 500);
  });
  signal.addEventListener('abort', stop, { once: true });
  try {
    const [status] = (await once(child, 'close')) as [number | null];
    if (status === 0) return;
  } catch (cause) {
    said = messageOf(cause);
  } finally {
    signal.removeEventListener('abort', stop);
  }
  if (signal.aborted) throw cancelled('cancelled while a cache mount was filled from its source');
  throw new TsbuildError({
    code: 'exec/cache-seed',
    message: `cache mount at ${mount.target} could not be filled from its source: ${said.trim()}`,
    hint: 'Check the free space of the store, and that the program `cp` is there.',
  });
}

/** The seed is the sub-path's content already; without one the sub-path is inside the cache, made when missing (M-34). */
function openCachePath(scope: StepScope, directory: string, mount: CacheMount): number {
  const { calls } = scope.host;
  if (mount.input !== undefined || !hasSubPath(mount)) return calls.openWithin(directory, '.');
  let at = calls.openWithin(directory, '.');
  for (const name of mount.source.split('/')) {
    if (name === '' || name === '.') continue;
    const parent = at;
    try {
      at = stepInto(calls.openWithin, parent, name);
    } catch (error) {
      throw new TsbuildError({
        code: 'exec/mount-source',
        message: `cache mount at ${mount.target}: source ${mount.source} leads outside the cache (${errnoOf(error) ?? String(error)})`,
        hint: 'Links and `..` inside the cache are not followed beyond it; empty the cache with `tsbuild prune`.',
        cause: error,
      });
    } finally {
      closeSync(parent);
    }
  }
  return at;
}

function stepInto(open: (root: string, path: string) => number, parent: number, name: string): number {
  const parentPath = `/proc/self/fd/${parent}`;
  try {
    return open(parentPath, name);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    mkdirSync(join(parentPath, name), { mode: DEFAULT_MODE });
    return open(parentPath, name);
  }
}

const notDirectory = (mount: CacheMount): TsbuildError =>
  new TsbuildError({ code: 'exec/mount-source', message: `cache mount at ${mount.target}: source ${mount.source} is not a directory` });
