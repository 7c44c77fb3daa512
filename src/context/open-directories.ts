// Directories that the builds of one command read, as contexts: looked at once, however many builds
// read them and whatever their ignore files leave out.
import { resolve } from 'node:path';
import type { Diagnostic } from '../core/diagnostic.ts';
import { DirectoryNodes } from './directory-nodes.ts';
import { type IgnoreRule, parseIgnoreFile } from './ignore-file.ts';
import { type LocalTree, openLocalTree } from './local-tree.ts';
import { compileRules } from './pattern-matcher.ts';
import { readTextFile } from './read-dockerfile.ts';

/** An ignore file in force; text '' without one. */
export interface IgnoreText {
  readonly name: string;
  readonly text: string;
}

export interface OpenedDirectory {
  readonly tree: LocalTree;
  /** For whoever opens the directory again. */
  readonly ignore: IgnoreText;
  readonly rules: readonly IgnoreRule[];
  /** Malformed ignore patterns: errors. */
  readonly diagnostics: readonly Diagnostic[];
}

export class OpenDirectories {
  readonly #nodes = new Map<string, DirectoryNodes>();
  readonly #opened = new Map<string, OpenedDirectory>();

  /** With the `.dockerignore` at its root unless `ignore` is given. `label` as in SourceTree. Throws context/not-found. */
  open(dir: string, { ignore, label }: { readonly ignore?: IgnoreText; readonly label?: string } = {}): OpenedDirectory {
    const root = resolve(dir);
    const own = ignore ?? { name: '.dockerignore', text: readTextFile(root, '.dockerignore') ?? '' };
    const key = JSON.stringify([root, own.name, own.text, label]);
    const known = this.#opened.get(key);
    if (known !== undefined) return known;
    const opened = openWithIgnore(this.#nodesOf(root), own, label);
    this.#opened.set(key, opened);
    return opened;
  }

  /** Something was written at `path`: whoever opens a directory there from now on looks again. */
  forget(path: string): void {
    const changed = resolve(path);
    const touches = (root: string): boolean => root === changed || isBelow(root, changed) || isBelow(changed, root);
    for (const root of this.#nodes.keys()) if (touches(root)) this.#nodes.delete(root);
    for (const [key, { tree }] of this.#opened) if (touches(tree.root)) this.#opened.delete(key);
  }

  #nodesOf(root: string): DirectoryNodes {
    const known = this.#nodes.get(root);
    if (known !== undefined) return known;
    const nodes = new DirectoryNodes(root);
    this.#nodes.set(root, nodes);
    return nodes;
  }
}

const isBelow = (path: string, parent: string): boolean => path.startsWith(parent === '/' ? '/' : `${parent}/`);

function openWithIgnore(nodes: DirectoryNodes, ignore: IgnoreText, label: string | undefined): OpenedDirectory {
  const rules = parseIgnoreFile(ignore.text);
  const { matcher, diagnostics } = compileRules(rules, ignore.name);
  const options = { nodes, ignore: matcher, ignoreName: ignore.name, ...(label === undefined ? {} : { label }) };
  return { tree: openLocalTree(nodes.root, options), ignore, rules, diagnostics };
}
