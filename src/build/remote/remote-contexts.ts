// The build context from a git repository or an http URL (K-11), for the context resolver.
import type { RemoteContexts } from '../../context/resolve-context.ts';
import { TsbuildError } from '../../core/errors.ts';
import { type GitSource, gitOp, isGitUrl, parseGitUrl } from '../../planner/git-url.ts';
import { asVertex } from '../as-vertex.ts';
import type { BuildRequest } from '../request/build-request.ts';
import type { Session } from '../session.ts';
import { shownUrl } from './http/http-name.ts';
import type { RemoteSources } from './remote-sources.ts';

/** Whether a context is a repository: what ADD takes for one, `github.com/x/y`, and local ones by URL. */
export const isGitContext = (spec: string): boolean => isGitUrl(spec) || /^(?:github\.com|file:\/)\/./.test(spec);

/** Throws build/git when the fragment or query makes no sense; `spec` is a git context. */
export function parseGitContext(spec: string): GitSource {
  const parsed = parseGitUrl(spec, true);
  if (parsed?.ok) return parsed.source;
  throw new TsbuildError({ code: 'build/git', message: `the build context is no usable git URL: ${parsed?.reason ?? 'not a git URL'}` });
}

export function remoteContexts(session: Session, { buildArgs }: Pick<BuildRequest, 'buildArgs'>, sources: RemoteSources): RemoteContexts {
  let time: () => Promise<number | null> = async () => null;
  /** One line of progress per context, as for images. */
  const reported = <T>(name: string, work: () => Promise<T>): Promise<T> =>
    asVertex(session, { id: name, name: `[internal] ${name}` }, work);
  return {
    isGit: isGitContext,
    async checkout(spec) {
      const source = parseGitContext(spec);
      const keep = isSet(buildArgs['BUILDKIT_CONTEXT_KEEP_GIT_DIR']);
      const op = gitOp({ ...source, keepGitDir: source.keepGitDir ?? keep });
      sources.trust(op.url);
      const [git, allowed] = await Promise.all([sources.git(), sources.allowed(op.url)]);
      time = () => git.commitTime(op, allowed);
      return reported('load git source', () => git.directory(op, allowed));
    },
    async download(url) {
      const [http, { parseHttpUrl }] = await Promise.all([sources.http(), import('./http/http-name.ts')]);
      const file = await reported(`load remote context ${shownUrl(parseHttpUrl(url))}`, () => http.get(url));
      time = async () => (file.mtime === 0 ? null : file.mtime);
      return session.blobs.open(file.digest);
    },
    time: () => time(),
  };
}

const isSet = (value: string | undefined): boolean => value !== undefined && /^(?:1|t|true)$/i.test(value);
