// Walks a tree the way COPY sees it: parents first, names in byte order, links not followed,
// --exclude patterns applied to paths relative to the start (C-37).
import type { FileEntry } from '../core/file-entry.ts';
import type { PatternMatcher } from './pattern-matcher.ts';
import { entriesOf, type SourceTree } from './source-tree.ts';

export interface Walked {
  readonly entry: FileEntry;
  /** Path relative to the start of the walk; '' is the start itself. */
  readonly relative: string;
}

interface Frame {
  readonly dir: Walked;
  readonly entries: Iterator<FileEntry>;
  readonly matched: Uint8Array | null;
  /** False while an excluded directory has shown nothing yet. */
  shown: boolean;
}

/**
 * Everything at and below `start`, which must exist; a start that is no directory comes alone. An
 * excluded directory appears only when an exception makes something below it visible.
 */
export function* walkTree(tree: SourceTree, start: FileEntry, exclude?: PatternMatcher): Generator<Walked> {
  const root: Walked = { entry: start, relative: '' };
  yield root;
  if (start.type !== 'dir') return;
  const prefix = start.path === '' ? 0 : start.path.length + 1;
  const stack: Frame[] = [{ dir: root, entries: entriesOf(tree, start.path), matched: null, shown: true }];
  for (let frame = stack.at(-1); frame !== undefined; frame = stack.at(-1)) {
    const next = frame.entries.next();
    if (next.done === true) {
      stack.pop();
      continue;
    }
    const entry = next.value;
    const walked: Walked = { entry, relative: prefix === 0 ? entry.path : entry.path.slice(prefix) };
    const isDir = entry.type === 'dir';
    const matched = isDir && exclude !== undefined ? new Uint8Array(exclude.rules.length) : null;
    const excluded = exclude?.excludes(exclude.decide(walked.relative, frame.matched, matched)) ?? false;
    if (!excluded) {
      if (!frame.shown) yield* hiddenParents(stack);
      yield walked;
    }
    if (isDir && (!excluded || exclude?.mayReincludeBelow(walked.relative))) {
      stack.push({ dir: walked, entries: entriesOf(tree, entry.path), matched, shown: !excluded });
    }
  }
}

/** Excluded directories on the way to something visible, outermost first. */
function* hiddenParents(stack: readonly Frame[]): Generator<Walked> {
  for (const frame of stack) {
    if (frame.shown) continue;
    frame.shown = true;
    yield frame.dir;
  }
}
