// Advice on files of the build context that look like keys or credentials and are about to be copied.
import { closeSync, constants, openSync, readSync } from 'node:fs';
import type { LocalTree } from '../../context/local-tree.ts';
import { selectSources } from '../../context/select-sources.ts';
import type { Diagnostic } from '../../core/diagnostic.ts';
import { fsPath } from '../../core/path-bytes.ts';
import type { BuildPlan } from '../../graph/image-plan.ts';
import { layerVertices, selectionsOf } from '../solve/selections.ts';

/** Names that are given to secrets alone. */
const SECRET =
  /(?:^|\/)(?:\.env(?:(?:\.[^/]*)?\.local)?|id_(?:rsa|dsa|ecdsa|ed25519)|\.netrc|\.git-credentials|\.htpasswd|credentials\.json|[^/]*\.(?:p12|pfx|jks|keystore|kdbx|ppk)|\.aws\/credentials|\.kube\/config)$/i;

/** Names that other files have as well: what is in them decides. References to variables are no secrets. */
const BY_CONTENT: readonly (readonly [name: RegExp, content: RegExp])[] = [
  [/\.(?:pem|key)$/i, /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----/],
  [/(?:^|\/)\.npmrc$/, /_(?:auth|authToken|password)\s*=\s*["']?[^\s"'$]/],
  [/(?:^|\/)\.pypirc$/, /^\s*password\s*[=:]\s*[^\s$]/m],
  [/(?:^|\/)\.docker\/config\.json$/, /"(?:auth|identitytoken|registrytoken)"\s*:\s*"[^"]/],
  [
    /(?:^|\/)\.env\.(?!(?:[^/]*\.)?(?:example|sample|template|dist|defaults?)$)[^/]*$/i,
    /^\s*(?:export\s+)?\w*(?:secret|token|passw|api_?key|private_?key|credential)\w*\s*=\s*["']?[^\s"'#$]|:\/\/[^\s:/@$]+:[^\s:/@$]+@/im,
  ],
];
/** Bytes of such a file that are read. */
const HEAD = 64 * 1024;
/** Files looked at in all; a context may be endless. */
const MOST_FILES = 100_000;
const MOST_REPORTED = 5;

/** One warning for each file that a COPY or ADD of the images' own stages takes from the main context. Other stages may see what they like. */
export function secretFiles({ graph, images }: BuildPlan, tree: LocalTree): Diagnostic[] {
  const contexts = new Set(graph.vertices.filter(({ op }) => op.type === 'local' && op.name === '').map(({ id }) => id));
  const copies = new Set(images.flatMap(({ target }) => layerVertices(graph, target)).filter(({ op }) => op.type === 'copy'));
  return [...copies].flatMap((vertex) => {
    const read = selectionsOf(vertex).filter(({ input, wildcards }) => wildcards && contexts.has(input));
    const names = new Set(read.flatMap(({ pattern }) => namesBelow(tree, pattern)));
    return [...names].slice(0, MOST_REPORTED).map(
      (name): Diagnostic => ({
        code: 'plan/secret-file-copied',
        severity: 'warning',
        message: `${JSON.stringify(name)} looks like a secret and gets into the image`,
        ...(vertex.meta.origin !== undefined && { span: vertex.meta.origin }),
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
    else if (entry?.type === 'file' && looksSecret(tree, path)) found.push(path);
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

function looksSecret(tree: LocalTree, path: string): boolean {
  const content = BY_CONTENT.find(([name]) => name.test(path))?.[1];
  return SECRET.test(path) || (content?.test(headOf(tree, path)) ?? false);
}

/** What cannot be read is the build's to report. */
function headOf(tree: LocalTree, path: string): string {
  try {
    const fd = openSync(fsPath(tree.hostPath(path)), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const head = Buffer.alloc(HEAD);
      return head.toString('latin1', 0, readSync(fd, head, 0, HEAD, 0));
    } finally {
      closeSync(fd);
    }
  } catch {
    return '';
  }
}
