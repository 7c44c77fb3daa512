// Which commit a ref of a remote repository is, asked with one `git ls-remote`. Names mean what
// `git checkout` would make of them: the full name first, then a branch, then a tag.
import { TsbuildError } from '../../../core/errors.ts';
import { authConfig, type GitAuth } from './git-auth.ts';
import type { GitProgram } from './git-program.ts';
import type { GitRemote } from './git-remote.ts';

export interface ResolvedRef {
  /** Full hash. */
  readonly commit: string;
  /** Full name of the ref; null when a commit was named. */
  readonly ref: string | null;
  /** Hash of the tag object for annotated tags, else the commit. */
  readonly object: string;
}

const COMMIT = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;
/** What git allows in ref names; glob characters would match other refs. */
const REF = /^(?!-)(?!.*(?:\.\.|@\{|\/\/))[^\0-\x20\x7f~^:?*[\\]+$/;

export const isFullCommit = (text: string): boolean => COMMIT.test(text);

/** Null when `ref` names a commit itself, which needs no question. */
export function checkedRef(remote: GitRemote, ref: string | undefined): string | null {
  if (ref === undefined) return 'HEAD';
  if (isFullCommit(ref)) return null;
  if (REF.test(ref)) return ref;
  throw new TsbuildError({
    code: 'build/git',
    message: `${remote.shown}: ${JSON.stringify(ref.slice(0, 200))} is no name of a branch, tag or commit`,
  });
}

export async function resolveRef(git: GitProgram, remote: GitRemote, auth: GitAuth | null, ref: string): Promise<ResolvedRef> {
  const patterns = ref === 'HEAD' ? ['HEAD'] : [ref, `${ref}^{}`];
  const answer = await git.run({
    args: ['ls-remote', '--symref', '--', remote.url, ...patterns],
    protocols: protocolsOf(remote),
    config: authConfig(auth),
    shown: remote.shown,
  });
  const { hashes, head } = parseAnswer(answer.toString('utf8'));
  const candidates =
    ref === 'HEAD'
      ? ['HEAD']
      : [`refs/${strip(ref, 'refs/')}`, `refs/heads/${strip(ref, 'refs/heads/')}`, `refs/tags/${strip(ref, 'refs/tags/')}`];
  for (const name of candidates) {
    const object = hashes.get(name);
    if (object === undefined) continue;
    return { commit: hashes.get(`${name}^{}`) ?? object, ref: name === 'HEAD' ? head : name, object };
  }
  throw new TsbuildError({
    code: 'build/git',
    message: `${remote.shown}: repository does not contain ref ${ref}`,
    hint: /^[0-9a-f]{7,63}$/.test(ref)
      ? 'A commit is named by its full hash.'
      : 'Name a branch, a tag, a full ref such as refs/pull/1/head, or the full hash of a commit.',
    data: { ref },
  });
}

/** Redirects may lead from http to https. */
export const protocolsOf = ({ transport }: GitRemote): readonly string[] => (transport === 'http' ? ['http', 'https'] : [transport]);

const strip = (text: string, prefix: string): string => (text.startsWith(prefix) ? text.slice(prefix.length) : text);

function parseAnswer(text: string): { readonly hashes: ReadonlyMap<string, string>; readonly head: string | null } {
  const hashes = new Map<string, string>();
  let head: string | null = null;
  for (const line of text.split('\n')) {
    const [value = '', name = ''] = line.split('\t');
    if (COMMIT.test(value)) hashes.set(name, value);
    else if (name === 'HEAD' && /^ref: refs\/heads\/./.test(value)) head = value.slice('ref: '.length);
  }
  return { hashes, head };
}
