// A blob that is sent while it is still being written.
import { appendFileSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Descriptor } from '../../../src/core/descriptor.ts';
import { digestOf } from '../../../src/core/digest.ts';
import { OCI_LAYER } from '../../../src/core/media-types.ts';
import { parseReference } from '../../../src/core/reference.ts';
import type { UploadBlobOptions } from '../../../src/push/registry/client.ts';
import { EARLY_BYTES, type EarlyUpload } from '../../../src/push/registry/early-upload.ts';
import type { UploadResult } from '../../../src/push/registry/upload-blob.ts';
import { createTestClient } from '../../support/registry-client.ts';
import { startUploadServer, type UploadScript, type Uploads } from '../../support/upload-server.ts';

const bytes = Buffer.from(Array.from({ length: EARLY_BYTES + 1_000_000 }, (_, i) => (i * 7919) % 251));
const blob: Descriptor = { mediaType: OCI_LAYER, digest: digestOf(bytes), size: bytes.length };

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Bench extends Uploads {
  readonly early: EarlyUpload;
  /** Writes up to that many bytes, and says so. */
  write(size: number): void;
  /** As for a layer that is whole. */
  finish(options?: Partial<UploadBlobOptions>): Promise<UploadResult>;
  methods(): string[];
}

async function openBench(script?: UploadScript): Promise<Bench> {
  const uploads = await startUploadServer(script);
  const client = createTestClient();
  const dir = mkdtempSync(join(tmpdir(), 'tsbuild-early-'));
  cleanups.push(
    () => uploads.fake.stop(),
    () => client.close(),
    () => rmSync(dir, { recursive: true }),
  );
  const reference = parseReference(`${uploads.fake.host}/app`);
  const early = client.beginUpload(reference);
  const file = join(dir, 'growing');
  let written = 0;
  return {
    ...uploads,
    early,
    write(size) {
      appendFileSync(file, bytes.subarray(written, size));
      written = size;
      early.grown(file, size);
    },
    finish(options) {
      renameSync(file, join(dir, 'whole'));
      const open = (offset: number) => Readable.from([bytes.subarray(offset)], { objectMode: false });
      return client.uploadBlob(reference, blob, { open, early, ...options });
    },
    methods: () => uploads.fake.requests.map(({ method }) => method),
  };
}

const eventually = (holds: () => void): Promise<void> => vi.waitFor(holds, { timeout: 20_000 });

/** All but the last bytes, once the registry agreed to an upload. */
async function writeMost(bench: Bench): Promise<void> {
  bench.write(EARLY_BYTES + 10);
  await eventually(() => expect(bench.methods()).toContain('POST'));
}

describe('a blob that is still being written', () => {
  it('is sent as it grows: the closing PUT carries nothing', async () => {
    const bench = await openBench();
    await writeMost(bench);
    bench.write(bytes.length);
    expect(await bench.finish()).toEqual({ type: 'uploaded' });
    expect(bench.methods()).toEqual(expect.arrayContaining(['POST', 'PATCH', 'HEAD', 'PUT']));
    expect(bench.methods()).toHaveLength(4);
    const [put, patch] = ['PUT', 'PATCH'].map((name) => bench.fake.requests.find(({ method }) => method === name));
    expect([patch?.headers['transfer-encoding'], patch?.body.length, put?.body.length]).toEqual(['chunked', bytes.length, 0]);
    expect(bench.stored.get(`app ${blob.digest}`)?.equals(bytes)).toBe(true);
  });

  it('waits until it is large', async () => {
    const bench = await openBench();
    bench.write(EARLY_BYTES - 1);
    expect(await bench.early.whole(EARLY_BYTES - 1)).toBe(null);
    expect(bench.methods()).toEqual([]);
  });

  it('is sent whole where the connection broke', async () => {
    const bench = await openBench({ cuts: { 0: 1_000_000 } });
    await writeMost(bench);
    await eventually(() => expect(bench.methods()).toContain('DELETE'));
    bench.write(bytes.length);
    expect(await bench.finish()).toEqual({ type: 'uploaded' });
    expect(bench.stored.get(`app ${blob.digest}`)?.equals(bytes)).toBe(true);
    expect(bench.sessions.size).toBe(0);
  });

  it('goes on from where a server stopped taking', async () => {
    const bench = await openBench({ takes: EARLY_BYTES });
    await writeMost(bench);
    bench.write(bytes.length);
    expect(await bench.finish()).toEqual({ type: 'uploaded' });
    const patches = bench.fake.requests.filter(({ method }) => method === 'PATCH');
    expect(patches.map(({ headers }) => headers['content-range'])).toEqual([undefined, `${EARLY_BYTES}-${bytes.length - 1}`]);
    expect(bench.stored.get(`app ${blob.digest}`)?.equals(bytes)).toBe(true);
  });

  it('fails as any other when the registry refuses it', async () => {
    const bench = await openBench({ refuse: { status: 413, body: '{"errors":[{"code":"SIZE_INVALID","message":"too big"}]}' } });
    await writeMost(bench);
    bench.write(bytes.length);
    await expect(bench.finish()).rejects.toMatchObject({
      code: 'registry/refused',
      message: expect.stringContaining('SIZE_INVALID: too big'),
    });
  });

  it.each([
    ['the registry has it', {}, { type: 'existed' }],
    ['another repository has it', { mountable: ['base'] }, { type: 'mounted', from: 'base' }],
  ] as const)('leaves no half upload behind when %s', async (_, script, result) => {
    const bench = await openBench(script);
    await writeMost(bench);
    bench.write(bytes.length);
    if (result.type === 'existed') bench.stored.set(`app ${blob.digest}`, bytes);
    expect(await bench.finish({ knownAt: [`${bench.fake.host}/base`] })).toEqual(result);
    bench.early.abandon();
    await eventually(() => expect(bench.sessions.size).toBe(0));
    expect(bench.methods()).not.toContain('PUT');
  });

  it('is given up when the layer will not be made', async () => {
    const bench = await openBench();
    await writeMost(bench);
    bench.early.abandon();
    await eventually(() => expect(bench.sessions.size).toBe(0));
    expect(await bench.early.whole(bytes.length)).toBe(null);
    expect(bench.stored.size).toBe(0);
  });
});
