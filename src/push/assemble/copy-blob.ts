// Copies a blob out of the store to a file of its own, verified, without a moment at which half of it
// bears its name.
import { createWriteStream, renameSync, rmSync, statSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { BlobStore } from '../../cache/blob-store.ts';
import type { Descriptor } from '../../core/descriptor.ts';
import { TsbuildError } from '../../core/errors.ts';
import { notWritable, temporaryBeside } from './output-file.ts';

/** Does nothing when a file of the right size is there. */
export async function copyBlobTo(store: BlobStore, blob: Descriptor, path: string): Promise<void> {
  if (statSync(path, { throwIfNoEntry: false })?.size === blob.size) return;
  const temp = temporaryBeside(path);
  try {
    await pipeline(store.open(blob.digest), createWriteStream(temp, { flags: 'wx', mode: 0o444 }));
    renameSync(temp, path);
  } catch (error) {
    rmSync(temp, { force: true });
    throw error instanceof TsbuildError ? error : notWritable(path, error);
  }
}
