// Where a repository that was asked with credentials has moved to. Git itself would send the credentials
// along (CVE-2020-15157 class), so with credentials it follows nothing, and this looks at the answer.
import { TsbuildError } from '../../../core/errors.ts';
import { registryEnvironment } from '../../../push/registry/environment.ts';
import { systemTrust } from '../../../push/registry/http/tls-trust.ts';
import { createTransport } from '../../../push/registry/http/transport.ts';
import type { GitAuth } from './git-auth.ts';
import { type GitRemote, IN_SUBMODULE, parseGitRemote } from './git-remote.ts';

const DISCOVERY = '/info/refs';
const IDLE = 30_000;

/** Null when the server does not redirect; an error when it redirects to another host. */
export async function redirectedRemote(remote: GitRemote, auth: GitAuth, signal: AbortSignal): Promise<GitRemote | null> {
  const transport = createTransport(process.env);
  try {
    const url = new URL(`${remote.url}${DISCOVERY}?service=git-upload-pack`);
    const response = await transport.send({
      method: 'GET',
      url,
      headers: { 'user-agent': 'git/tsbuild', authorization: auth.header },
      trust: () => systemTrust(registryEnvironment(process.env)),
      idleTimeout: IDLE,
      signal,
    });
    response.body.destroy();
    const { location } = response.headers;
    if (response.status < 300 || response.status >= 400 || location === undefined || !URL.canParse(location, url.href)) return null;
    return movedTo(remote, url, new URL(location, url));
  } catch (error) {
    if (error instanceof TsbuildError || signal.aborted) throw error;
    return null;
  } finally {
    transport.close();
  }
}

function movedTo(remote: GitRemote, from: URL, to: URL): GitRemote | null {
  if (!to.pathname.endsWith(DISCOVERY) || (to.pathname === from.pathname && to.origin === from.origin)) return null;
  const base = `${to.origin}${to.pathname.slice(0, -DISCOVERY.length)}`;
  const upgraded = from.protocol === 'http:' && to.protocol === 'https:' && from.port === '' && to.port === '';
  if (to.hostname === from.hostname && (to.origin === from.origin || upgraded)) return parseGitRemote(base, IN_SUBMODULE);
  throw new TsbuildError({
    code: 'build/git',
    message: `${remote.shown} redirects to ${to.origin}, and credentials are not sent to another host`,
    hint: `Use the address that it moved to: ${base}`,
  });
}
