// Walks a directory that is being copied: parents first, names in byte order, links not followed,
// --exclude (C-37) and the include pattern of --parents (C-36) applied to paths relative to the start.

import { baseOf } from '../../context/clean-path.ts';
import type { PatternMatcher } from '../../context/pattern-matcher.ts';
import { entriesOf, type SourceTree } from '../../context/source-tree.ts';
import type { FileEntry } from '../../core/file-entry.ts';
import { joinPath } from './dest-tree.ts';

export interface Walked {
  readonly entry: FileEntry;
  readonly name: string;
  /** 1 for what lies directly in the start. */
  readonly depth: number;
  /** A directory that was not selected itself, shown because something below it is. */
  readonly implied: boolean;
}

export interface Filter {
  readonly exclude: PatternMatcher | null;
  readonly include: Include | null;
}

export interface Include {
  readonly matcher: PatternMatcher;
  /** Components of the pattern before the first one with a wildcard: other directories are not entered. */
  readonly literal: readonly string[];
  /** Components of the pattern, or Infinity when it has `**`. */
  readonly depth: number;
}

interface Frame {
  /** Null for the start. */
  readonly walked: Walked | null;
  readonly relative: string;
  readonly entries: Iterator<FileEntry>;
  readonly excluded: Uint8Array | null;
  readonly included: Uint8Array | null;
  /** Has been yielded. */
  shown: boolean;
}

/** Everything below `start` that the filter selects; `start` itself is not yielded. */
export function* walkSource(tree: SourceTree, start: string, filter: Filter): Generator<Walked> {
  const stack: Frame[] = [{ walked: null, relative: '', entries: entriesOf(tree, start), excluded: null, included: null, shown: true }];
  for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
    const next = frame.entries.next();
    if (next.done === true) {
      stack.pop();
      continue;
    }
    const entry = next.value;
    const name = baseOf(entry.path);
    const isDirectory = entry.type === 'dir';
    const relative = joinPath(frame.relative, name);
    const { selected, excluded, included, enter } = judge(filter, frame, relative, isDirectory, stack.length);
    const walked: Walked = { entry, name, depth: stack.length, implied: !selected };
    if (selected) {
      yield* impliedParents(stack);
      yield walked;
    }
    if (isDirectory && enter) {
      stack.push({ walked, relative, entries: entriesOf(tree, entry.path), excluded, included, shown: selected });
    }
  }
}

interface Verdict {
  readonly selected: boolean;
  readonly enter: boolean;
  readonly excluded: Uint8Array | null;
  readonly included: Uint8Array | null;
}

const EVERYTHING: Verdict = { selected: true, enter: true, excluded: null, included: null };

function judge(filter: Filter, frame: Frame, relative: string, isDirectory: boolean, depth: number): Verdict {
  const { exclude, include } = filter;
  if (exclude === null && include === null) return EVERYTHING;
  const excluded = exclude !== null && isDirectory ? new Uint8Array(exclude.rules.length) : null;
  const drop = exclude?.excludes(exclude.decide(relative, frame.excluded, excluded)) ?? false;
  if (include === null) return { selected: !drop, enter: !drop || exclude?.mayReincludeBelow(relative) === true, excluded, included: null };
  const included = isDirectory ? new Uint8Array(include.matcher.rules.length) : null;
  const match = include.matcher.excludes(include.matcher.decide(relative, frame.included, included));
  const enter = (match || mayIncludeBelow(include, relative, depth)) && (!drop || exclude?.mayReincludeBelow(relative) === true);
  return { selected: match && !drop, enter, excluded, included };
}

function mayIncludeBelow(include: Include, relative: string, depth: number): boolean {
  if (depth >= include.depth) return false;
  const at = Math.min(depth, include.literal.length);
  return relative.split('/').slice(0, at).join('/') === include.literal.slice(0, at).join('/');
}

function* impliedParents(stack: readonly Frame[]): Generator<Walked> {
  for (const frame of stack) {
    if (frame.shown || frame.walked === null) continue;
    frame.shown = true;
    yield frame.walked;
  }
}
