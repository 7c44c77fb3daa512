// A key that only this store knows, for digests of values that must not be guessed from their digests.
import { createHmac, randomBytes } from 'node:crypto';
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errnoOf } from '../core/errors.ts';
import { makeDirectory } from './make-directory.ts';
import { storeError } from './store-errors.ts';
import { INDEX_DIR } from './store-layout.ts';

const FILE = join(INDEX_DIR, 'secret.key');
const KEY_BYTES = 32;

/** Digest of `value` under the store's key, 64 hex digits; `name` keeps equal values of different secrets apart. */
export function secretDigest(root: string, name: string, value: Uint8Array): string {
  return createHmac('sha256', storeKey(root))
    .update(`${Buffer.byteLength(name)} ${name}`)
    .update(value)
    .digest('hex');
}

/** Made once, by whichever process is first. A lost or damaged key makes all secrets look changed, which is safe. */
function storeKey(root: string): Buffer {
  const path = join(root, FILE);
  const known = readKey(path);
  if (known !== null) return known;
  makeDirectory(join(root, INDEX_DIR));
  const temp = `${path}.${process.pid}`;
  try {
    if (readKey(path) === null) rmSync(path, { force: true });
    writeFileSync(temp, randomBytes(KEY_BYTES), { mode: 0o600 });
    linkSync(temp, path);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw storeError(error, 'write', path);
  } finally {
    rmSync(temp, { force: true });
  }
  return readKey(path) ?? randomBytes(KEY_BYTES);
}

function readKey(path: string): Buffer | null {
  try {
    const key = readFileSync(path);
    return key.length === KEY_BYTES ? key : null;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw storeError(error, 'read', path);
  }
}
