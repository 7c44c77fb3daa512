// What a build reads before planning: the context, the Dockerfile and the named contexts.
import { join } from 'node:path';
import { TEMP_DIR } from '../cache/store-layout.ts';
import type { Ownership } from '../context/directory-nodes.ts';
import type { LocalTree } from '../context/local-tree.ts';
import type { OpenDirectories, OpenedDirectory } from '../context/open-directories.ts';
import { resolveContext } from '../context/resolve-context.ts';
import { walkTree } from '../context/walk-tree.ts';
import { hasErrors } from '../core/diagnostic.ts';
import { InvariantError } from '../core/errors.ts';
import type { SourceFile } from '../core/span.ts';
import type { NamedContext } from '../planner/facts.ts';
import { parseGitContext, remoteContexts } from './remote/remote-contexts.ts';
import type { RemoteSources } from './remote/remote-sources.ts';
import { type BuildRequest, DockerfileError } from './request/build-request.ts';
import { parseNamedContext } from './request/named-context.ts';
import type { Session } from './session.ts';

export interface BuildInputs {
  readonly dockerfile: SourceFile;
  readonly named: Readonly<Record<string, NamedContext>>;
  /** Tree of the context ('') or of a named local context. Opened once. */
  local(name: string): LocalTree;
  /** Directory and ignore rules behind it, for bind mounts. */
  directory(name: string): {
    readonly path: string;
    readonly excludes: readonly string[];
    /** Owners and modes that the directory itself cannot show. */
    readonly owners: ReadonlyMap<string, Ownership>;
  };
  /** Seconds since the epoch of the build context; null for directories (Z-01). */
  time(): Promise<number | null>;
  /** Removes what unpacking a context from stdin left behind. */
  close(): void;
}

export async function openInputs(
  session: Session,
  request: BuildRequest,
  remotes: RemoteSources,
  directories: OpenDirectories,
): Promise<BuildInputs> {
  const workingDirectory = process.cwd();
  const named = openNamed(request, remotes, workingDirectory);
  const remote = remoteContexts(session, request, remotes);
  const context = await resolveContext({
    spec: request.context,
    ...(request.dockerfile === undefined ? {} : { dockerfile: request.dockerfile }),
    workingDirectory,
    stdin: () => request.stdin,
    temporary: join(session.root, TEMP_DIR),
    remote,
    directories,
  });
  const opened = new Map<string, OpenedDirectory>([['', context]]);
  const open = (name: string): OpenedDirectory => {
    const known = opened.get(name);
    if (known !== undefined) return known;
    const source = named[name];
    if (source?.type !== 'local') throw new InvariantError(`no local context ${JSON.stringify(name)}`);
    const directory = directories.open(source.path, { label: `context ${JSON.stringify(name)}` });
    opened.set(name, refuseBadPatterns(directory));
    return directory;
  };
  try {
    refuseBadPatterns(context);
  } catch (error) {
    context.close();
    throw error;
  }
  return {
    dockerfile: context.dockerfile,
    named,
    local: (name) => open(name).tree,
    directory(name) {
      const { tree, rules } = open(name);
      return { path: tree.root, excludes: rules.map((rule) => rule.pattern), owners: name === '' ? context.owners : NO_OWNERS };
    },
    time: () => timeOf(request.context, context.tree, remote.time),
    close: () => context.close(),
  };
}

const NO_OWNERS: ReadonlyMap<string, Ownership> = new Map();

function openNamed(request: BuildRequest, remotes: RemoteSources, workingDirectory: string): Record<string, NamedContext> {
  const named: Record<string, NamedContext> = {};
  for (const [name, source] of Object.entries(request.namedContexts)) {
    const context = parseNamedContext(name, source, workingDirectory);
    if (context.type === 'git') remotes.trust(parseGitContext(source).url);
    named[name] = context;
  }
  return named;
}

/** An archive is as old as its newest file, unless the server says otherwise. */
async function timeOf(spec: string, tree: LocalTree, fetched: () => Promise<number | null>): Promise<number | null> {
  const time = await fetched();
  if (time !== null || (spec !== '-' && !/^https?:\/\//.test(spec))) return time;
  let newest: number | null = null;
  const root = tree.lstat('');
  if (root === null) return null;
  for (const { entry, relative } of walkTree(tree, root)) if (relative !== '') newest = Math.max(newest ?? 0, entry.mtime);
  return newest;
}

function refuseBadPatterns(directory: OpenedDirectory): OpenedDirectory {
  if (hasErrors(directory.diagnostics)) throw new DockerfileError({ name: '.dockerignore', text: '' }, directory.diagnostics);
  return directory;
}
