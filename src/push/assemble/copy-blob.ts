// Copies a blob out of the store to a file of its own, verified, without a moment at which half of it
// bears its name.
import { createWriteStream, renameSync, rmSync, statSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { BlobStore } from '../../cache/blob-store.ts';
import type { Descriptor } from '../../core/descriptor.ts';
import { errnoOf, TsbuildError } from '../../core/errors.ts';

/** Does nothing when a file of the right size is there. */
export async function copyBlobTo(store: BlobStore, blob: Descriptor, path: string): Promise<void> {
  if (statSync(path, { throwIfNoEntry: false })?.size === blob.size) return;
  const temp = `${path}.${process.pid}.tmp`;
  try {
    await pipeline(store.open(blob.digest), createWriteStream(temp, { flags: 'wx', mode: 0o444 }));
    renameSync(temp, path);
  } catch (error) {
    rmSync(temp, { force: true });
    if (error instanceof TsbuildError) throw error;
    throw new TsbuildError({
      code: 'image/output-not-writable',
      message: `cannot write ${path}: ${errnoOf(error) ?? String(error)}`,
      hint: 'choose another destination, or make this one writable',
      cause: error,
      data: { path },
    });
  }
}
