// Files whose bytes in a checkout are not those of their blob: line ends, `ident`, encodings, and filters
// such as Git LFS. git itself writes the former into a scratch directory; filters are programs, so they are
// never run: a pointer of LFS names the content it stands for, other filters are compared without them.
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { baseOf } from '../../context/clean-path.ts';
import { pathFromBytes, pathToBytes } from '../../core/path-bytes.ts';
import { type RefFile, type RefListing, type RefRepository, readBlobs } from './ref-listing.ts';

export type CheckoutRule =
  /** What git would write, as a file. */
  | { readonly type: 'converted'; readonly host: string }
  /** Content that a pointer stands for; the pointer itself is what a checkout without LFS has. */
  | { readonly type: 'pointer'; readonly sha256: string };

/** By file; files without a rule are their blob. `scratch` is a new directory. */
export async function checkoutRules(listing: RefListing, scratch: string): Promise<ReadonlyMap<RefFile, CheckoutRule>> {
  const rules = new Map<RefFile, CheckoutRule>();
  for (const [at, repository] of listing.repositories.entries()) {
    const files = [...listing.files.values()].filter((file) => file.repository === repository && file.type === 'file' && file.oid !== null);
    await addRules(repository, files, join(scratch, String(at)), rules);
  }
  return rules;
}

const ATTRIBUTES = ['eol', 'ident', 'working-tree-encoding', 'filter'] as const;

async function addRules(
  repository: RefRepository,
  files: readonly RefFile[],
  scratch: string,
  rules: Map<RefFile, CheckoutRule>,
): Promise<void> {
  const { tree, commit } = repository;
  const everywhere = await convertsAll(repository);
  const named = existsSync(join(tree.commonDir, 'info/attributes')) || files.some((file) => baseOf(file.path) === '.gitattributes');
  if (files.length === 0 || (!everywhere && !named)) return;
  mkdirSync(scratch, { recursive: true });
  const indexFile = join(scratch, 'index');
  await tree.run(['read-tree', commit], { indexFile });
  const attributes = await readAttributes(repository, files, indexFile);
  const converted: RefFile[] = [];
  const pointers: RefFile[] = [];
  for (const file of files) {
    const { eol, ident, encoding, filter } = attributes.get(file.path) ?? NONE;
    if (filter === 'lfs') pointers.push(file);
    // Comparing bytes is all that can be done without running it.
    else if (filter !== null) continue;
    else if (everywhere || eol === 'crlf' || ident !== null || encoding !== null) converted.push(file);
  }
  await checkOut(repository, converted, { indexFile, scratch }, rules);
  await addPointers(repository, pointers, rules);
}

/** Settings of the repository that convert files without attributes. */
async function convertsAll({ tree }: RefRepository): Promise<boolean> {
  const value = async (name: string): Promise<string> =>
    (await tree.run(['config', '--default', '', '--get', name])).toString('utf8').trim().toLowerCase();
  const [autocrlf, eol] = await Promise.all([value('core.autocrlf'), value('core.eol')]);
  return /^(?:true|yes|on|1)$/.test(autocrlf ?? '') || eol === 'crlf';
}

interface Attributes {
  eol: string | null;
  ident: string | null;
  encoding: string | null;
  filter: string | null;
}
const NONE: Attributes = { eol: null, ident: null, encoding: null, filter: null };

async function readAttributes(
  { tree }: RefRepository,
  files: readonly RefFile[],
  indexFile: string,
): Promise<ReadonlyMap<string, Attributes>> {
  const answer = await tree.run(['check-attr', '--cached', '-z', '--stdin', ...ATTRIBUTES], { input: pathsOf(files), indexFile });
  const out = new Map<string, Attributes>();
  const words = pathFromBytes(answer).split('\0');
  for (let at = 0; at + 2 < words.length; at += 3) {
    const [path = '', name = '', value = ''] = words.slice(at, at + 3);
    if (value === 'unspecified' || value === 'unset') continue;
    const own = out.get(path) ?? { ...NONE };
    out.set(path, own);
    if (name === 'working-tree-encoding') own.encoding = value;
    else if (name === 'eol' || name === 'ident' || name === 'filter') own[name] = value;
  }
  return out;
}

const pathsOf = (files: readonly RefFile[]): Buffer => Buffer.concat(files.flatMap((file) => [pathToBytes(file.path), Buffer.from([0])]));

async function checkOut(
  { tree }: RefRepository,
  files: readonly RefFile[],
  { indexFile, scratch }: { readonly indexFile: string; readonly scratch: string },
  rules: Map<RefFile, CheckoutRule>,
): Promise<void> {
  if (files.length === 0) return;
  const workTree = join(scratch, 'files');
  mkdirSync(workTree);
  await tree.run(['checkout-index', '-z', '--stdin', '--quiet'], { input: pathsOf(files), indexFile, workTree });
  for (const file of files) rules.set(file, { type: 'converted', host: join(workTree, file.path) });
}

/** Largest pointer that Git LFS reads. */
const MAX_POINTER = 1024;

async function addPointers({ tree }: RefRepository, files: readonly RefFile[], rules: Map<RefFile, CheckoutRule>): Promise<void> {
  const oids = [...new Set(files.flatMap((file) => file.oid ?? []))];
  if (oids.length === 0) return;
  const sizes = await tree.run(['cat-file', '--batch-check=%(objectname) %(objectsize)'], { input: Buffer.from(`${oids.join('\n')}\n`) });
  const small = sizes
    .toString('latin1')
    .split('\n')
    .flatMap((line) => {
      const [oid = '', size = ''] = line.split(' ');
      return /^\d+$/.test(size) && Number(size) <= MAX_POINTER ? [oid] : [];
    });
  const texts = await readBlobs(tree, small);
  for (const file of files) {
    const sha256 = pointerTarget(texts.get(file.oid ?? ''));
    if (sha256 !== null) rules.set(file, { type: 'pointer', sha256 });
  }
}

function pointerTarget(blob: Buffer | undefined): string | null {
  const text = blob?.toString('latin1') ?? '';
  if (!text.startsWith('version https://git-lfs.github.com/spec/v1\n')) return null;
  return /^oid sha256:([0-9a-f]{64})$/m.exec(text)?.[1] ?? null;
}
