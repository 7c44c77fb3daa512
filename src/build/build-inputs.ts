// What a build reads before planning: the context, the Dockerfile and the named contexts.
import { join } from 'node:path';
import type { LocalTree } from '../context/local-tree.ts';
import { type OpenedDirectory, openContextDirectory, resolveContext } from '../context/resolve-context.ts';
import { hasErrors } from '../core/diagnostic.ts';
import { InvariantError } from '../core/errors.ts';
import type { SourceFile } from '../core/span.ts';
import type { NamedContext } from '../planner/facts.ts';
import { type BuildRequest, DockerfileError } from './build-request.ts';
import { parseNamedContext } from './named-context.ts';
import type { Session } from './session.ts';

export interface BuildInputs {
  readonly dockerfile: SourceFile;
  readonly named: Readonly<Record<string, NamedContext>>;
  /** Tree of the context ('') or of a named local context. Opened once. */
  local(name: string): LocalTree;
  /** Directory and ignore rules behind it, for bind mounts. */
  directory(name: string): { readonly path: string; readonly excludes: readonly string[] };
  /** Removes what unpacking a context from stdin left behind. */
  close(): void;
}

export async function openInputs(session: Session, request: BuildRequest, workingDirectory: string): Promise<BuildInputs> {
  const named = Object.fromEntries(Object.entries(request.namedContexts).map(([name, source]) => [name, parseNamedContext(name, source)]));
  const context = await resolveContext({
    spec: request.context,
    ...(request.dockerfile === undefined ? {} : { dockerfile: request.dockerfile }),
    workingDirectory,
    stdin: () => request.stdin,
    temporary: join(session.root, 'tmp-v1'),
  });
  const opened = new Map<string, OpenedDirectory>([['', context]]);
  const open = (name: string): OpenedDirectory => {
    const known = opened.get(name);
    if (known !== undefined) return known;
    const source = named[name];
    if (source?.type !== 'local') throw new InvariantError(`no local context ${JSON.stringify(name)}`);
    const directory = openContextDirectory(source.path, `context ${JSON.stringify(name)}`);
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
      return { path: tree.root, excludes: rules.map((rule) => rule.pattern) };
    },
    close: () => context.close(),
  };
}

function refuseBadPatterns(directory: OpenedDirectory): OpenedDirectory {
  if (hasErrors(directory.diagnostics)) throw new DockerfileError({ name: '.dockerignore', text: '' }, directory.diagnostics);
  return directory;
}
