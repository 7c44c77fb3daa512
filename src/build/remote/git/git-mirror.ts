// The store's copy of one remote repository: a bare repository below git-v1 that holds, shallow, the
// commits builds asked for. One process fetches at a time; what is there is never fetched again.
import { existsSync, lstatSync, mkdirSync, readdirSync, renameSync, rmSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import type { Leases } from '../../../cache/leases.ts';
import { makeDirectory } from '../../../cache/make-directory.ts';
import { GIT_DIR } from '../../../cache/store-layout.ts';
import { sha256Hex } from '../../../core/digest.ts';
import { TsbuildError } from '../../../core/errors.ts';
import { authConfig, type GitAuth } from './git-auth.ts';
import { type GitProgram, saysYes } from './git-program.ts';
import type { GitRemote } from './git-remote.ts';
import { protocolsOf, type ResolvedRef } from './resolve-ref.ts';

/** Commits are kept under refs of this name, so that git never takes them for garbage. */
export const commitRef = (commit: string): string => `refs/tsbuild/${commit}`;

/** As deep as git can count: turns a shallow repository into a whole one. */
const WHOLE = '2147483647';

export interface MirrorOptions {
  /** Store directory. */
  readonly root: string;
  readonly leases: Leases;
  readonly git: GitProgram;
  readonly signal: AbortSignal;
}

export class GitMirror {
  readonly remote: GitRemote;
  /** Directory of everything about this repository. */
  readonly directory: string;
  readonly #auth: GitAuth | null;
  readonly #options: MirrorOptions;

  constructor(remote: GitRemote, auth: GitAuth | null, options: MirrorOptions) {
    this.remote = remote;
    this.#auth = auth;
    this.#options = options;
    this.directory = join(options.root, GIT_DIR, sha256Hex(remote.url));
  }

  /** The bare repository for commits whose hash is as long as `commit`. */
  gitDir(commit: string): string {
    return join(this.directory, commit.length === 64 ? 'sha256.git' : 'sha1.git');
  }

  /** Brings the commit here unless it is. True when that took the network. */
  async ensure(wanted: ResolvedRef): Promise<boolean> {
    if (await this.#has(wanted.commit)) return false;
    const { leases, signal } = this.#options;
    return leases.hold(
      `git ${this.directory}`,
      async () => {
        if (await this.#has(wanted.commit)) return false;
        await this.#fetch(wanted);
        return true;
      },
      signal,
    );
  }

  /** Marks it as used now, for gc. */
  touch(): void {
    const now = Date.now() / 1000;
    if (lstatSync(this.directory, { throwIfNoEntry: false }) !== undefined) utimesSync(this.directory, now, now);
  }

  run(commit: string, args: readonly string[]): Promise<Buffer> {
    return this.#options.git.run({ args, gitDir: this.gitDir(commit), shown: this.remote.shown });
  }

  async #has(commit: string): Promise<boolean> {
    const gitDir = this.gitDir(commit);
    if (!existsSync(join(gitDir, 'HEAD'))) return false;
    this.touch();
    // The ref is written after the objects are complete; a file or a packed ref, git knows which.
    return this.#isCommit(commit, commitRef(commit));
  }

  #isCommit(commit: string, name: string): Promise<boolean> {
    return saysYes(this.run(commit, ['rev-parse', '--verify', '--quiet', `${name}^{commit}`]));
  }

  async #fetch(wanted: ResolvedRef): Promise<void> {
    const { commit, ref } = wanted;
    await this.#create(commit);
    removeStaleLocks(this.gitDir(commit));
    const into = commitRef(commit);
    try {
      await this.#fetchSpecs(commit, ['--depth=1'], [`${commit}:${into}`]);
      return;
    } catch (error) {
      if (!(error instanceof TsbuildError) || this.#options.signal.aborted) throw error;
    }
    // Servers without protocol 2 may give out only what refs point at, or what they lead to.
    const shallow = ref === null ? false : await this.#fetchSpecs(commit, ['--depth=1'], [`+${ref}:refs/tsbuild-tip`]).then(() => true);
    if (!shallow || !(await this.#isCommit(commit, commit)))
      await this.#fetchSpecs(commit, [`--depth=${WHOLE}`], ['+refs/heads/*:refs/remote/heads/*', '+refs/tags/*:refs/remote/tags/*']);
    if (!(await this.#isCommit(commit, commit))) {
      throw new TsbuildError({
        code: 'build/git',
        message: `${this.remote.shown}: repository does not contain commit ${commit}`,
        hint: 'Commits that no branch or tag leads to can only be fetched where the server allows it.',
      });
    }
    await this.run(commit, ['update-ref', into, commit]);
  }

  async #create(commit: string): Promise<void> {
    const gitDir = this.gitDir(commit);
    if (existsSync(join(gitDir, 'HEAD'))) return;
    makeDirectory(this.directory);
    // Moved to its place when it is whole: others look there without the lease, and a killed git leaves halves.
    const unfinished = `${gitDir}.new`;
    for (const left of [unfinished, gitDir]) rmSync(left, { recursive: true, force: true });
    mkdirSync(unfinished, { mode: 0o700 });
    const format = commit.length === 64 ? ['--object-format=sha256'] : [];
    // No template: a new repository has no hooks and no configuration but git's own.
    const args = ['init', '--quiet', '--bare', '--template=', ...format];
    await this.#options.git.run({ args, gitDir: unfinished, shown: this.remote.shown });
    renameSync(unfinished, gitDir);
  }

  async #fetchSpecs(commit: string, depth: readonly string[], specs: readonly string[]): Promise<void> {
    await this.#options.git.run({
      args: ['fetch', '--quiet', '--force', '--no-tags', '--no-write-fetch-head', ...depth, '--', this.remote.url, ...specs],
      gitDir: this.gitDir(commit),
      protocols: protocolsOf(this.remote),
      config: authConfig(this.#auth),
      shown: this.remote.shown,
    });
  }
}

/** Git holds these for moments; one that is older was left by a git that was killed. */
const LOCK_MS = 60_000;

function removeStaleLocks(gitDir: string): void {
  for (const directory of [gitDir, join(gitDir, 'refs', 'tsbuild'), join(gitDir, 'objects', 'pack')]) {
    if (!existsSync(directory)) continue;
    for (const name of readdirSync(directory)) {
      const path = join(directory, name);
      const stats = /\.lock$|^tmp_/.test(name) ? lstatSync(path, { throwIfNoEntry: false }) : undefined;
      if (stats?.isFile() === true && Date.now() - stats.mtimeMs > LOCK_MS) rmSync(path, { force: true });
    }
  }
}
