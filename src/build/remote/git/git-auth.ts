// Credentials for git over http (D-16): GIT_AUTH_HEADER and GIT_AUTH_TOKEN, for all hosts or one
// (`GIT_AUTH_TOKEN.git.example.com`), or those of the URL. They are bound to the repository's own URL, so
// that neither a submodule nor a redirect takes them elsewhere.
import type { SecretSource } from '../../request/build-request.ts';
import { headerSecret } from '../../request/secret-values.ts';
import type { GitRemote } from './git-remote.ts';

export interface GitAuth {
  /** Beginning of the URLs it is for. */
  readonly scope: string;
  /** Value of the Authorization header. */
  readonly header: string;
}

const basic = (userInfo: string): string => `Basic ${Buffer.from(userInfo, 'utf8').toString('base64')}`;

/** What the user gave for a repository named by the command line or a Dockerfile. */
export function gitAuth(remote: GitRemote, secrets: Readonly<Record<string, SecretSource>>): GitAuth | null {
  if (remote.transport !== 'http' && remote.transport !== 'https') return null;
  const scope = scopeOf(remote);
  for (const suffix of [`.${remote.host}`, '']) {
    const header = headerSecret(secrets, `GIT_AUTH_HEADER${suffix}`);
    if (header !== null) return { scope, header };
    const token = headerSecret(secrets, `GIT_AUTH_TOKEN${suffix}`);
    if (token !== null) return { scope, header: basic(`x-access-token:${token}`) };
  }
  return remote.userInfo === null ? null : { scope: remote.url, header: basic(remote.userInfo) };
}

/** A token for one repository of github.com serves its submodules there too, as in Docker. */
const scopeOf = (remote: GitRemote): string => (remote.url.startsWith('https://github.com/') ? 'https://github.com/' : remote.url);

/** What of the parent's credentials a submodule gets. */
export const submoduleAuth = (remote: GitRemote, parent: GitAuth | null): GitAuth | null =>
  parent !== null && (remote.url === parent.scope || (parent.scope.endsWith('/') && remote.url.startsWith(parent.scope))) ? parent : null;

/** With credentials no redirect is followed by git: it would send them along. */
export const authConfig = (auth: GitAuth | null): readonly (readonly [string, string])[] =>
  auth === null
    ? []
    : [
        [`http.${auth.scope}.extraheader`, `Authorization: ${auth.header}`],
        ['http.followRedirects', 'false'],
      ];
