// A checkout with its `.git` (--keep-git-dir): a shallow repository of the one commit, laid out as git
// itself does, with those of submodules below `.git/modules` and only relative paths between them.
import { chmodSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { commitRef, type GitMirror } from './git-mirror.ts';
import type { GitProgram } from './git-program.ts';
import type { ResolvedRef } from './resolve-ref.ts';

export interface GitDirectoryRequest {
  readonly git: GitProgram;
  readonly mirror: GitMirror;
  readonly wanted: ResolvedRef;
  /** Top of the whole checkout. */
  readonly top: string;
  /** Path of this repository below it; '' is the top itself. */
  readonly at: string;
}

/** Makes the repository and writes its files. */
export async function makeGitDirectory({ git, mirror, wanted, top, at }: GitDirectoryRequest): Promise<void> {
  const { commit, ref } = wanted;
  const workTree = join(top, at);
  const gitDir = at === '' ? join(top, '.git') : join(top, '.git', 'modules', at);
  const from = mirror.gitDir(commit);
  const shown = mirror.remote.shown;
  makeOpenDirectory(gitDir);
  const run = (args: readonly string[], extra: object = {}): Promise<Buffer> => git.run({ args, gitDir, workTree, shown, ...extra });
  await git.run({
    args: ['init', '--quiet', '--template=', ...(commit.length === 64 ? ['--object-format=sha256'] : [])],
    gitDir,
    workTree,
    shown,
  });
  const source = commitRef(commit);
  await run(
    [
      'fetch',
      '--quiet',
      '--depth=1',
      '--no-tags',
      '--no-write-fetch-head',
      '--update-head-ok',
      '--',
      pathToFileURL(from).href,
      ref === null ? source : `+${source}:${ref}`,
    ],
    {
      protocols: ['file'],
      config: [['safe.directory', from]],
    },
  );
  writeOpenFile(join(gitDir, 'HEAD'), `${commit}\n`);
  await run(['read-tree', commit]);
  await run(['checkout-index', '--all', '--force', '--quiet']);
  await run(['config', 'remote.origin.url', shown]);
  await run(['config', 'remote.origin.fetch', '+refs/heads/*:refs/remotes/origin/*']);
  rmSync(join(gitDir, 'FETCH_HEAD'), { force: true });
  if (at === '') {
    await run(['config', '--unset-all', 'core.worktree']).catch(() => undefined);
    return;
  }
  writeOpenFile(join(workTree, '.git'), `gitdir: ${relative(workTree, gitDir)}\n`);
  await run(['config', 'core.worktree', relative(gitDir, workTree)]);
}

/** With what is missing above it; modes do not depend on the umask. */
export function makeOpenDirectory(path: string): void {
  if (existsSync(path)) return;
  makeOpenDirectory(dirname(path));
  mkdirSync(path);
  chmodSync(path, 0o755);
}

function writeOpenFile(path: string, text: string): void {
  writeFileSync(path, text);
  chmodSync(path, 0o644);
}
