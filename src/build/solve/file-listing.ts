// What a content key was made of, one line a file, packed to be kept beside records: only used to say
// which file changed. Digests are cut short, because nothing but a message depends on them.
import { selectedEntries } from '../../context/content-key.ts';
import { compilePatterns } from '../../context/pattern-matcher.ts';
import { selectSources } from '../../context/select-sources.ts';
import type { SourceTree } from '../../context/source-tree.ts';
import type { FileEntry } from '../../core/file-entry.ts';

/** What of a file enters its content key. */
export interface ListedFile {
  readonly type: string;
  readonly mode: number;
  /** `uid:gid`. */
  readonly owner: string;
  /** Start of the sha256 of a file, the text of a link. */
  readonly content: string;
}

/** By path relative to the selected source. */
export type FileListing = ReadonlyMap<string, ListedFile>;

/** Loaded when used: a cached build reads none. */
const zlib = (): typeof import('node:zlib') => process.getBuiltinModule('node:zlib');

/** Larger selections are not listed: the listing would cost more than it tells. */
const MOST = 20_000;
const MAX_BYTES = 64 * 1024 * 1024;
const SHORT = 12;

/** The files behind the content key of the same selection, hashed already; null when they are too many. */
export function listSelection(tree: SourceTree, pattern: string, exclude: readonly string[]): FileListing | null {
  const matcher = exclude.length === 0 ? undefined : compilePatterns(exclude);
  const files = new Map<string, ListedFile>();
  for (const entry of selectedEntries(tree, selectSources(tree, pattern), matcher)) {
    if (files.size >= MOST) return null;
    files.set(entry.path, listed(entry));
  }
  return files;
}

const listed = (entry: FileEntry): ListedFile => ({
  type: entry.type === 'hardlink' ? 'file' : entry.type,
  mode: entry.mode,
  owner: `${entry.uid}:${entry.gid}`,
  content: entry.sha256?.slice(0, SHORT) ?? (entry.type === 'hardlink' ? '' : (entry.link ?? '')),
});

export function packListing(files: FileListing): Uint8Array {
  const rows = [...files].map(([path, { type, mode, owner, content }]): Row => [path, type, mode, owner, content]);
  return zlib().zstdCompressSync(JSON.stringify(rows));
}

type Row = readonly [path: string, type: string, mode: number, owner: string, content: string];
const ROW = ['string', 'string', 'number', 'string', 'string'];
const isRow = (row: unknown): row is Row => Array.isArray(row) && ROW.every((type, at) => typeof row[at] === type);

/** Null when the bytes are no listing. */
export function unpackListing(packed: Uint8Array): FileListing | null {
  try {
    const rows: unknown = JSON.parse(zlib().zstdDecompressSync(packed, { maxOutputLength: MAX_BYTES }).toString('utf8'));
    if (!Array.isArray(rows) || !rows.every(isRow)) return null;
    return new Map(rows.map(([path, type, mode, owner, content]) => [path, { type, mode, owner, content }]));
  } catch {
    return null;
  }
}

export interface ListingChange {
  /** The first file that differs and how, and how many others do. */
  readonly text: string;
  /** How much differs in all: a file with other content and another mode is further away than one with another mode alone. */
  readonly distance: number;
}

/** Null when nothing differs. */
export function describeChange(now: FileListing, before: FileListing): ListingChange | null {
  let first: string | null = null;
  let count = 0;
  let distance = 0;
  for (const path of [...new Set([...now.keys(), ...before.keys()])].sort()) {
    const change = changeOf(now.get(path), before.get(path));
    if (change === null) continue;
    first ??= `${path === '' ? 'the file' : path} ${change}`;
    count += 1;
    distance += distanceOf(now.get(path), before.get(path));
  }
  if (first === null) return null;
  return { text: count > 1 ? `${first} and ${count - 1} more` : first, distance };
}

const TRAITS = ['type', 'content', 'mode', 'owner'] as const;

function distanceOf(now: ListedFile | undefined, before: ListedFile | undefined): number {
  if (now === undefined || before === undefined) return TRAITS.length;
  return TRAITS.filter((trait) => now[trait] !== before[trait]).length;
}

function changeOf(now: ListedFile | undefined, before: ListedFile | undefined): string | null {
  if (now === undefined) return before === undefined ? null : 'was removed';
  if (before === undefined) return 'was added';
  if (now.type !== before.type) return `was a ${before.type} and is a ${now.type}`;
  if (now.content !== before.content) return `changed (${before.content} → ${now.content})`;
  if (now.mode !== before.mode) return `has another mode (${octal(before.mode)} → ${octal(now.mode)})`;
  if (now.owner !== before.owner) return `has another owner (${before.owner} → ${now.owner})`;
  return null;
}

const octal = (mode: number): string => mode.toString(8).padStart(4, '0');
