// From which directory a Dockerfile is meant to be built: the nearest one at or above it that has what its
// COPY and ADD instructions and mounts read.
import { dirname, join } from 'node:path';
import { openLocalTree } from '../../context/local-tree.ts';
import { selectSources } from '../../context/select-sources.ts';
import { TsbuildError } from '../../core/errors.ts';
import type { DockerfileAst, MountField, Word } from '../../parser/ast.ts';
import { isGitUrl } from '../../planner/git-url.ts';

export interface ContextGuess {
  /** Below the directory that was searched; '.' is that itself. */
  readonly context: string;
  /** Sources that the Dockerfile's own directory lacks, if that is why it is another. */
  readonly because: readonly string[];
  /** Sources that no directory has together with the others. */
  readonly missing: readonly string[];
}

/** `path` of the Dockerfile is relative to `root`. */
export function guessContext(root: string, path: string, ast: DockerfileAst): ContextGuess {
  const sources = sourcesOf(ast);
  const own = dirname(path);
  const because = missingIn(join(root, own), sources);
  let best: ContextGuess = { context: own, because: [], missing: because };
  for (let at = own; at !== '.' && best.missing.length > 0; ) {
    at = dirname(at);
    const missing = missingIn(join(root, at), sources);
    if (missing.length < best.missing.length)
      best = { context: at, because: because.filter((source) => !missing.includes(source)), missing };
  }
  return best;
}

/** Paths and wildcards that are read from the build context and hold no variables. */
function sourcesOf(ast: DockerfileAst): readonly string[] {
  const sources = ast.instructions.flatMap((node): readonly (string | null)[] => {
    if (node.kind === 'copy' || node.kind === 'add') {
      if (node.from !== undefined) return [];
      return node.sources.flatMap((source) => (source.type === 'path' ? [literalOf(source.word)] : []));
    }
    return node.kind === 'run' ? node.mounts.map((mount) => boundSource(mount.value)) : [];
  });
  return [...new Set(sources.filter((source): source is string => source !== null && !/^https?:\/\//.test(source) && !isGitUrl(source)))];
}

/** Of a bind mount of the build context. */
function boundSource(fields: readonly MountField[]): string | null {
  const value = (...keys: readonly string[]): Word | undefined => fields.find((field) => keys.includes(field.key.text))?.value;
  const type = value('type');
  const source = value('source', 'src');
  if (value('from') !== undefined || source === undefined || (type !== undefined && literalOf(type) !== 'bind')) return null;
  return literalOf(source);
}

function literalOf(word: Word): string | null {
  let text = '';
  for (const part of word.parts) {
    if (part.type !== 'literal') return null;
    text += part.text;
  }
  return text;
}

function missingIn(directory: string, sources: readonly string[]): readonly string[] {
  const tree = openLocalTree(directory);
  return sources.filter((source) => {
    try {
      return selectSources(tree, source).sources.length === 0;
    } catch (error) {
      if (error instanceof TsbuildError) return true;
      throw error;
    }
  });
}
