// Advice on files of the build context that look like keys or credentials and are about to be copied.

import type { LocalTree } from '../context/local-tree.ts';
import { selectSources } from '../context/select-sources.ts';
import type { Diagnostic } from '../core/diagnostic.ts';
import type { BuildGraph } from '../graph/vertex.ts';

const SECRET =
  /(?:^|\/)(?:\.env(?:\.(?!example$|sample$|template$|dist$)[^/]*)?|id_(?:rsa|dsa|ecdsa|ed25519)|\.netrc|\.npmrc|\.pypirc|\.git-credentials|\.htpasswd|credentials\.json|[^/]*\.(?:pem|p12|pfx|jks|keystore|kdbx|ppk)|\.aws\/credentials|\.docker\/config\.json|\.kube\/config)$/i;
/** Files looked at in all; a context may be endless. */
const MOST_FILES = 100_000;
const MOST_REPORTED = 5;

/** One warning for each file that a COPY or ADD of `graph` takes from the main context. */
export function secretFiles(graph: BuildGraph, tree: LocalTree): Diagnostic[] {
  return graph.vertices.flatMap(({ op, inputs, meta }) => {
    if (op.type !== 'copy') return [];
    const names = op.sources.flatMap((source) => {
      const from = source.type === 'files' ? graph.vertices.find(({ id }) => id === inputs[source.input]) : undefined;
      return source.type === 'files' && from?.op.type === 'local' && from.op.name === '' ? namesBelow(tree, source.pattern) : [];
    });
    return [...new Set(names)].slice(0, MOST_REPORTED).map(
      (name): Diagnostic => ({
        code: 'plan/secret-file-copied',
        severity: 'warning',
        message: `${JSON.stringify(name)} looks like a secret and gets into the image`,
        ...(meta.origin !== undefined && { span: meta.origin }),
        hint: `add ${name} to .dockerignore, and use RUN --mount=type=secret`,
      }),
    );
  });
}

function namesBelow(tree: LocalTree, pattern: string): string[] {
  const found: string[] = [];
  const pending = startOf(tree, pattern);
  for (let left = MOST_FILES; left > 0; left--) {
    const path = pending.pop();
    if (path === undefined) break;
    const entry = tree.lstat(path);
    if (entry?.type === 'dir') for (const name of tree.readdir(path)) pending.push(path === '' ? name : `${path}/${name}`);
    else if (entry?.type === 'file' && SECRET.test(path)) found.push(path);
  }
  return found.sort();
}

/** A source that selects nothing is the build's to report. */
function startOf(tree: LocalTree, pattern: string): string[] {
  try {
    return selectSources(tree, pattern).sources.map(({ path }) => path);
  } catch {
    return [];
  }
}
