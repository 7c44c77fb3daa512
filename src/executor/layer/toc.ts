// Table of contents of an existing layer: reads a blob once from front to back, hashes its files,
// and proves the diffID on the way. Unpacking uses the same pass and hooks into it.
import { type DiffId, hasher } from '../../core/digest.ts';
import { TsbuildError } from '../../core/errors.ts';
import type { FileEntry, LayerToc } from '../../core/file-entry.ts';
import { type DecompressLimits, decompressLayer } from './compression/decompress.ts';
import { isIdentityFile } from './identity-files.ts';
import { readTar, type TarLimits } from './tar/tar-read.ts';
import { LayerNames } from './unpack/layer-names.ts';
import { whiteoutOf } from './whiteout.ts';

/** What to do with a file's content while it passes; the last call has `chunk` null. */
export type ContentVisitor = (chunk: Uint8Array) => void | Promise<void>;

/**
 * Called for each entry, names already resolved, before its content is read. A returned visitor gets the
 * content; `end` is called after the last chunk with the entry completed by its sha256.
 */
export type EntryVisitor = (entry: FileEntry) => { readonly write?: ContentVisitor; readonly end?: () => void } | undefined;

export interface ReadLayerOptions {
  readonly mediaType?: string;
  /** The promised identity; another one is 'exec/layer-diffid'. */
  readonly diffId?: DiffId;
  readonly decompress?: Partial<DecompressLimits>;
  readonly tar?: Partial<TarLimits>;
}

export interface ReadLayerResult {
  readonly diffId: DiffId;
  readonly toc: LayerToc;
  /** Bytes of the tar. */
  readonly size: number;
}

/** Reads a layer blob (gzip, zstd or plain). Nothing that `onEntry` made may be trusted before this resolves. */
export async function readLayer(
  blob: AsyncIterable<Uint8Array>,
  options: ReadLayerOptions = {},
  onEntry?: EntryVisitor,
  /** What `onEntry` of this entry has to wait for. */
  before?: (entry: FileEntry) => Promise<void> | undefined,
): Promise<ReadLayerResult> {
  const hash = hasher();
  let size = 0;
  async function* hashed(): AsyncGenerator<Uint8Array> {
    for await (const chunk of decompressLayer(blob, options.mediaType, options.decompress)) {
      hash.update(chunk);
      size += chunk.length;
      yield chunk;
    }
  }
  const names = new LayerNames();
  const entries: FileEntry[] = [];
  const identityFiles: Record<string, string> = {};
  for await (const { entry: raw, content } of readTar(hashed(), options.tar === undefined ? {} : { limits: options.tar })) {
    // Like Docker: the root directory of a tree is never changed by a layer.
    if (raw.path === '' && raw.type !== 'opaque') continue;
    const entry = asWhiteout(names.resolve(raw));
    const wait = before?.(entry);
    if (wait !== undefined) await wait;
    const visitor = onEntry?.(entry);
    if (entry.type !== 'file') entries.push(entry);
    else entries.push(await readContent(entry, content, visitor?.write, identityFiles));
    visitor?.end?.();
  }
  const diffId = hash.diffId();
  if (options.diffId !== undefined && diffId !== options.diffId) throw wrongDiffId(options.diffId, diffId);
  return { diffId, toc: { entries, identityFiles }, size };
}

/** A character device 0/0 is a whiteout on disk (overlayfs), so it must be one in the table of contents. */
const asWhiteout = (entry: FileEntry): FileEntry =>
  entry.type === 'char' && entry.devMajor === 0 && entry.devMinor === 0 ? whiteoutOf(entry.path) : entry;

async function readContent(
  entry: FileEntry,
  content: AsyncIterable<Uint8Array>,
  write: ContentVisitor | undefined,
  identityFiles: Record<string, string>,
): Promise<FileEntry> {
  const hash = hasher();
  const kept: Uint8Array[] | null = isIdentityFile(entry) ? [] : null;
  for await (const chunk of content) {
    hash.update(chunk);
    kept?.push(Uint8Array.from(chunk));
    const wait = write?.(chunk);
    if (wait !== undefined) await wait;
  }
  if (kept !== null) identityFiles[entry.path] = Buffer.concat(kept).toString('utf8');
  return { ...entry, sha256: hash.contentKey().slice(7) };
}

export function wrongDiffId(expected: DiffId, got: DiffId): TsbuildError {
  return new TsbuildError({
    code: 'exec/layer-diffid',
    message: `the layer's content has the diffID ${got}, but the image promises ${expected}`,
    hint: 'the image is inconsistent; pull it again or take another one',
    data: { expected, got },
  });
}
