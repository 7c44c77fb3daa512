// manifest.json of `docker save` and `podman save`: configs and layers by file name. Where no OCI
// manifest comes with it, one is made, so that the rest of tsbuild knows only one form.
import { closeSync, openSync, readSync } from 'node:fs';
import type { BlobStore } from '../../cache/blob-store.ts';
import type { Descriptor, ImageConfig } from '../../core/descriptor.ts';
import { type DiffId, type Digest, digestOf, hexOf } from '../../core/digest.ts';
import { TsbuildError } from '../../core/errors.ts';
import { isObject } from '../../core/json-object.ts';
import { layerMediaType, OCI_CONFIG, OCI_MANIFEST } from '../../core/media-types.ts';
import type { Platform } from '../../core/platform.ts';
import { compressionOf } from './archive-compression.ts';
import { type ArchivedImage, badArchive, normaliseName, parseArchivedConfig } from './archive-contents.ts';
import { readManifest } from './image-closure.ts';
import { encodeManifest } from './manifest-bytes.ts';
import type { ArchiveMembers } from './read-archive.ts';

interface DockerEntry {
  readonly config: string;
  readonly names: readonly string[];
  readonly layers: readonly string[];
}

const MAX_LINKS = 8;

function parseEntries(bytes: Buffer): DockerEntry[] {
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw badArchive('manifest.json is not JSON', error);
  }
  if (!Array.isArray(json)) throw badArchive('manifest.json is not a list');
  return json.map((entry: unknown) => {
    if (!isObject(entry) || typeof entry['Config'] !== 'string') throw badArchive('manifest.json has an entry without Config');
    const names = texts(entry['RepoTags']).map(normaliseName);
    return { config: entry['Config'], layers: texts(entry['Layers']), names: names.filter((name) => name !== null) };
  });
}

function texts(value: unknown): string[] {
  if (value === null || value === undefined) return [];
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string'))
    throw badArchive('manifest.json holds a list of something else than text');
  return value;
}

/** Adds names that only manifest.json knows, matching images by their config. */
export async function withDockerNames(images: readonly ArchivedImage[], manifest: Buffer, store: BlobStore): Promise<ArchivedImage[]> {
  const entries = parseEntries(manifest);
  const named: ArchivedImage[] = [];
  for (const image of images) {
    const document = await readManifest(store, image.descriptor);
    const config = document.type === 'manifest' ? document.manifest.config.digest.slice(7) : null;
    const more = entries.filter((entry) => config !== null && entry.config.endsWith(config)).flatMap((entry) => entry.names);
    named.push({ ...image, names: [...new Set([...image.names, ...more])] });
  }
  return named;
}

/** Images of an archive that has only manifest.json. */
export async function readDockerManifest(manifest: Buffer, members: ArchiveMembers, store: BlobStore): Promise<ArchivedImage[]> {
  const images: ArchivedImage[] = [];
  for (const entry of parseEntries(manifest)) images.push(await importEntry(entry, members, store));
  return images;
}

async function importEntry(entry: DockerEntry, members: ArchiveMembers, store: BlobStore): Promise<ArchivedImage> {
  const configBytes = await configOf(entry.config, members, store);
  const image = parseArchivedConfig(configBytes, entry.layers.length);
  const layers = image.rootfs.diff_ids.map((diffId, index) => layerOf(entry.layers[index] ?? '', diffId, members, store));
  const config: Descriptor = { mediaType: OCI_CONFIG, ...(await store.put(configBytes)) };
  const stored = await store.put(encodeManifest(OCI_MANIFEST, config, layers));
  return { descriptor: { mediaType: OCI_MANIFEST, ...stored, platform: platformOf(image) }, names: entry.names };
}

async function configOf(name: string, members: ArchiveMembers, store: BlobStore): Promise<Buffer> {
  const target = follow(name, members);
  const bytes = members.documents.get(target) ?? (await readFile(target, members, store));
  if (bytes === null) throw missing('config', name);
  // Docker and podman name configs by digest; a name that is one must be right.
  const named = /([0-9a-f]{64})(\.json)?$/.exec(target)?.[1];
  if (named !== undefined && digestOf(bytes) !== `sha256:${named}`) {
    throw new TsbuildError({
      code: 'store/digest-mismatch',
      message: `config ${JSON.stringify(name)} has the digest ${digestOf(bytes)}`,
      hint: 'save the image again',
    });
  }
  return bytes;
}

async function readFile(name: string, members: ArchiveMembers, store: BlobStore): Promise<Buffer | null> {
  const file = members.files.get(name);
  return file === undefined ? null : store.read(file.digest);
}

function layerOf(name: string, diffId: DiffId, members: ArchiveMembers, store: BlobStore): Descriptor {
  const file = members.files.get(follow(name, members));
  if (file === undefined) throw missing('layer', name);
  const compression = compressionOf(headOf(store, file.digest));
  if (compression !== null && compression !== 'gzip' && compression !== 'zstd')
    throw badArchive(`layer ${JSON.stringify(name)} is compressed with ${compression}`);
  // A compressed layer is checked against its diffID when it is unpacked.
  if (compression === null && hexOf(file.digest) !== hexOf(diffId)) {
    throw new TsbuildError({
      code: 'store/digest-mismatch',
      message: `layer ${JSON.stringify(name)} has the diffID ${file.digest}, the config promises ${diffId}`,
      hint: 'save the image again',
    });
  }
  return { mediaType: layerMediaType(compression ?? 'uncompressed'), ...file };
}

function headOf(store: BlobStore, digest: Digest): Buffer {
  const head = Buffer.alloc(8);
  const fd = openSync(store.path(digest), 'r');
  try {
    return head.subarray(0, readSync(fd, head, 0, head.length, 0));
  } finally {
    closeSync(fd);
  }
}

/** Older `docker save` writes a repeated layer as a link to its first place. */
function follow(name: string, members: ArchiveMembers): string {
  let target = name.replace(/^\.\//, '');
  for (let hops = 0; ; hops++) {
    const next = members.links.get(target);
    if (next === undefined) return target;
    if (hops >= MAX_LINKS) throw badArchive(`links at ${JSON.stringify(name)} go in circles`);
    target = next;
  }
}

const missing = (what: string, name: string): TsbuildError =>
  new TsbuildError({
    code: 'image/incomplete-archive',
    message: `the image archive lacks the ${what} ${JSON.stringify(name.slice(0, 200))}, named by manifest.json`,
    hint: 'save the image again with all its layers',
  });

const platformOf = ({ os, architecture, variant, 'os.version': version }: ImageConfig): Platform => ({
  os,
  architecture: architecture || 'amd64',
  ...(variant ? { variant } : {}),
  ...(version ? { 'os.version': version } : {}),
});
