// Which paths of a work tree git is told to ignore: .gitignore of every directory, and .git/info/exclude.
// All patterns are in one list, those of deeper directories last and bound to their directory: so the last
// match decides, as in git, also where a deeper file takes back what a higher one ignores.
import { lstatSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import ignore, { type Ignore } from 'ignore';
import { errnoOf } from '../../core/errors.ts';

export class GitIgnores {
  /** Top of the work tree that `directory` is in, or the directory itself outside of any. */
  readonly top: string;
  readonly #rules: Ignore;
  readonly #seen = new Set<string>();

  constructor(directory: string) {
    const top = topOf(directory);
    this.top = top ?? directory;
    this.#rules = ignore({ ignorecase: false, allowRelativePaths: false });
    if (top !== null) this.#rules.add(linesOf(readOptional(join(gitDirectory(top), 'info/exclude'))).join('\n'));
    this.#enter(directory);
  }

  /** `path` is absolute, and everything above it was found not to be ignored. */
  ignores(path: string, isDirectory: boolean): boolean {
    this.#enter(dirname(path));
    const below = relative(this.top, path);
    if (below === '' || below.startsWith('../')) return false;
    return this.#rules.ignores(isDirectory ? `${below}/` : below);
  }

  /** Adds the patterns of a directory and of those above it, once. */
  #enter(directory: string): void {
    if (this.#seen.has(directory)) return;
    this.#seen.add(directory);
    const below = relative(this.top, directory);
    if (below.startsWith('..')) return;
    if (below !== '') this.#enter(dirname(directory));
    const lines = linesOf(readOptional(join(directory, '.gitignore')));
    if (lines.length > 0) this.#rules.add(lines.map((line) => boundTo(below, line)).join('\n'));
  }
}

function topOf(directory: string): string | null {
  for (let at = resolve(directory); ; at = dirname(at)) {
    if (lstatSync(join(at, '.git'), { throwIfNoEntry: false }) !== undefined) return at;
    if (dirname(at) === at) return null;
  }
}

/** Linked work trees and submodules have a file that names it; info/ is that of the repository. */
function gitDirectory(top: string): string {
  const path = join(top, '.git');
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return path;
  const named = /^gitdir: (.*?)\r?\n?$/.exec(readOptional(path))?.[1];
  if (named === undefined) return path;
  const directory = resolve(top, named);
  const common = readOptional(join(directory, 'commondir')).trim();
  return common === '' ? directory : resolve(directory, common);
}

const LARGEST = 1024 * 1024;

/** Text of a small regular file; '' without one. */
function readOptional(path: string): string {
  try {
    const stats = lstatSync(path);
    return stats.isFile() && stats.size <= LARGEST ? readFileSync(path, 'utf8').replace(/^\ufeff/, '') : '';
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return '';
  }
}

const linesOf = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => withoutTrailingSpaces(line.replace(/\r$/, '')))
    .filter((line) => !line.startsWith('#') && !/^!?\/*$/.test(line));

/** A backslash keeps the space after it. */
function withoutTrailingSpaces(line: string): string {
  let end = 0;
  for (let at = 0; at < line.length; at += 1) {
    const escaped = line[at] === '\\';
    if (escaped) at += 1;
    if (escaped || line[at] !== ' ') end = Math.min(at + 1, line.length);
  }
  return line.slice(0, end);
}

/** The same pattern of a file at the top. */
function boundTo(directory: string, line: string): string {
  if (directory === '') return line;
  const negated = line.startsWith('!');
  const body = negated ? line.slice(1) : line;
  const anchored = body.replace(/\/$/, '').includes('/');
  const prefix = directory.replace(/[\\*?[\]!# ]/g, '\\$&');
  return `${negated ? '!' : ''}/${prefix}/${anchored ? body.replace(/^\//, '') : `**/${body}`}`;
}
