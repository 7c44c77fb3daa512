// A git URL taken apart and checked before git sees it: only known transports, nothing git or ssh could
// read as an option, no user names or passwords on a command line (CVE-2017-1000117 and its kin).
import { isIP } from 'node:net';
import { displayText } from '../../../core/display-text.ts';
import { TsbuildError } from '../../../core/errors.ts';

export type GitTransport = 'http' | 'https' | 'ssh' | 'git' | 'file';

export interface GitRemote {
  /** What git gets: no password, no query, no fragment. */
  readonly url: string;
  /** For messages and for `remote.origin.url`: without user and password. */
  readonly shown: string;
  readonly transport: GitTransport;
  /** Host with port; '' for files. */
  readonly host: string;
  /** `user:password` of an http URL, to be sent as a header; null without. */
  readonly userInfo: string | null;
}

/** What a command line may name. */
export const TOP_LEVEL: ReadonlySet<GitTransport> = new Set(['http', 'https', 'ssh', 'git', 'file']);
/** What a Dockerfile may name. */
export const IN_DOCKERFILE: ReadonlySet<GitTransport> = new Set(['http', 'https', 'ssh', 'git']);
/** What a repository may name: nothing local, nothing without authentication of the server's choosing. */
export const IN_SUBMODULE: ReadonlySet<GitTransport> = new Set(['http', 'https', 'ssh']);

const SCP = /^([^@/:]+)@([^@/:]+):(.*)$/s;
const USER = /^[A-Za-z0-9_.][A-Za-z0-9_.-]*$/;
const HOST_NAME = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?\.?$/;

/** Throws build/git with the reason; credentials never show. */
export function parseGitRemote(text: string, allowed: ReadonlySet<GitTransport>): GitRemote {
  // Control characters and blanks have no place in a URL, and a newline would end a line of git's protocols.
  if (/[\0-\x20\x7f]/.test(text)) throw refused(text, 'it has blanks or control characters');
  if (text.startsWith('-')) throw refused(text, 'it starts like an option');
  const remote = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? fromUrl(text) : fromScp(text);
  if (!allowed.has(remote.transport)) throw refused(text, `${remote.transport} is not allowed here`);
  return remote;
}

function fromScp(text: string): GitRemote {
  const [, user = '', host = '', path = ''] = SCP.exec(text) ?? [];
  if (path === '') throw refused(text, 'it is no URL that git repositories are fetched from');
  if (!USER.test(user) || !HOST_NAME.test(host) || path.startsWith('-')) throw refused(text, 'user, host or path is malformed');
  return { url: text, shown: `${host}:${path}`, transport: 'ssh', host, userInfo: null };
}

const TRANSPORTS: Readonly<Record<string, GitTransport>> = {
  'http:': 'http',
  'https:': 'https',
  'ssh:': 'ssh',
  'git:': 'git',
  'file:': 'file',
};

function fromUrl(text: string): GitRemote {
  const url = URL.canParse(text) ? new URL(text) : null;
  const transport = url === null ? undefined : TRANSPORTS[url.protocol];
  if (url === null || transport === undefined) throw refused(text, 'it is no URL that git repositories are fetched from');
  if (transport === 'file') {
    if (url.host !== '' || url.pathname === '/') throw refused(text, 'write it as file:///PATH');
    return { url: `file://${url.pathname}`, shown: `file://${url.pathname}`, transport, host: '', userInfo: null };
  }
  const name = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (!HOST_NAME.test(name) && isIP(name) === 0) throw refused(text, 'the host is malformed');
  const shown = `${url.protocol}//${url.host}${url.pathname}`;
  if (transport !== 'ssh') return { url: shown, shown, transport, host: url.host, userInfo: transport === 'git' ? null : userInfoOf(url) };
  if (url.username !== '' && !USER.test(url.username)) throw refused(text, 'the user is malformed');
  const user = url.username === '' ? '' : `${url.username}@`;
  return { url: `ssh://${user}${url.host}${url.pathname}`, shown, transport, host: url.host, userInfo: null };
}

function userInfoOf(url: URL): string | null {
  if (url.username === '' && url.password === '') return null;
  try {
    return `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  } catch {
    throw refused(url.href, 'user or password is malformed');
  }
}

const SHOWN_LENGTH = 200;

/** Everything before an `@` may be a password. */
const withoutUser = (text: string): string => displayText(text.replace(/^([a-z][a-z0-9+.-]*:\/\/)?[^/]*@/is, '$1')).slice(0, SHOWN_LENGTH);

const refused = (text: string, why: string): TsbuildError =>
  new TsbuildError({
    code: 'build/git',
    message: `git repository ${JSON.stringify(withoutUser(text))} is refused: ${why}`,
    hint: 'Repositories are fetched from https, http, ssh and git URLs, and from user@host:path.',
  });

/** URL of a submodule: as written, or relative to the repository that names it. Null when `..` climbs too far. */
export function submoduleUrl(parent: GitRemote, text: string): string | null {
  if (!/^\.\.?(?:\/|$)/.test(text)) return text;
  const scp = SCP.exec(parent.url);
  const base = /^[a-z]+:\/\//.test(parent.url) || scp === null ? parent.url : `${scp[1]}@${scp[2]}:`;
  const rest = base === parent.url ? '' : (scp?.[3] ?? '');
  const match = /^([a-z]+:\/\/[^/]*)(\/.*)$/s.exec(base);
  const prefix = match?.[1] ?? base;
  const parts = (match?.[2] ?? rest).split('/').filter((part, at) => part !== '' || at === 0);
  for (const part of text.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.length === 0 || parts.pop() === '') return null;
  }
  return `${prefix}${parts.join('/')}`;
}
