// Files of a commit in a directory of the store, submodules included (D-14, D-15). A checkout depends on
// nothing but the commit and the switches, so it is made once and used by every later build; it is made
// aside and moved into place when complete.
import { existsSync, lstatSync, lutimesSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeDirectory } from '../../../cache/make-directory.ts';
import { TEMP_DIR } from '../../../cache/store-layout.ts';
import { canonicalJson } from '../../../core/canonical.ts';
import { sha256Hex } from '../../../core/digest.ts';
import { errnoOf, TsbuildError } from '../../../core/errors.ts';
import { fsPath, pathFromBytes } from '../../../core/path-bytes.ts';
import { makeGitDirectory, makeOpenDirectory } from './git-directory.ts';
import type { GitMirror } from './git-mirror.ts';
import type { GitProgram } from './git-program.ts';
import type { ResolvedRef } from './resolve-ref.ts';
import { type OpenMirror, readSubmodules } from './submodules.ts';

export interface CheckoutOptions {
  readonly submodules: boolean;
  readonly keepGitDir: boolean;
  /** Files get the time of the commit (D-12). */
  readonly commitTime: boolean;
}

export interface CheckoutServices {
  readonly root: string;
  readonly git: GitProgram;
  readonly openMirror: OpenMirror;
}

/** Raised when the same commit would give other files than before. */
const SCHEMA = 1;
const MAX_DEPTH = 10;
const MAX_SUBMODULES = 500;

/** Where a checkout is or will be. */
function placeOf(mirror: GitMirror, wanted: ResolvedRef, options: CheckoutOptions): string {
  const name = canonicalJson({ ...options, commit: wanted.commit, schema: SCHEMA, ref: options.keepGitDir ? wanted.ref : null });
  return join(mirror.directory, 'trees', sha256Hex(name).slice(0, 40));
}

/** A checkout made before, which needs neither network nor git; null when there is none. */
export function findCheckout(mirror: GitMirror, wanted: ResolvedRef, options: CheckoutOptions): string | null {
  const path = placeOf(mirror, wanted, options);
  if (!existsSync(path)) return null;
  mirror.touch();
  return path;
}

/** Directory of the checkout. The commit is in the mirror. */
export async function checkOut(
  mirror: GitMirror,
  wanted: ResolvedRef,
  options: CheckoutOptions,
  services: CheckoutServices,
): Promise<string> {
  const { commit } = wanted;
  const path = placeOf(mirror, wanted, options);
  const trees = dirname(path);
  mirror.touch();
  if (existsSync(path)) return path;
  makeDirectory(trees);
  makeDirectory(join(services.root, TEMP_DIR));
  const scratch = mkdtempSync(join(services.root, TEMP_DIR, 'git-'));
  try {
    const tree = join(scratch, 'tree');
    makeOpenDirectory(tree);
    const index = join(scratch, 'index');
    await new Checkout(options, services, index, tree).write(mirror, wanted, '', 0);
    if (options.commitTime) setTimes(tree, await commitTimeOf(mirror, commit));
    moveInto(tree, path);
    return path;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Seconds since the epoch. */
export async function commitTimeOf(mirror: GitMirror, commit: string): Promise<number> {
  const text = (await mirror.run(commit, ['show', '--no-patch', '--format=%ct', commit])).toString('latin1').trim();
  return /^\d{1,12}$/.test(text) ? Number(text) : 0;
}

class Checkout {
  readonly #options: CheckoutOptions;
  readonly #services: CheckoutServices;
  readonly #index: string;
  readonly #top: string;
  #submodules = 0;

  constructor(options: CheckoutOptions, services: CheckoutServices, index: string, top: string) {
    this.#options = options;
    this.#services = services;
    this.#index = index;
    this.#top = top;
  }

  /** Writes the commit to the empty directory `at`, a path below the top. */
  async write(mirror: GitMirror, wanted: ResolvedRef, at: string, depth: number): Promise<void> {
    const { keepGitDir, submodules } = this.#options;
    const { git } = this.#services;
    const { commit } = wanted;
    const workTree = join(this.#top, at);
    if (keepGitDir) await makeGitDirectory({ git, mirror, wanted, top: this.#top, at });
    else await this.#writeFiles(mirror, commit, workTree);
    if (!submodules) return;
    for (const submodule of await readSubmodules(git, mirror, commit)) {
      this.#submodules += 1;
      if (depth === MAX_DEPTH || this.#submodules > MAX_SUBMODULES) throw tooMany(mirror);
      const below = join(at, submodule.path);
      this.#checkEmptyDirectory(mirror, below);
      const other = this.#services.openMirror(submodule.url, mirror);
      const named: ResolvedRef = { commit: submodule.commit, ref: null, object: submodule.commit };
      await other.ensure(named);
      await this.write(other, named, below, depth + 1);
    }
  }

  /** Not `git checkout`: there is no branch to move, and no hook to run. */
  async #writeFiles(mirror: GitMirror, commit: string, workTree: string): Promise<void> {
    const { git } = this.#services;
    const place = { gitDir: mirror.gitDir(commit), workTree, indexFile: this.#index, shown: mirror.remote.shown };
    rmSync(this.#index, { force: true });
    await git.run({ ...place, args: ['read-tree', commit] });
    await git.run({ ...place, args: ['checkout-index', '--all', '--force', '--quiet'] });
  }

  /** Git made a directory for the submodule; nothing else may be there, and no link on the way. */
  #checkEmptyDirectory(mirror: GitMirror, path: string): void {
    let at = this.#top;
    for (const part of path.split('/')) {
      at = join(at, part);
      const stats = part === '..' || part === '' ? undefined : lstatSync(fsPath(at), { throwIfNoEntry: false });
      if (stats?.isDirectory() !== true) throw badSubmodule(mirror, path);
    }
    if (readdirSync(fsPath(at)).length > 0) throw badSubmodule(mirror, path);
  }
}

const badSubmodule = (mirror: GitMirror, path: string): TsbuildError =>
  new TsbuildError({ code: 'build/git', message: `${mirror.remote.shown}: submodule ${JSON.stringify(path)} has no directory of its own` });

const tooMany = (mirror: GitMirror): TsbuildError =>
  new TsbuildError({
    code: 'build/git',
    message: `${mirror.remote.shown}: more than ${MAX_SUBMODULES} submodules, or submodules more than ${MAX_DEPTH} deep`,
    hint: 'Leave them out with ?submodules=false.',
  });

/** Another process may have been first: its checkout is as good. */
function moveInto(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno !== 'ENOTEMPTY' && errno !== 'EEXIST') throw error;
  }
}

/** Deepest first is not needed: setting the times of an entry does not change its directory. */
function setTimes(root: string, seconds: number): void {
  for (const pending = [root]; pending.length > 0; ) {
    const path = pending.pop() ?? root;
    lutimesSync(fsPath(path), seconds, seconds);
    if (lstatSync(fsPath(path)).isDirectory())
      for (const name of readdirSync(fsPath(path), { encoding: 'buffer' })) pending.push(`${path}/${pathFromBytes(name)}`);
  }
}
