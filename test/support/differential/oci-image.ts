// Reads an OCI archive with tar-stream, that is without any code of tsbuild: configs, and the tree
// that the layers amount to. Every digest on the way is checked.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { extract, type Header } from 'tar-stream';

export interface OciHistory {
  readonly created_by?: string;
  readonly empty_layer?: boolean;
  readonly created?: string;
}

export interface OciConfig {
  readonly os?: string;
  readonly architecture?: string;
  readonly variant?: string;
  readonly author?: string;
  readonly created?: string;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly rootfs: { readonly diff_ids: readonly string[] | null };
  readonly history?: readonly OciHistory[] | null;
}

export interface TreeEntry {
  readonly type: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: number;
  readonly link?: string;
  readonly size?: number;
  readonly sha256?: string;
  readonly device?: string;
  readonly xattrs: readonly string[];
  /** Equal for hard links of one file. */
  readonly inode: number;
  /** Layer that brought it. */
  readonly layer: number;
}

export interface OciImage {
  readonly config: OciConfig;
  readonly tree: ReadonlyMap<string, TreeEntry>;
  /** Names of entries as they stand in each layer. */
  readonly layers: readonly (readonly string[])[];
  /** Paths of an earlier layer that a later one removed. */
  readonly removed: ReadonlyMap<string, { readonly from: number }>;
}

interface RawEntry {
  readonly header: Header;
  readonly content: Buffer;
}

const digestOf = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

export async function readOciArchive(path: string): Promise<OciImage[]> {
  const blobs = new Map((await readTar(readFileSync(path))).map(({ header, content }) => [posix.normalize(header.name), content]));
  const blob = (digest: string): Buffer => {
    const bytes = blobs.get(`blobs/${digest.replace(':', '/')}`);
    if (bytes === undefined || digestOf(bytes) !== digest) throw new Error(`blob ${digest} is missing or damaged`);
    return bytes;
  };
  const images: OciImage[] = [];
  const seen = new Set<string>();
  const visit = async (digest: string): Promise<void> => {
    if (seen.has(digest)) return;
    seen.add(digest);
    const document = JSON.parse(blob(digest).toString('utf8'));
    for (const child of document.manifests ?? []) await visit(child.digest);
    if (document.config !== undefined)
      images.push(await readImage(JSON.parse(blob(document.config.digest).toString('utf8')), document, blob));
  };
  await visitAll(JSON.parse(blobs.get('index.json')?.toString('utf8') ?? '{}').manifests ?? [], visit);
  return images;
}

async function visitAll(descriptors: readonly { readonly digest: string }[], visit: (digest: string) => Promise<void>): Promise<void> {
  for (const { digest } of descriptors) await visit(digest);
}

interface Manifest {
  readonly layers: readonly { readonly digest: string }[] | null;
}

async function readImage(config: OciConfig, { layers }: Manifest, blob: (digest: string) => Buffer): Promise<OciImage> {
  const state: MutableTree = { tree: new Map(), removed: new Map(), inodes: 0 };
  const names: string[][] = [];
  for (const [at, { digest }] of (layers ?? []).entries()) {
    const tar = decompress(blob(digest));
    const wanted = config.rootfs.diff_ids?.[at];
    if (digestOf(tar) !== wanted) throw new Error(`layer ${at} is not ${wanted}`);
    const entries = await readTar(tar);
    names.push(entries.map(({ header }) => header.name.replace(/\/$/, '')));
    const own = new Set<string>();
    for (const entry of entries) applyEntry(state, entry, at, own);
  }
  return { config, tree: state.tree, layers: names, removed: state.removed };
}

function decompress(bytes: Buffer): Buffer {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return gunzipSync(bytes);
  return bytes.readUInt32LE(0) === 0xfd2fb528 ? zstdDecompressSync(bytes) : bytes;
}

interface MutableTree {
  readonly tree: Map<string, TreeEntry>;
  readonly removed: Map<string, { from: number }>;
  inodes: number;
}

function applyEntry(state: MutableTree, { header, content }: RawEntry, layer: number, own: Set<string>): void {
  const path = posix.normalize(`/${header.name}`).replace(/\/$/, '');
  if (path === '') return;
  const name = posix.basename(path);
  const parent = posix.dirname(path);
  if (name === '.wh..wh..opq') {
    removeBelow(state, parent, own);
    return;
  }
  if (name.startsWith('.wh.')) {
    const victim = posix.join(parent, name.slice(4));
    removeBelow(state, victim, own);
    removeOne(state, victim, own);
    return;
  }
  own.add(path);
  if (header.type !== 'directory' && state.tree.get(path)?.type === 'directory') removeBelow(state, path, own);
  state.removed.delete(path);
  if (header.type === 'link') {
    const source = state.tree.get(posix.normalize(`/${header.linkname}`));
    if (source === undefined) throw new Error(`hard link ${path} to missing ${header.linkname}`);
    state.tree.set(path, { ...source, layer });
    return;
  }
  state.inodes += 1;
  state.tree.set(path, entryOf(header, content, layer, state.inodes));
}

function entryOf(header: Header, content: Buffer, layer: number, inode: number): TreeEntry {
  const xattrs = Object.entries(header.pax ?? {}).flatMap(([key, value]) =>
    key.startsWith('SCHILY.xattr.') ? [`${key.slice(13)}=${Buffer.from(String(value)).toString('hex')}`] : [],
  );
  const type = header.type ?? 'file';
  return {
    type,
    mode: header.mode ?? 0,
    uid: header.uid ?? 0,
    gid: header.gid ?? 0,
    mtime: Math.floor((header.mtime?.getTime() ?? 0) / 1000),
    ...(type === 'symlink' && { link: header.linkname ?? '' }),
    ...(type === 'file' && { size: content.length, sha256: createHash('sha256').update(content).digest('hex') }),
    ...(type.endsWith('-device') && { device: `${header.devmajor},${header.devminor}` }),
    xattrs: xattrs.sort(),
    inode,
    layer,
  };
}

function removeBelow(state: MutableTree, path: string, own: ReadonlySet<string>): void {
  for (const key of [...state.tree.keys()]) if (key.startsWith(path === '/' ? '/' : `${path}/`)) removeOne(state, key, own);
}

function removeOne(state: MutableTree, path: string, own: ReadonlySet<string>): void {
  const entry = state.tree.get(path);
  if (entry === undefined || own.has(path)) return;
  state.tree.delete(path);
  state.removed.set(path, { from: entry.layer });
}

function readTar(bytes: Uint8Array): Promise<RawEntry[]> {
  return new Promise((resolve, reject) => {
    const entries: RawEntry[] = [];
    const reader = extract();
    reader.on('entry', (header, stream, next) => {
      const chunks: Uint8Array[] = [];
      stream.on('data', (chunk) => chunks.push(chunk as Uint8Array));
      stream.on('end', () => {
        entries.push({ header, content: Buffer.concat(chunks) });
        next();
      });
    });
    reader.on('finish', () => resolve(entries));
    reader.on('error', reject);
    reader.end(bytes);
  });
}
