// OCI layouts that others have written: nothing in them is believed.
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { findInLayout, writeCacheLayout } from '../../../src/build/cache-mounts/cache-layout.ts';
import { CACHE_ARTIFACT, ID_ANNOTATION } from '../../../src/build/cache-mounts/cache-transfer.ts';
import { parseOciLayout } from '../../../src/build/remote/oci-layout.ts';
import { Leases } from '../../../src/cache/leases.ts';
import { digestOf, hexOf } from '../../../src/core/digest.ts';
import { OCI_CONFIG, OCI_MANIFEST } from '../../../src/core/media-types.ts';
import { MemoryBlobStore } from '../../support/memory-blob-store.ts';

const base = mkdtempSync(join(tmpdir(), 'tsbuild-layouts-'));
afterAll(() => rmSync(base, { recursive: true }));

function layoutWith(name: string, entries: readonly object[], blobs: readonly string[] = []): string {
  const directory = join(base, name);
  mkdirSync(join(directory, 'blobs/sha256'), { recursive: true });
  writeFileSync(join(directory, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: entries }));
  for (const blob of blobs) writeFileSync(join(directory, 'blobs/sha256', hexOf(digestOf(blob))), blob);
  return directory;
}

const entryOf = (document: string, annotations: object) => ({
  mediaType: OCI_MANIFEST,
  digest: digestOf(document),
  size: document.length,
  artifactType: CACHE_ARTIFACT,
  annotations,
});

describe('oci-layout:// contexts', () => {
  it('passes over names that are no text', () => {
    const named = entryOf('{}', { 'org.opencontainers.image.ref.name': 'v1' });
    const directory = layoutWith('names', [entryOf('?', { 'org.opencontainers.image.ref.name': 5 }), named]);
    expect(parseOciLayout('base', `${directory}:v1`, '/')).toMatchObject({ digest: named.digest });
  });
});

/** Each with a store of its own process. */
async function exportCache(directory: string, id: string, content: string): Promise<void> {
  const [blobs, leases] = [new MemoryBlobStore(), new Leases(join(base, 'store'))];
  const config = { mediaType: OCI_CONFIG, ...(await blobs.put(Buffer.from(content))) };
  const manifest = { schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers: [] } as const;
  const root = { mediaType: OCI_MANIFEST, ...(await blobs.put(Buffer.from(JSON.stringify(manifest)))) };
  await writeCacheLayout({ blobs, leases, signal: new AbortController().signal }, directory, { id, root, manifest });
  leases.close();
}

describe('exports of cache mounts', () => {
  it('remove what they replace, and no file elsewhere', async () => {
    const outside = join(base, 'outside');
    writeFileSync(outside, 'precious');
    const old = JSON.stringify({
      config: { digest: digestOf('gone') },
      layers: [{ digest: 'sha256:../../../outside' }, { digest: digestOf('gone, too') }, null],
    });
    const directory = layoutWith('hostile', [entryOf(old, { [ID_ANNOTATION]: 'npm' })], [old, 'gone', 'gone, too', 'stays']);
    await exportCache(directory, 'npm', '{}');
    const isThere = (blob: string) => existsSync(join(directory, 'blobs/sha256', hexOf(digestOf(blob))));
    expect([old, 'gone', 'gone, too', 'stays', '{}'].map(isThere)).toEqual([false, false, false, true, true]);
    expect(existsSync(outside)).toBe(true);
  });

  it('of two at once into one directory both are there afterwards', async () => {
    const directory = join(base, 'shared');
    await Promise.all([exportCache(directory, 'one', '1'), exportCache(directory, 'two', '2')]);
    expect(['one', 'two'].map((id) => findInLayout(directory, id)?.annotations)).toEqual([
      { [ID_ANNOTATION]: 'one' },
      { [ID_ANNOTATION]: 'two' },
    ]);
  });

  it('end, however often the documents that they replace name each other', async () => {
    const levels = ['{}'];
    for (let level = 0; level < 20; level++) {
      const digest = digestOf(levels.at(-1) ?? '');
      levels.push(JSON.stringify({ manifests: Array.from({ length: 20 }, () => ({ digest })) }));
    }
    const top = levels.at(-1) ?? '';
    const directory = layoutWith('nested', [entryOf(top, { [ID_ANNOTATION]: 'npm' })], levels);
    await exportCache(directory, 'npm', 'config');
    expect(existsSync(join(directory, 'blobs/sha256', hexOf(digestOf(top))))).toBe(false);
  });
});
