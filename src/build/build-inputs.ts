// What a build reads before planning: the context, the Dockerfile and the named contexts.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseIgnoreFile } from '../context/ignore-file.ts';
import { type LocalTree, openLocalTree } from '../context/local-tree.ts';
import { compileRules } from '../context/pattern-matcher.ts';
import { InvariantError } from '../core/errors.ts';
import type { SourceFile } from '../core/span.ts';
import type { NamedContext } from '../planner/facts.ts';
import type { BuildRequest } from './build-request.ts';
import { parseNamedContext } from './named-context.ts';
import type { Session } from './session.ts';

export interface BuildInputs {
  readonly dockerfile: SourceFile;
  readonly named: Readonly<Record<string, NamedContext>>;
  /** Tree of the context ('') or of a named local context. Opened once. */
  local(name: string): LocalTree;
  /** Directory and ignore rules behind it, for bind mounts. */
  directory(name: string): { readonly path: string; readonly excludes: readonly string[] };
  /** Removes what unpacking a context from stdin left in the temporary folder. */
  close(): void;
}

export async function openInputs(_session: Session, request: BuildRequest): Promise<BuildInputs> {
  const path = request.dockerfile ?? join(request.context, 'Dockerfile');
  const named = Object.fromEntries(Object.entries(request.namedContexts).map(([name, source]) => [name, parseNamedContext(name, source)]));
  const directories = new Map<string, string>([['', request.context]]);
  for (const [name, context] of Object.entries(named)) if (context.type === 'local') directories.set(name, context.path);
  const trees = new Map<string, LocalTree>();
  const ignoreText = (directory: string): string => {
    try {
      return readFileSync(join(directory, '.dockerignore'), 'utf8');
    } catch {
      return '';
    }
  };
  const directoryOf = (name: string): string => {
    const directory = directories.get(name);
    if (directory === undefined) throw new InvariantError(`no local context ${JSON.stringify(name)}`);
    return directory;
  };
  return {
    dockerfile: { name: path, text: readFileSync(path, 'utf8') },
    named,
    local(name) {
      let tree = trees.get(name);
      if (tree === undefined) {
        const directory = directoryOf(name);
        tree = openLocalTree(directory, { ignore: compileRules(parseIgnoreFile(ignoreText(directory)), '.dockerignore').matcher });
        trees.set(name, tree);
      }
      return tree;
    },
    directory(name) {
      const path = directoryOf(name);
      return { path, excludes: parseIgnoreFile(ignoreText(path)).map((rule) => rule.pattern) };
    },
    close() {},
  };
}
