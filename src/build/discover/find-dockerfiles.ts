// Every file of a directory whose name says that it is a Dockerfile, except what git ignores.
import { type Dirent, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import fastGlob from 'fast-glob';
import { errnoOf, TsbuildError } from '../../core/errors.ts';
import { GitIgnores } from './git-ignores.ts';

/** Podman calls them Containerfile; a name in small letters is found by builds as well. */
const PATTERNS = ['Dockerfile', 'dockerfile', 'Containerfile'].flatMap((name) => [`**/${name}`, `**/${name}.*`, `**/*.${name}`]);

/** Packages bring Dockerfiles of their own; ignore files are none. */
const NEVER = ['**/.git', '**/node_modules', '**/*.dockerignore'];

/** Paths below `directory`, sorted. Throws 'bake/no-dockerfile' when the directory cannot be read. */
export function findDockerfiles(directory: string): readonly string[] {
  const ignores = new GitIgnores(directory);
  const isShown = (path: string, entry: Dirent): boolean =>
    // A replaced byte: the name is not UTF-8, and no definition could name it.
    !entry.name.includes('\ufffd') && !ignores.ignores(path, entry.isDirectory());
  const list = (path: string): Dirent[] => {
    try {
      return readdirSync(path, { withFileTypes: true }).filter((entry) => isShown(join(path, entry.name), entry));
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === undefined || path === directory) throw unreadable(path, errno, error);
      return [];
    }
  };
  const found = fastGlob.globSync(PATTERNS, {
    cwd: directory,
    dot: true,
    // Links to files count, links to directories are not entered.
    onlyFiles: false,
    followSymbolicLinks: false,
    ignore: NEVER,
    fs: { readdirSync: ((path: string) => list(path)) as unknown as typeof readdirSync },
  });
  return found.filter((path) => isFile(join(directory, path))).sort();
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

const unreadable = (path: string, errno: string | undefined, cause: unknown): TsbuildError =>
  new TsbuildError({ code: 'bake/no-dockerfile', message: `cannot read ${path} (${errno ?? 'unknown error'})`, cause });
