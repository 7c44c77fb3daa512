// Git repositories as sources of files: a ref becomes a commit, a commit becomes a directory. Refs are
// asked about once per build, so that every use of a branch in one build sees the same commit.
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { INDEX_DIR } from '../../../cache/store-layout.ts';
import { TsbuildError } from '../../../core/errors.ts';
import { fsPath } from '../../../core/path-bytes.ts';
import type { GitOp } from '../../../graph/op.ts';
import type { BuildRequest } from '../../request/build-request.ts';
import type { Session } from '../../session.ts';
import { type GitAuth, gitAuth, submoduleAuth } from './git-auth.ts';
import { type CheckoutOptions, checkOut, commitTimeOf, findCheckout } from './git-checkout.ts';
import { GitMirror } from './git-mirror.ts';
import { GitProgram } from './git-program.ts';
import { redirectedRemote } from './git-redirect.ts';
import { type GitRemote, type GitTransport, IN_SUBMODULE, parseGitRemote } from './git-remote.ts';
import { checkedRef, type ResolvedRef, resolveRef } from './resolve-ref.ts';

export interface Repository {
  readonly mirror: GitMirror;
  readonly resolved: ResolvedRef;
}

/** What refs turned out to be, by URL and ref. */
export type Repositories = Map<string, Promise<Repository>>;

export class GitSources {
  readonly #session: Session;
  readonly #request: Pick<BuildRequest, 'secrets' | 'ssh'>;
  readonly #git: GitProgram;
  readonly #auths = new WeakMap<GitMirror, GitAuth>();
  readonly #repositories: Repositories;

  constructor(session: Session, request: Pick<BuildRequest, 'secrets' | 'ssh'>, repositories: Repositories) {
    this.#repositories = repositories;
    this.#session = session;
    this.#request = request;
    this.#git = new GitProgram({
      state: join(session.root, INDEX_DIR),
      sshSocket: request.ssh['default'],
      signal: session.signal,
      env: process.env,
    });
  }

  /** Full hash of the commit. Asks the network unless the op names a commit. Checks --checksum (D-10). */
  async commit(op: GitOp, allowed: ReadonlySet<GitTransport>): Promise<string> {
    const { resolved, mirror } = await this.#repository(op, allowed);
    checkSum(op, resolved, mirror.remote);
    return resolved.commit;
  }

  /** Directory with the files of the op, inside the store; not to be changed. */
  async directory(op: GitOp, allowed: ReadonlySet<GitTransport>): Promise<string> {
    await this.commit(op, allowed);
    const repository = await this.#repository(op, allowed);
    const options = { submodules: op.submodules, keepGitDir: op.keepGitDir, commitTime: op.commitTime === true };
    const tree = findCheckout(repository.mirror, repository.resolved, options) ?? (await this.#checkOut(repository, options));
    const { remote } = repository.mirror;
    return op.subdir === undefined ? tree : subdirectory(remote, tree, op.subdir);
  }

  async #checkOut(repository: Repository, options: CheckoutOptions): Promise<string> {
    const mirror = await this.#bring(repository);
    return checkOut(mirror, repository.resolved, options, {
      root: this.#session.root,
      git: this.#git,
      openMirror: (url, parent) => {
        const remote = parseGitRemote(url, IN_SUBMODULE);
        return this.#mirror(remote, submoduleAuth(remote, this.#auths.get(parent) ?? null));
      },
    });
  }

  /** Seconds since the epoch of the commit, for SOURCE_DATE_EPOCH=context. */
  async commitTime(op: GitOp, allowed: ReadonlySet<GitTransport>): Promise<number> {
    const repository = await this.#repository(op, allowed);
    return commitTimeOf(await this.#bring(repository), repository.resolved.commit);
  }

  #repository(op: GitOp, allowed: ReadonlySet<GitTransport>): Promise<Repository> {
    const ref = op.ref ?? (op.checksum !== undefined && /^(?:.{40}|.{64})$/.test(op.checksum) ? op.checksum : undefined);
    const key = JSON.stringify([op.url, ref ?? null, [...allowed]]);
    const known = this.#repositories.get(key);
    if (known !== undefined) return known;
    const repository = this.#resolve(parseGitRemote(op.url, allowed), ref);
    this.#repositories.set(key, repository);
    return repository;
  }

  async #resolve(first: GitRemote, ref: string | undefined): Promise<Repository> {
    const name = checkedRef(first, ref);
    if (name === null) {
      const commit = ref ?? '';
      return { mirror: this.#mirror(first, gitAuth(first, this.#request.secrets)), resolved: { commit, ref: null, object: commit } };
    }
    return this.#following(first, async (remote, auth) => {
      const resolved = await resolveRef(this.#git, remote, auth, name);
      return { mirror: this.#mirror(remote, auth), resolved };
    });
  }

  /** Brings the commit into the store; the mirror it is in. */
  #bring({ mirror: known, resolved }: Repository): Promise<GitMirror> {
    return this.#following(known.remote, async (remote, auth) => {
      const mirror = remote === known.remote ? known : this.#mirror(remote, auth);
      await mirror.ensure(resolved);
      return mirror;
    });
  }

  /** With credentials git follows no redirect; one that stays on the host is followed here, once. */
  async #following<T>(remote: GitRemote, body: (remote: GitRemote, auth: GitAuth | null) => Promise<T>): Promise<T> {
    const { secrets } = this.#request;
    const auth = gitAuth(remote, secrets);
    try {
      return await body(remote, auth);
    } catch (error) {
      if (auth === null || !(error instanceof TsbuildError)) throw error;
      const moved = await redirectedRemote(remote, auth, this.#session.signal);
      if (moved === null) throw error;
      const next = { ...moved, userInfo: remote.userInfo };
      return body(next, gitAuth(next, secrets));
    }
  }

  #mirror(remote: GitRemote, auth: GitAuth | null): GitMirror {
    const { root, leases, signal } = this.#session;
    const mirror = new GitMirror(remote, auth, { root, leases, git: this.#git, signal });
    if (auth !== null) this.#auths.set(mirror, auth);
    return mirror;
  }
}

/** D-10: the hash or its beginning; for an annotated tag, that of the tag counts as well. */
function checkSum(op: GitOp, { commit, object }: ResolvedRef, remote: GitRemote): void {
  const { checksum } = op;
  if (checksum === undefined || commit.startsWith(checksum) || object.startsWith(checksum)) return;
  throw new TsbuildError({
    code: 'build/git',
    message: `${remote.shown}: expected checksum to match ${checksum}, got ${commit}`,
    hint: 'Correct the checksum, or find out why the ref moved.',
    data: { expected: checksum, commit },
  });
}

/** As in Docker, `..` stays inside and no component may be a link (CVE-2026-33748 class). */
function subdirectory(remote: GitRemote, tree: string, subdir: string): string {
  const path = join('/', subdir);
  let at = tree;
  for (const part of path.split('/')) {
    if (part === '') continue;
    at = join(at, part);
    const stats = part.includes('\0') ? undefined : lstatSync(fsPath(at), { throwIfNoEntry: false });
    if (stats?.isDirectory() === true) continue;
    throw new TsbuildError({
      code: 'build/git',
      message: `${remote.shown}: invalid subdir ${path}: ${JSON.stringify(part)} ${stats === undefined ? 'does not exist' : 'is no directory'}`,
      hint: 'The part after the colon is a directory of the repository; links are not followed.',
    });
  }
  return at;
}
