// The first file in which a selection of the work tree differs from the same selection of a commit. What is
// compared is what enters content keys: names, types, modes, link texts and bytes; no times.
import { setImmediate } from 'node:timers/promises';
import { type SelectedEntry, walkSelection } from '../../context/content-key.ts';
import type { LocalTree } from '../../context/local-tree.ts';
import { compilePatterns } from '../../context/pattern-matcher.ts';
import { selectSources } from '../../context/select-sources.ts';
import type { SourceTree } from '../../context/source-tree.ts';
import { TsbuildError } from '../../core/errors.ts';
import type { FileEntry } from '../../core/file-entry.ts';
import { type RefTree, within } from './ref-tree.ts';

export interface ComparedTrees {
  readonly work: LocalTree;
  readonly before: SourceTree;
  readonly ref: RefTree;
  /** Where both trees are below the top of the work tree. */
  readonly directory: string;
  readonly signal: AbortSignal;
}

export interface ReadFiles {
  /** As in COPY, below the root of the tree; '' is all of it. */
  readonly pattern: string;
  readonly exclude: readonly string[];
}

export interface Difference {
  /** Below the top of the work tree. */
  readonly path: string;
  /** `was added`, `changed` … */
  readonly how: string;
  readonly added: boolean;
}

/** Files between two looks at the signal. */
const BATCH = 256;

/** Null when a build that reads `files` cannot tell the trees apart. */
export async function firstDifference(trees: ComparedTrees, files: ReadFiles): Promise<Difference | null> {
  const exclude = files.exclude.length === 0 ? undefined : compilePatterns(files.exclude);
  const found = (path: string, how: string, added = false): Difference => ({ path: within(trees.directory, path), how, added });
  try {
    const before = new Map<string, FileEntry>();
    const earlier = selectionOf(trees.before, files.pattern);
    if (earlier !== null) for (const one of walkSelection(trees.before, earlier, exclude)) before.set(nameOf(one), one.entry);
    const now = selectSources(trees.work, files.pattern);
    if (earlier === null) return found(files.pattern, 'was added', true);
    let seen = 0;
    for (const one of walkSelection(trees.work, now, exclude)) {
      const { entry, top } = one;
      const name = nameOf(one);
      seen += 1;
      if (seen % BATCH === 0) await setImmediate();
      trees.signal.throwIfAborted();
      const other = before.get(name);
      if (other === undefined) return found(entry.path, 'was added', true);
      before.delete(name);
      const how = changeOf(trees, entry, other, top);
      if (how !== null) return found(entry.path, how);
    }
    const [removed] = before.values();
    return removed === undefined ? null : found(removed.path, 'was removed');
  } catch (error) {
    if (!(error instanceof TsbuildError)) throw error;
    // What cannot be selected or read fails the build, which is a change unless it failed before: building tells.
    return found(files.pattern, `cannot be read: ${error.message}`);
  }
}

/** Wildcards may select several files under one name. */
const nameOf = ({ source, relative }: SelectedEntry): string => `${source}\0${relative}`;

/** Null when the commit has nothing there. */
function selectionOf(tree: SourceTree, pattern: string): ReturnType<typeof selectSources> | null {
  try {
    return selectSources(tree, pattern);
  } catch (error) {
    if (error instanceof TsbuildError) return null;
    throw error;
  }
}

function changeOf(trees: ComparedTrees, now: FileEntry, before: FileEntry, top: boolean): string | null {
  if (now.type !== before.type) return `was a ${NAMES[before.type] ?? before.type} and is a ${NAMES[now.type] ?? now.type}`;
  if (now.type === 'symlink') return now.link === before.link ? null : 'leads elsewhere';
  if (now.type === 'dir') return top || now.mode === before.mode ? null : modeChange(now, before);
  if (now.type !== 'file') return 'is no regular file';
  const file = trees.ref.listing.files.get(within(trees.directory, before.path));
  if (file === undefined || !trees.ref.sameContent(file, trees.work.hostPath(now.path))) return 'changed';
  return now.mode === before.mode || file.oid === null ? null : modeChange(now, before);
}

const NAMES: Readonly<Record<string, string>> = { dir: 'directory', symlink: 'symbolic link' };

const modeChange = (now: FileEntry, before: FileEntry): string => `has mode ${octal(now.mode)}, a checkout gives ${octal(before.mode)}`;

const octal = (mode: number): string => mode.toString(8).padStart(4, '0');
