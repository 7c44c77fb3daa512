// COPY and ADD as a list of layer entries (section 6 of the language reference), made in memory from
// the tables of contents of the destination and the sources: nothing is written to disk. The order of
// operations is Docker's, one source after the other, because later sources see what earlier ones did.
import { compilePatterns, type PatternMatcher } from '../../context/pattern-matcher.ts';
import { selectSources } from '../../context/select-sources.ts';
import type { SourceTree } from '../../context/source-tree.ts';
import { invariant } from '../../core/errors.ts';
import type { FileEntry } from '../../core/file-entry.ts';
import type { CopyOp, CopySource } from '../../graph/op.ts';
import { addArchive } from './archive/add-archive.ts';
import { type CopyRules, copySource, type SourceItem } from './copy-source.ts';
import { DestTree } from './dest-tree.ts';
import { parseModeChange } from './file-mode.ts';
import { hashContent } from './hash-content.ts';
import { type PlannedEntry, planLayer } from './layer-plan.ts';
import { type ReadIdentityFile, resolveOwner } from './owner.ts';
import { selectItems, selectWithParents } from './select-items.ts';
import type { Filter } from './walk-source.ts';

/** What an input number of the op stands for. */
export type CopyInput =
  | { readonly type: 'tree'; readonly tree: SourceTree }
  /** A download: one file of this machine. */
  | {
      readonly type: 'file';
      readonly name: string;
      readonly hostPath: string;
      readonly mode: number;
      readonly size: number;
      readonly mtime: number;
    };

export interface CopyPlanRequest {
  readonly op: CopyOp;
  /** The destination tree; null is scratch. */
  readonly base: SourceTree | null;
  readonly sources: Readonly<Record<number, CopyInput>>;
  /** Time of directories and heredocs that the copy makes, seconds. */
  readonly time: number;
  readonly identity: ReadIdentityFile;
}

export interface CopyPlan {
  /** In an order in which parents and hard link targets come first; lazily, and only once. */
  entries(): Iterable<PlannedEntry>;
}

/** Octal --chmod also reaches directories made on the way, without set-id bits (C-24). BuildKit's own umask is 0; Docker Engine 28 masks with 022. */
const PARENT_MASK = 0o777;
const PARENT_MODE = 0o755;

/** C-34, C-35: with --link the copy is made over nothing; --chmod silently turns that off. */
export const looksAtBase = (op: CopyOp): boolean => !op.link || op.chmod !== undefined;

/**
 * Errors: TsbuildError with codes `exec/copy-…` and, for sources, `context/…`. Everything but
 * unreadable content is found here, before a layer is begun.
 */
export async function planCopy(request: CopyPlanRequest): Promise<CopyPlan> {
  const { op, time } = request;
  const mode = op.chmod === undefined ? null : parseModeChange(op.chmod);
  const base = looksAtBase(op) ? request.base : null;
  const owner = op.chown === undefined ? null : resolveOwner(op.chown, base, request.identity);
  const octal = mode?.octal ?? null;
  const rules: CopyRules = { owner, mode, parentMode: octal === null ? PARENT_MODE : octal & PARENT_MASK };
  const tree = new DestTree(base, time);
  const exclude = op.exclude.length === 0 ? null : compilePatterns(op.exclude);
  // Docker copies heredocs after all other sources, wherever they stand in the line.
  const ordered = [...op.sources.filter((source) => source.type !== 'inline'), ...op.sources.filter((source) => source.type === 'inline')];
  for (const source of ordered) {
    if (op.parents && source.type === 'files') addWithParents(tree, rules, request, source, exclude);
    else for (const item of itemsOf(request, source, exclude)) await addItem(tree, rules, request, source, item);
  }
  return { entries: () => planLayer(tree, hashContent) };
}

type FilesSource = CopySource & { readonly type: 'files' };

function addWithParents(
  tree: DestTree,
  rules: CopyRules,
  request: CopyPlanRequest,
  source: FilesSource,
  exclude: PatternMatcher | null,
): void {
  const input = inputOf(request, source.input);
  invariant(input.type === 'tree', '--parents needs a tree');
  const { item, required } = selectWithParents(input.tree, source.pattern, exclude, request.time);
  const count = copySource(tree, rules, request.op, item);
  if (count === 0 && required !== null) selectSources(input.tree, required);
}

async function addItem(tree: DestTree, rules: CopyRules, request: CopyPlanRequest, source: CopySource, item: SourceItem): Promise<void> {
  const { op } = request;
  const unpack = op.unpack === 'always' || (op.unpack === 'auto' && source.type === 'files');
  if (unpack && item.archive !== null && (await addArchive(tree, rules, op.dest, item.archive, item.name))) return;
  copySource(tree, rules, op, item);
}

function itemsOf(request: CopyPlanRequest, source: CopySource, exclude: PatternMatcher | null): readonly SourceItem[] {
  if (source.type === 'inline') return [inlineItem(source.name, source.content, request.time)];
  const input = inputOf(request, source.input);
  if (input.type === 'file') return [downloadItem(input)];
  if (source.type === 'files') return selectItems(input.tree, source.pattern, exclude, request.time);
  return selectItems(input.tree, '', exclude, request.time).map((item) => ({ ...item, itself: true }));
}

function inputOf(request: CopyPlanRequest, number: number): CopyInput {
  const input = request.sources[number];
  invariant(input, `copy source ${number} was not given`);
  return input;
}

const NO_FILTER: Filter = { exclude: null, include: null };

function inlineItem(name: string, text: string, time: number): SourceItem {
  const bytes = Buffer.from(text, 'utf8');
  const entry: FileEntry = { path: name, type: 'file', mode: 0o644, uid: 0, gid: 0, size: bytes.length, mtime: time };
  return { name, entry, content: { type: 'bytes', bytes }, tree: null, archive: null, filter: NO_FILTER };
}

function downloadItem(input: CopyInput & { readonly type: 'file' }): SourceItem {
  const { name, hostPath, mode, size, mtime } = input;
  const entry: FileEntry = { path: name, type: 'file', mode, uid: 0, gid: 0, size, mtime };
  return { name, entry, content: { type: 'host', path: hostPath }, tree: null, archive: size === 0 ? null : hostPath, filter: NO_FILTER };
}
