// Reads an image archive from a stream into the store: an OCI layout tar, or what `docker save` and
// `podman save` write, plain or compressed. Hostile by assumption: nothing is unpacked, names are only
// keys, links are resolved inside the archive alone, documents and counts are bounded.
import type { Readable } from 'node:stream';
import { extract } from 'tar-stream';
import type { BlobStore, StoredBlob } from '../../cache/blob-store.ts';
import type { Descriptor } from '../../core/descriptor.ts';
import { isDigest, parseDigest } from '../../core/digest.ts';
import { messageOf, TsbuildError } from '../../core/errors.ts';
import { OCI_INDEX } from '../../core/media-types.ts';
import { parseManifestDocument } from '../registry/manifest-document.ts';
import { decompressArchive } from './archive-compression.ts';
import { type ArchivedImage, badArchive, resolveLayout } from './archive-contents.ts';
import { readDockerManifest, withDockerNames } from './docker-manifest.ts';
import { INDEX_FILE } from './layout-index.ts';

/** Entries of the archive: documents in memory, everything else as blobs in the store. */
export interface ArchiveMembers {
  readonly documents: ReadonlyMap<string, Buffer>;
  readonly files: ReadonlyMap<string, StoredBlob>;
  /** Link name → name it leads to, both inside the archive. */
  readonly links: ReadonlyMap<string, string>;
}

const BLOB_NAME = /^blobs\/sha256\/([0-9a-f]{64})$/;
const DOCUMENT_NAME = /(^|\/)(index\.json|manifest\.json|oci-layout|repositories|VERSION|json|[0-9a-f]{64}\.json)$/;
const MAX_DOCUMENT = 8 * 1024 * 1024;
const MAX_DOCUMENTS = 64 * 1024 * 1024;
const MAX_ENTRIES = 50_000;

/** Puts all images of the archive into the store. Blobs no image refers to are left for gc. */
export async function readArchive(input: Readable, store: BlobStore, signal?: AbortSignal): Promise<ArchivedImage[]> {
  const members = await readMembers(input, store, signal);
  const manifest = members.documents.get('manifest.json');
  const index = members.documents.get(INDEX_FILE);
  if (index !== undefined) {
    const document = parseManifestDocument(index, OCI_INDEX, `${INDEX_FILE} of the archive`);
    const entries: readonly Descriptor[] = document.type === 'index' ? document.index.manifests : [];
    const images = await resolveLayout(entries, store, async (blob) => store.size(blob.digest) === blob.size);
    return manifest === undefined ? images : withDockerNames(images, manifest, store);
  }
  if (manifest === undefined) throw badArchive('it has neither index.json nor manifest.json');
  return readDockerManifest(manifest, members, store);
}

async function readMembers(input: Readable, store: BlobStore, signal?: AbortSignal): Promise<ArchiveMembers> {
  const collector = new MemberCollector(store);
  const tar = extract();
  const feeding = feed(input, tar, signal);
  feeding.catch(() => undefined);
  try {
    for await (const entry of tar) {
      await collector.add(entry.header, entry as AsyncIterable<Buffer>);
    }
    await feeding;
  } catch (error) {
    tar.destroy();
    input.destroy();
    signal?.throwIfAborted();
    throw error instanceof TsbuildError ? error : badArchive(messageOf(error), error);
  }
  return collector;
}

/** Fills the parser and passes on what goes wrong at the source. */
async function feed(input: Readable, tar: ReturnType<typeof extract>, signal?: AbortSignal): Promise<void> {
  try {
    for await (const chunk of decompressArchive(input)) {
      signal?.throwIfAborted();
      if (!tar.write(chunk)) await new Promise<void>((resolve) => onceEither(tar, resolve));
      if (tar.destroyed) return;
    }
    tar.end(null);
  } catch (error) {
    tar.destroy(error instanceof Error ? error : new Error(String(error)));
    throw error;
  }
}

function onceEither(tar: ReturnType<typeof extract>, resolve: () => void): void {
  const done = (): void => {
    tar.off('drain', done);
    tar.off('close', done);
    resolve();
  };
  tar.on('drain', done);
  tar.on('close', done);
}

interface MemberHeader {
  readonly name: string;
  readonly type?: string | null | undefined;
  readonly size?: number | undefined;
  readonly linkname?: string | null | undefined;
}

class MemberCollector implements ArchiveMembers {
  readonly documents = new Map<string, Buffer>();
  readonly files = new Map<string, StoredBlob>();
  readonly links = new Map<string, string>();
  readonly #store: BlobStore;
  #count = 0;
  #documentBytes = 0;

  constructor(store: BlobStore) {
    this.#store = store;
  }

  async add(header: MemberHeader, content: AsyncIterable<Buffer>): Promise<void> {
    if (++this.#count > MAX_ENTRIES) throw unsafe(`it has more than ${MAX_ENTRIES} entries`);
    const name = insideName(header.name);
    switch (header.type) {
      case 'directory':
        return drain(content);
      case 'symlink':
        this.links.set(name, insideName(header.linkname ?? '', name));
        return drain(content);
      case 'link':
        this.links.set(name, insideName(header.linkname ?? ''));
        return drain(content);
      case 'file':
      case 'contiguous-file':
        return DOCUMENT_NAME.test(name) ? this.#addDocument(name, header.size ?? 0, content) : this.#addFile(name, content);
      default:
        throw unsafe(`${JSON.stringify(name)} is a ${String(header.type)}`);
    }
  }

  async #addDocument(name: string, size: number, content: AsyncIterable<Buffer>): Promise<void> {
    this.#documentBytes += size;
    if (size > MAX_DOCUMENT || this.#documentBytes > MAX_DOCUMENTS) throw unsafe(`${JSON.stringify(name)} is too large for a document`);
    const chunks: Buffer[] = [];
    for await (const chunk of content) chunks.push(chunk);
    this.documents.set(name, Buffer.concat(chunks));
  }

  async #addFile(name: string, content: AsyncIterable<Buffer>): Promise<void> {
    const digest = `sha256:${BLOB_NAME.exec(name)?.[1] ?? ''}`;
    const writer = this.#store.writer();
    try {
      for await (const chunk of content) await writer.write(chunk);
      const expected = isDigest(digest) ? { digest: parseDigest(digest) } : undefined;
      this.files.set(name, await writer.commit(expected));
    } finally {
      await writer.abort();
    }
  }
}

async function drain(content: AsyncIterable<Buffer>): Promise<void> {
  for await (const _ of content);
}

const unsafe = (detail: string): TsbuildError =>
  new TsbuildError({ code: 'image/unsafe-archive', message: `the image archive was refused: ${detail}`, hint: 'do not trust its source' });

/** Cleaned name, relative to the directory of `from` for symbolic links; leading out of the archive is refused. */
function insideName(name: string, from = ''): string {
  if (name.startsWith('/') && from !== '') throw unsafe(`the link ${JSON.stringify(from)} leads out of it`);
  const parts = from.split('/').slice(0, -1);
  for (const part of name.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.pop() === undefined) throw unsafe(`the name ${JSON.stringify(name.slice(0, 200))} leads out of it`);
  }
  return parts.join('/');
}
