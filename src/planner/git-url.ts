// Git sources of ADD and named contexts: what counts as one, and its fragment and query (D-11…D-14).

import type { GitOp } from '../graph/op.ts';

export interface GitSource {
  readonly url: string;
  readonly ref?: string;
  readonly subdir?: string;
  readonly checksum?: string;
  readonly keepGitDir?: boolean;
  readonly submodules?: boolean;
  /** Times of files: the commit's instead of the checkout's. */
  readonly commitTime?: boolean;
}

export type GitUrlResult = { readonly ok: true; readonly source: GitSource } | { readonly ok: false; readonly reason: string };

/** `user@host:path` with optional query and fragment. */
const SCP = /^[A-Za-z0-9_-]+@[A-Za-z0-9.-]+:/;
const PROTOCOL = /^(?:git|ssh):\/\//i;
const HTTP_GIT = /^https?:\/\/[^?#]*\.git(?:[?#]|$)/i;

/** Whether ADD treats the text as git; null from `parseGitUrl` otherwise. */
export const isGitUrl = (text: string): boolean => text.includes(':') && (SCP.test(text) || PROTOCOL.test(text) || HTTP_GIT.test(text));

class GitUrlProblem {
  readonly reason: string;
  constructor(reason: string) {
    this.reason = reason;
  }
}

type Draft = { -readonly [K in keyof GitSource]: GitSource[K] };

/** Null when the text is no git source. Contexts also take `github.com/x/y`. */
export function parseGitUrl(text: string, asContext = false): GitUrlResult | null {
  if (asContext && text.startsWith('github.com/')) return parseGitUrl(`https://${text.replace(/(?:\.git)?(?=[?#]|$)/, '.git')}`);
  if (!isGitUrl(text) && !asContext) return null;
  const hash = text.indexOf('#');
  const fragment = hash === -1 ? '' : text.slice(hash + 1);
  const beforeHash = hash === -1 ? text : text.slice(0, hash);
  const mark = beforeHash.indexOf('?');
  const draft: Draft = { url: mark === -1 ? beforeHash : beforeHash.slice(0, mark) };
  try {
    applyFragment(draft, fragment);
    if (mark !== -1) applyQuery(draft, beforeHash.slice(mark + 1));
    return { ok: true, source: draft };
  } catch (error) {
    if (error instanceof GitUrlProblem) return { ok: false, reason: error.reason };
    throw error;
  }
}

/** `#ref[:subdir]`. */
function applyFragment(draft: Draft, fragment: string): void {
  const colon = fragment.indexOf(':');
  const ref = colon === -1 ? fragment : fragment.slice(0, colon);
  const subdir = colon === -1 ? '' : fragment.slice(colon + 1);
  if (ref !== '') draft.ref = ref;
  if (subdir !== '') draft.subdir = subdir;
}

function applyQuery(draft: Draft, query: string): void {
  const named = { tag: '', branch: '' };
  const seen = new Set<string>();
  for (const [name, value] of new URLSearchParams(query)) {
    if (value === '') throw new GitUrlProblem(`query ${JSON.stringify(name)} has no value`);
    if (seen.has(name)) throw new GitUrlProblem(`query ${JSON.stringify(name)} has multiple values`);
    seen.add(name);
    if (name === 'tag' || name === 'branch') named[name] = value;
    else applyQueryField(draft, name, value);
  }
  if (named.tag !== '' && named.branch !== '') throw new GitUrlProblem('branch conflicts with a tag');
  if (named.tag !== '') setOnce(draft, 'ref', withPrefix('refs/tags/', named.tag));
  if (named.branch !== '') setOnce(draft, 'ref', withPrefix('refs/heads/', named.branch));
}

function applyQueryField(draft: Draft, name: string, value: string): void {
  switch (name) {
    case 'ref':
    case 'subdir':
      setOnce(draft, name, value);
      return;
    case 'checksum':
    case 'commit':
      if (!isCommit(value)) throw new GitUrlProblem(`expected hex commit hash, found ${JSON.stringify(value)}`);
      setOnce(draft, 'checksum', value);
      return;
    case 'keep-git-dir':
      draft.keepGitDir = queryFlag(name, value);
      return;
    case 'submodules':
      draft.submodules = queryFlag(name, value);
      return;
    case 'mtime':
      if (value !== 'checkout' && value !== 'commit') throw new GitUrlProblem(`invalid mtime value: ${JSON.stringify(value)}`);
      if (value === 'commit') draft.commitTime = true;
      return;
    case 'fetch-by-commit':
      // Only how the commit is fetched: the result is the same.
      queryFlag(name, value);
      return;
    default:
      throw new GitUrlProblem(`unexpected query ${JSON.stringify(name)}`);
  }
}

function setOnce(draft: Draft, name: 'ref' | 'subdir' | 'checksum', value: string): void {
  const before = draft[name];
  if (before !== undefined && before !== value) {
    throw new GitUrlProblem(`${name} conflicts: ${JSON.stringify(before)} vs ${JSON.stringify(value)}`);
  }
  draft[name] = value;
}

function queryFlag(name: string, value: string): boolean {
  if (/^(?:1|t|true)$/i.test(value)) return true;
  if (/^(?:0|f|false)$/i.test(value)) return false;
  throw new GitUrlProblem(`invalid ${name} value: ${JSON.stringify(value)}`);
}

const withPrefix = (prefix: string, name: string): string => (name.startsWith(prefix) ? name : prefix + name);

/** A full or abbreviated commit hash (D-10). */
export const isCommit = (text: string): boolean => /^[0-9a-f]{7,64}$/.test(text);

/** `.git` is kept only for whole checkouts (D-14). */
export const gitOp = (source: GitSource): GitOp => ({
  type: 'git',
  url: source.url,
  ...(source.ref !== undefined && { ref: source.ref }),
  ...(source.subdir !== undefined && { subdir: source.subdir }),
  keepGitDir: (source.keepGitDir ?? false) && source.subdir === undefined,
  submodules: source.submodules ?? true,
  ...(source.checksum !== undefined && { checksum: source.checksum }),
  ...(source.commitTime && { commitTime: true }),
});
