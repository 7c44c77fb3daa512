// A real git repository with files of a test's choice.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export interface TestRepository {
  /** Top of the work tree, without links. */
  readonly top: string;
  git(...args: readonly string[]): string;
  write(files: Readonly<Record<string, string | Uint8Array>>): void;
  /** Commits all there is. */
  commit(): void;
  /** Makes the work tree as a fresh checkout of HEAD would be. */
  restore(): void;
  dispose(): void;
}

const ENVIRONMENT = {
  PATH: process.env['PATH'],
  HOME: '/nonexistent',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'test',
  GIT_AUTHOR_EMAIL: 'test@test',
  GIT_COMMITTER_NAME: 'test',
  GIT_COMMITTER_EMAIL: 'test@test',
};

/** With `files` committed. */
export function openRepository(files: Readonly<Record<string, string | Uint8Array>>, top?: string): TestRepository {
  const directory = top ?? realpathSync(mkdtempSync(join(tmpdir(), 'tsbuild-repository-')));
  mkdirSync(directory, { recursive: true });
  const git = (...args: readonly string[]): string =>
    execFileSync('git', args, { cwd: directory, env: ENVIRONMENT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  const repository: TestRepository = {
    top: directory,
    git,
    write(some) {
      for (const [name, content] of Object.entries(some)) {
        mkdirSync(dirname(join(directory, name)), { recursive: true });
        writeFileSync(join(directory, name), content);
      }
    },
    commit() {
      git('add', '--all', '--force');
      git('commit', '--quiet', '--allow-empty', '-m', 'state');
    },
    restore() {
      for (const name of readdirSync(directory)) if (name !== '.git') rmSync(join(directory, name), { recursive: true, force: true });
      git('reset', '--quiet', '--hard');
    },
    dispose: () => rmSync(directory, { recursive: true, force: true }),
  };
  git('init', '--quiet', '--initial-branch=main');
  repository.write(files);
  repository.commit();
  return repository;
}
