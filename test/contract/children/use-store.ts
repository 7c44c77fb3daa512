// Child process of the store integration suite: writes to a store that is full or read-only and prints
// what each part of it says, as one line of JSON.
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { openFsBlobStore } from '../../../src/cache/fs-blob-store.ts';
import { openFsTocStore } from '../../../src/cache/fs-toc-store.ts';
import { openSqliteIndex } from '../../../src/cache/sqlite-index.ts';
import { digestOf, parseDiffId } from '../../../src/core/digest.ts';
import { TsbuildError } from '../../../src/core/errors.ts';

const [root = '', bytes = '0'] = process.argv.slice(2);
const store = openFsBlobStore(root);
const outcomes: Record<string, unknown> = {};

async function attempt(name: string, body: () => unknown): Promise<void> {
  try {
    await body();
    outcomes[name] = 'done';
  } catch (error) {
    outcomes[name] = error instanceof TsbuildError ? { code: error.code, message: error.message, hint: error.hint } : String(error);
  }
}

await attempt('put', () => store.put(Buffer.alloc(Number(bytes), 'p')));
await attempt('writer', async () => {
  const writer = store.writer();
  try {
    for (let left = Number(bytes); left > 0; left -= 65_536) await writer.write(Buffer.alloc(65_536, 'w'));
    await writer.commit();
  } finally {
    await writer.abort();
  }
});
// Random, so that no compression makes it fit.
const large = randomBytes(Number(bytes) / 2).toString('hex');
await attempt('toc', () => openFsTocStore(root).put(parseDiffId(digestOf('d')), { entries: [], identityFiles: { 'etc/passwd': large } }));
await attempt('index', () => {
  const index = openSqliteIndex(root);
  try {
    for (let i = 0; i < 64; i++) index.setFact(`fact ${i}`, 'x'.repeat(Number(bytes) / 16), 1e9);
  } finally {
    index.close();
  }
});
outcomes['temp'] = existsSync(join(root, 'tmp-v1')) ? readdirSync(join(root, 'tmp-v1')) : [];
outcomes['blobs'] = [...store.list()].length;
process.stdout.write(JSON.stringify(outcomes));
