// Where things are in compose files. What is wrong is often found after files, includes and `extends` have
// been merged, so a problem is looked up by its path in all files that were read.
import type { SourceFile, Span } from '../../core/span.ts';
import { BakeProblem, problem } from '../problem.ts';
import type { YamlDocument, YamlNode, YamlPair } from './yaml-port.ts';

/** Names of members from the top: `services`, `web`, `build`. */
export type Path = readonly string[];

interface Found {
  readonly span: Span;
  /** Steps of the path that are there. */
  readonly depth: number;
}

interface Source {
  readonly file: SourceFile;
  readonly document: YamlDocument;
}

export class ComposePlaces {
  readonly #sources: Source[] = [];

  add(file: SourceFile, document: YamlDocument): void {
    this.#sources.push({ file, document });
  }

  /** The deepest place on the way to `path`; of several, that in the file read last. `of` is only asked about one file. */
  find(path: Path, of?: SourceFile): { readonly file: SourceFile; readonly span: Span } | null {
    let best: (Found & { readonly file: SourceFile }) | null = null;
    for (const { file, document } of this.#sources) {
      if (of !== undefined && file.name !== of.name) continue;
      const found = findIn(document, path);
      if (found !== null && found.depth >= (best?.depth ?? 1)) best = { ...found, file };
    }
    return best;
  }

  problem(path: Path, message: string, options: { readonly hint?: string; readonly file?: SourceFile } = {}): BakeProblem {
    const place = this.find(path, options.file);
    const { hint } = options;
    const diagnostic = problem('bake/compose', message, {
      ...(place === null ? {} : { span: place.span }),
      ...(hint === undefined ? {} : { hint }),
    });
    return new BakeProblem(diagnostic, place?.file ?? options.file ?? this.#sources[0]?.file ?? null);
  }
}

/** The key of the last step that is there, or the item of a list. */
function findIn(document: YamlDocument, path: Path): Found | null {
  let node: YamlNode | null | undefined = document.contents as YamlNode | null;
  let found: Found | null = null;
  for (const [at, name] of path.entries()) {
    const step = memberOf(node, name, document, 0);
    if (step === null) break;
    node = step.node;
    const range = step.place.range;
    if (range !== undefined && range !== null) found = { span: { start: range[0], end: range[1] }, depth: at + 1 };
  }
  return found;
}

interface Member {
  readonly place: YamlNode;
  readonly node: YamlNode | null;
}

const DEEPEST_MERGE = 20;

/** Its own member, or one that `<<` brings. */
function memberOf(node: YamlNode | null | undefined, name: string, document: YamlDocument, depth: number): Member | null {
  const here = node?.resolve === undefined ? node : node.resolve(document);
  if (depth > DEEPEST_MERGE) return null;
  const merged: (YamlNode | null)[] = [];
  for (const [at, item] of (here?.items ?? []).entries()) {
    if (!isPair(item)) {
      if (String(at) === name) return { place: item, node: item };
    } else if (String(item.key.value) === name) return { place: item.key, node: item.value };
    else if (isMerge(item.key.value)) merged.push(item.value);
  }
  for (const source of merged) {
    const found = memberOf(source, name, document, depth + 1);
    if (found !== null) return found;
  }
  return null;
}

/** The package reads the key as a symbol of that name. */
const isMerge = (key: unknown): boolean => key === '<<' || (typeof key === 'symbol' && key.description === '<<');

const isPair = (item: YamlNode | YamlPair): item is YamlPair => 'key' in item;
