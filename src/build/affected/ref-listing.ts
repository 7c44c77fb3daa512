// The files of a commit, submodules included, by path below the top of the work tree: what a checkout of
// that commit would hold, without making one.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { baseOf, childOf, parentOf } from '../../context/clean-path.ts';
import { InvariantError, TsbuildError } from '../../core/errors.ts';
import { comparePaths, fsPath, pathFromBytes } from '../../core/path-bytes.ts';
import type { GitProgram } from '../remote/git/git-program.ts';
import { openWorkTree, type WorkTree } from './work-tree.ts';

export interface RefFile {
  readonly type: 'file' | 'symlink';
  readonly executable: boolean;
  /** Of the blob; null for a file of which git does not know the content, and which counts as unchanged. */
  readonly oid: string | null;
  /** Text of a symlink. */
  readonly link?: string;
  readonly repository: RefRepository;
  /** Below the top of its repository. */
  readonly path: string;
}

/** The repository itself, or one that is its submodule. */
export interface RefRepository {
  readonly tree: WorkTree;
  readonly commit: string;
  /** Path of its top below the top of all; '' for the first. */
  readonly at: string;
}

export interface RefListing {
  readonly files: ReadonlyMap<string, RefFile>;
  /** Names in each directory, in byte order. */
  readonly directories: ReadonlyMap<string, readonly string[]>;
  readonly repositories: readonly RefRepository[];
}

interface Collected {
  readonly files: Map<string, RefFile>;
  readonly directories: Map<string, Set<string>>;
  readonly repositories: RefRepository[];
}

/** Throws 'build/git' when objects are missing. */
export async function listRef(git: GitProgram, tree: WorkTree, commit: string): Promise<RefListing> {
  const collected: Collected = { files: new Map(), directories: new Map([['', new Set()]]), repositories: [] };
  await addRepository(git, collected, { tree, commit, at: '' });
  const directories = new Map([...collected.directories].map(([path, names]) => [path, [...names].sort(comparePaths)]));
  return { ...collected, directories };
}

async function addRepository(git: GitProgram, collected: Collected, repository: RefRepository): Promise<void> {
  const answer = await repository.tree.run(['ls-tree', '-r', '-z', '--full-tree', '--end-of-options', repository.commit]);
  collected.repositories.push(repository);
  const links: { readonly path: string; readonly oid: string }[] = [];
  for (const { mode, oid, path } of entriesOf(answer)) {
    if (mode === '160000') await addSubmodule(git, collected, repository, path, oid);
    else if (mode === '120000') links.push({ path, oid });
    else addFile(collected, repository, path, { type: 'file', executable: mode === '100755', oid });
  }
  const texts = await readBlobs(
    repository.tree,
    links.map(({ oid }) => oid),
  );
  for (const { path, oid } of links) {
    addFile(collected, repository, path, {
      type: 'symlink',
      executable: false,
      oid,
      link: pathFromBytes(texts.get(oid) ?? Buffer.alloc(0)),
    });
  }
}

function* entriesOf(answer: Buffer): Generator<{ readonly mode: string; readonly oid: string; readonly path: string }> {
  for (let start = 0; start < answer.length; ) {
    const end = answer.indexOf(0, start);
    const tab = answer.indexOf(9, start);
    const [mode = '', , oid = ''] = answer.toString('latin1', start, tab).split(' ');
    yield { mode, oid, path: pathFromBytes(answer.subarray(tab + 1, end)) };
    start = end + 1;
  }
}

function addFile(collected: Collected, repository: RefRepository, path: string, file: Omit<RefFile, 'repository' | 'path'>): void {
  const whole = childOf(repository.at, path);
  collected.files.set(whole, { ...file, repository, path });
  addName(collected, whole);
}

function addName(collected: Collected, path: string): void {
  for (let at = path; at !== ''; at = parentOf(at)) {
    const parent = parentOf(at);
    const names = collected.directories.get(parent);
    if (names?.has(baseOf(at)) === true) return;
    if (names === undefined) collected.directories.set(parent, new Set([baseOf(at)]));
    else names.add(baseOf(at));
  }
}

/**
 * A submodule that is not checked out is an empty directory, now as then. One that is has the files of the
 * commit it was at; when that commit is not here, all its files count as new.
 */
async function addSubmodule(git: GitProgram, collected: Collected, parent: RefRepository, path: string, commit: string): Promise<void> {
  const at = childOf(parent.at, path);
  const top = join(parent.tree.top, path);
  addName(collected, at);
  if (!collected.directories.has(at)) collected.directories.set(at, new Set());
  if (!existsSync(fsPath(join(top, '.git')))) return;
  try {
    const repository: RefRepository = { tree: await openWorkTree(git, top), commit, at };
    if (repository.tree.top !== top) return;
    await addRepository(git, collected, repository);
    // Where its repository is kept says nothing about its files.
    addFile(collected, repository, '.git', { type: 'file', executable: false, oid: null });
  } catch (error) {
    if (!(error instanceof TsbuildError) || parent.tree.top === top) throw error;
  }
}

/** Content of blobs by id. Throws 'build/git' when one is missing. */
export async function readBlobs(tree: WorkTree, oids: readonly string[]): Promise<Map<string, Buffer>> {
  const wanted = [...new Set(oids)];
  const blobs = new Map<string, Buffer>();
  if (wanted.length === 0) return blobs;
  const answer = await tree.run(['cat-file', '--batch'], { input: Buffer.from(`${wanted.join('\n')}\n`) });
  let at = 0;
  for (const oid of wanted) {
    const end = answer.indexOf(10, at);
    const [, type, size] = answer.toString('latin1', at, end).split(' ');
    if (type !== 'blob') throw missingObject(tree, oid, type);
    const length = Number(size);
    blobs.set(oid, answer.subarray(end + 1, end + 1 + length));
    at = end + 1 + length + 1;
  }
  return blobs;
}

function missingObject({ top }: WorkTree, oid: string, type: string | undefined): Error {
  if (type !== 'missing') return new InvariantError(`git answered ${JSON.stringify(type)} for ${oid}`);
  return new TsbuildError({
    code: 'build/git',
    message: `${top}: object ${oid} is not in this clone`,
    hint: 'a partial clone lacks it: git fetch --refetch --no-filter, or clone without --filter',
  });
}
