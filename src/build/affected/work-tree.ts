// The git work tree that a command runs in, and the commit that --affected compares it with. Refs come
// from whoever started the pipeline, the repository from whoever wrote it: git runs with the settings of
// git-program.ts, and nothing called here runs a program that the repository names.
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { TsbuildError } from '../../core/errors.ts';
import { fsPath, pathFromBytes } from '../../core/path-bytes.ts';
import { type GitProgram, gitFailed, saidNo, saysYes } from '../remote/git/git-program.ts';

export interface WorkTree {
  /** Absolute, without links. */
  readonly top: string;
  readonly gitDir: string;
  /** Where refs, objects and info/ are; another directory for linked work trees. */
  readonly commonDir: string;
  readonly objectFormat: 'sha1' | 'sha256';
  readonly shallow: boolean;
  readonly run: RunGit;
}

export type RunGit = (
  args: readonly string[],
  options?: { readonly input?: Uint8Array; readonly indexFile?: string; readonly workTree?: string },
) => Promise<Buffer>;

export interface ComparedCommit {
  readonly commit: string;
  /** As messages name it: `main (1a2b3c4d)`. */
  readonly shown: string;
}

const refuse = (message: string, hint: string, cause?: unknown): TsbuildError =>
  new TsbuildError({ code: 'bake/no-repository', message: `--affected: ${message}`, hint, ...(cause === undefined ? {} : { cause }) });

/** Throws 'bake/no-repository'. */
export async function openWorkTree(git: GitProgram, directory: string): Promise<WorkTree> {
  const ask = ['--show-toplevel', '--absolute-git-dir', '--git-common-dir', '--is-shallow-repository', '--show-object-format'];
  const answer = await git.run({ args: ['-C', directory, 'rev-parse', ...ask], config: TRUSTED, shown: directory }).catch((error) => {
    throw notHere(directory, error);
  });
  const [top = '', gitDir = '', commonDir = '', shallow, format] = pathFromBytes(answer).split('\n');
  const repository = { gitDir, workTree: top, config: [...TRUSTED, ...(await checkoutSettings(git, directory))], shown: top };
  return {
    top: realPath(top),
    gitDir,
    commonDir: commonDir.startsWith('/') ? commonDir : join(directory, commonDir),
    objectFormat: format === 'sha256' ? 'sha256' : 'sha1',
    shallow: shallow === 'true',
    run: (args, options = {}) => git.run({ ...repository, ...options, args }),
  };
}

function realPath(top: string): string {
  try {
    return pathFromBytes(realpathSync(fsPath(top), { encoding: 'buffer' }));
  } catch (error) {
    throw refuse(`${JSON.stringify(top)} cannot be opened`, 'paths of work trees have no line breaks', error);
  }
}

/** Work trees of another user, as CI has them, are fine: git only reads here, without hooks, filters or fsmonitor. */
const TRUSTED: readonly (readonly [string, string])[] = [['safe.directory', '*']];

/** Settings of the repository that change what a checkout writes. */
async function checkoutSettings(git: GitProgram, directory: string): Promise<(readonly [string, string])[]> {
  const names = ['core.autocrlf', 'core.eol'];
  const values = await Promise.all(
    names.map((name) =>
      git.run({ args: ['-C', directory, 'config', '--local', '--get', name], config: TRUSTED, shown: directory }).then(
        (text) => text.toString('utf8').trim(),
        (error: unknown) => {
          if (saidNo(error)) return '';
          throw error;
        },
      ),
    ),
  );
  return names.flatMap((name, at) => (values[at] === '' || values[at] === undefined ? [] : [[name, values[at]] as const]));
}

function notHere(directory: string, error: unknown): unknown {
  if (!(error instanceof TsbuildError)) return error;
  if (!gitFailed(error)) return refuse('the program "git" cannot be started', 'install git', error);
  const reason = error.message.replace(/^[^:]*: (?:fatal: )?/, '');
  return refuse(
    `${directory} is in no git work tree (${reason})`,
    'run it inside a checkout; in a container, the checkout needs its .git directory too',
    error,
  );
}

/** `asked` null: where this branch left the default branch of `origin`; HEAD without an origin. `REF...`: where it left REF. */
export async function comparedCommit(tree: WorkTree, asked: string | null): Promise<ComparedCommit> {
  if (asked === null) return defaultCommit(tree);
  if (!asked.endsWith('...')) return { commit: await commitOf(tree, asked), shown: await shownAs(tree, asked) };
  const ref = asked.slice(0, -3);
  return mergeBase(tree, ref, await commitOf(tree, ref));
}

async function defaultCommit(tree: WorkTree): Promise<ComparedCommit> {
  for (const ref of ['refs/remotes/origin/HEAD', 'refs/remotes/origin/main', 'refs/remotes/origin/master']) {
    const commit = await findCommit(tree, ref);
    if (commit !== null) return mergeBase(tree, ref.slice('refs/remotes/'.length), commit);
  }
  // Comparing with HEAD would find nothing in a pipeline, and nobody would notice.
  if (await hasOrigin(tree)) throw unknownRef(tree, 'the default branch of origin is not here');
  return { commit: await commitOf(tree, 'HEAD'), shown: await shownAs(tree, 'HEAD') };
}

const hasOrigin = ({ run }: WorkTree): Promise<boolean> => saysYes(run(['config', '--get', 'remote.origin.url']));

async function mergeBase(tree: WorkTree, ref: string, other: string): Promise<ComparedCommit> {
  const head = await commitOf(tree, 'HEAD');
  const answer = await tree.run(['merge-base', '--end-of-options', head, other]).catch((error: unknown) => {
    if (!saidNo(error)) throw error;
    throw unknownRef(tree, `HEAD and ${ref} have no common commit here`);
  });
  const commit = answer.toString('latin1').trim();
  const shown = `${ref} (${commit.slice(0, 8)})`;
  return { commit, shown: commit === head ? `${shown}, which is HEAD` : shown };
}

async function commitOf(tree: WorkTree, ref: string): Promise<string> {
  const commit = await findCommit(tree, ref);
  if (commit !== null) return commit;
  throw unknownRef(
    tree,
    ref === 'HEAD' ? 'HEAD is no commit: nothing is committed yet' : `${JSON.stringify(ref)} is no commit of this repository`,
  );
}

async function findCommit({ run }: WorkTree, ref: string): Promise<string | null> {
  // Text that no ref can be; a NUL could not even be passed on.
  if (!/^[^\p{Cc}]+$/u.test(ref)) return null;
  try {
    return (await run(['rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`])).toString('latin1').trim();
  } catch (error) {
    if (gitFailed(error)) return null;
    throw error;
  }
}

const unknownRef = (tree: WorkTree, message: string): TsbuildError =>
  new TsbuildError({
    code: 'bake/unknown-ref',
    message: `--affected: ${message}`,
    hint: tree.shallow
      ? 'this clone is shallow: fetch more of it (git fetch --unshallow; fetch-depth: 0 on GitHub, GIT_DEPTH: 0 on GitLab)'
      : 'name a commit, branch or tag that is here (--affected=origin/main, --affected=HEAD~1), or fetch it; git remote set-head origin -a asks for the default branch',
  });

async function shownAs(tree: WorkTree, ref: string): Promise<string> {
  const commit = await commitOf(tree, ref);
  return commit.startsWith(ref) ? commit.slice(0, 8) : `${ref} (${commit.slice(0, 8)})`;
}
