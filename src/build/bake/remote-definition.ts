// `tsbuild bake URL [TARGET…]`: definition files from a git repository, which is then also the context
// of targets that have a path in it.
import { realpathSync } from 'node:fs';
import { join, posix } from 'node:path';
import { Readable } from 'node:stream';
import type { BakeTarget } from '../../bake/bake-target.ts';
import { linkedName } from '../../bake/target-graph.ts';
import { TsbuildError } from '../../core/errors.ts';
import type { BuildRequest } from '../build-request.ts';
import { isGitContext, remoteContexts } from '../remote/remote-contexts.ts';
import { RemoteSources } from '../remote/remote-sources.ts';
import type { Session } from '../session.ts';

export interface RemoteDefinition {
  /** As typed. */
  readonly url: string;
  /** The checkout. */
  readonly directory: string;
}

/** The URL of a remote definition, or null when the first argument is the name of a target. */
export function remoteUrl(argument: string | undefined): string | null {
  if (argument === undefined) return null;
  if (isGitContext(argument)) return argument;
  if (!/^https?:\/\//.test(argument)) return null;
  throw new TsbuildError({
    code: 'bake/remote',
    message: `${argument} is no git repository`,
    hint: 'a remote definition is a git URL, like https://host/repo.git#branch',
  });
}

/** Throws 'build/git' when the repository cannot be fetched. */
export async function fetchDefinition(session: Session, url: string): Promise<RemoteDefinition> {
  const request = { secrets: {}, ssh: {}, buildArgs: {}, stdin: Readable.from([]) } as unknown as BuildRequest;
  const sources = new RemoteSources(session, request);
  try {
    return { url, directory: await remoteContexts(session, request, sources).checkout(url, '') };
  } finally {
    await sources.close();
  }
}

/** Path of a file of the checkout; links that lead out of it are refused. Throws ENOENT errors as they are. */
export function definitionPath(remote: RemoteDefinition, name: string): string {
  const root = realpathSync(remote.directory);
  const path = realpathSync(join(root, name));
  if (path === root || path.startsWith(`${root}/`)) return path;
  throw new TsbuildError({ code: 'bake/remote', message: `${name} of ${remote.url} leads out of the repository` });
}

/** The target with paths of the repository as git contexts; `cwd://` paths stay on this machine. */
export function remoteTarget(target: BakeTarget, remote: RemoteDefinition): BakeTarget {
  const contexts = [...(target.contexts ?? [])].map(
    ([name, source]) => [name, linkedName(source) === null ? inRepository(source, remote.url) : source] as const,
  );
  return {
    ...target,
    context: inRepository(target.context, remote.url),
    ...(contexts.length === 0 ? {} : { contexts: new Map(contexts) }),
  };
}

function inRepository(source: string, url: string): string {
  if (/^[a-z][a-z0-9+.-]*:\/\/|^git@|^github\.com\/|^\//.test(source)) return source;
  const hash = url.indexOf('#');
  const [repository, fragment] = hash === -1 ? [url, ''] : [url.slice(0, hash), url.slice(hash + 1)];
  const [ref = '', base = ''] = fragment.split(':');
  const path = posix.join('/', base, posix.join('/', source)).slice(1);
  return ref === '' && path === '' ? repository : `${repository}#${ref}${path === '' ? '' : `:${path.replace(/\/$/, '')}`}`;
}
