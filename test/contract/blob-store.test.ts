// The laws of the BlobStore port, run against the store on disk.
import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BlobStore } from '../../src/cache/blob-store.ts';
import { openFsBlobStore } from '../../src/cache/fs-blob-store.ts';
import { digestOf, parseDigest } from '../../src/core/digest.ts';

const CHILD = fileURLToPath(new URL('./children/write-blob.ts', import.meta.url));
const HELLO = Buffer.from('hello');
const HELLO_DIGEST = parseDigest('sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824');

let root: string;
let store: BlobStore;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'blob-store-'));
  store = openFsBlobStore(root);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const tempFiles = (): string[] => (existsSync(join(root, 'tmp-v1')) ? readdirSync(join(root, 'tmp-v1')) : []);

async function drain(stream: NodeJS.ReadableStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function finished(child: ChildProcess): Promise<{ code: number | null; out: string }> {
  return new Promise((resolve) => {
    let out = '';
    child.stdout?.on('data', (data: Buffer) => {
      out += data.toString();
    });
    child.on('close', (code) => resolve({ code, out: out.trim() }));
  });
}

describe('put and read', () => {
  it('names a blob by its sha256 and gives it back', async () => {
    expect(await store.put(HELLO)).toEqual({ digest: HELLO_DIGEST, size: 5 });
    expect(store.has(HELLO_DIGEST)).toBe(true);
    expect(store.size(HELLO_DIGEST)).toBe(5);
    expect(await store.read(HELLO_DIGEST)).toEqual(HELLO);
    expect(await text(store.open(HELLO_DIGEST))).toBe('hello');
    expect(readFileSync(store.path(HELLO_DIGEST), 'utf8')).toBe('hello');
    expect(store.path(HELLO_DIGEST)).toBe(join(root, 'blobs-v1/sha256/2c', HELLO_DIGEST.slice(7)));
  });

  it('is idempotent and leaves no temporary file', async () => {
    await store.put(HELLO);
    await store.put(HELLO);
    expect([...store.list()]).toEqual([{ digest: HELLO_DIGEST, size: 5 }]);
    expect(tempFiles()).toEqual([]);
  });

  it('stores the empty blob', async () => {
    const { digest, size } = await store.put(Buffer.alloc(0));
    expect(size).toBe(0);
    expect(await drain(store.open(digest))).toHaveLength(0);
  });

  it('gives back whatever was written, however it was cut', async () => {
    const chunk = fc.oneof(
      fc.uint8Array({ maxLength: 50 }),
      fc.integer({ min: 60_000, max: 300_000 }).map((n) => new Uint8Array(n).fill(n & 255)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(chunk, { maxLength: 12 }), fc.boolean(), async (chunks, eager) => {
        const writer = store.writer();
        const writes = [];
        for (const piece of chunks) {
          const written = writer.write(piece);
          if (eager) writes.push(written);
          else await written;
        }
        await Promise.all(writes);
        const whole = Buffer.concat(chunks);
        const stored = await writer.commit();
        expect(stored).toEqual({ digest: digestOf(whole), size: whole.length });
        expect((await drain(store.open(stored.digest))).equals(whole)).toBe(true);
      }),
      { numRuns: 30 },
    );
    expect(tempFiles()).toEqual([]);
  });

  it('shows nothing before commit and nothing after abort', async () => {
    const writer = store.writer();
    await writer.write(HELLO);
    expect(store.has(HELLO_DIGEST)).toBe(false);
    expect(tempFiles()).toHaveLength(1);
    await writer.abort();
    expect([...store.list()]).toEqual([]);
    expect(tempFiles()).toEqual([]);
  });

  it('takes an abort after commit as nothing', async () => {
    const writer = store.writer();
    await writer.write(HELLO);
    await writer.commit({ digest: HELLO_DIGEST, size: 5 });
    await writer.abort();
    expect(store.has(HELLO_DIGEST)).toBe(true);
  });

  it.each([
    ['another digest', { digest: digestOf('other') }],
    ['another size', { digest: HELLO_DIGEST, size: 6 }],
  ])('keeps nothing of content that has %s', async (_, expected) => {
    const writer = store.writer();
    await writer.write(HELLO);
    await expect(writer.commit(expected)).rejects.toMatchObject({ code: 'store/digest-mismatch' });
    expect([...store.list()]).toEqual([]);
    expect(tempFiles()).toEqual([]);
  });

  it('refuses to read more than the limit into memory', async () => {
    await store.put(HELLO);
    await expect(store.read(HELLO_DIGEST, 4)).rejects.toMatchObject({ code: 'store/blob-too-large' });
  });

  it('removes, also what is not there', async () => {
    await store.put(HELLO);
    store.remove(HELLO_DIGEST);
    store.remove(HELLO_DIGEST);
    expect(store.has(HELLO_DIGEST)).toBe(false);
  });

  it('refreshes the time of a blob that is asked for after a while', async () => {
    await store.put(HELLO);
    utimesSync(store.path(HELLO_DIGEST), 1000, 1000);
    store.has(HELLO_DIGEST);
    expect(Date.now() - lstatSync(store.path(HELLO_DIGEST)).mtimeMs).toBeLessThan(60_000);
  });
});

describe('damage', () => {
  const damages: [string, (path: string) => void][] = [
    ['truncated', (path) => truncateSync(path, 3)],
    ['emptied', (path) => truncateSync(path, 0)],
    ['bit-flipped', (path) => writeFileSync(path, 'hellp')],
    ['extended', (path) => writeFileSync(path, 'hello world')],
  ];
  for (const [name, damage] of damages) {
    it(`reports a ${name} blob, removes it and lets it be stored again`, async () => {
      for (const reading of [() => drain(store.open(HELLO_DIGEST)), () => store.read(HELLO_DIGEST)]) {
        await store.put(HELLO);
        chmodSync(store.path(HELLO_DIGEST), 0o644);
        damage(store.path(HELLO_DIGEST));
        await expect(reading()).rejects.toMatchObject({ code: 'store/corrupt-blob', hint: expect.stringContaining('again') });
        expect(store.has(HELLO_DIGEST)).toBe(false);
      }
      await store.put(HELLO);
      expect(await store.read(HELLO_DIGEST)).toEqual(HELLO);
    });
  }

  it('heals a damaged blob when the same content is put again', async () => {
    await store.put(HELLO);
    chmodSync(store.path(HELLO_DIGEST), 0o644);
    writeFileSync(store.path(HELLO_DIGEST), 'jello');
    await store.put(HELLO);
    expect(await store.read(HELLO_DIGEST)).toEqual(HELLO);
  });

  it('says that a blob is missing', async () => {
    await expect(drain(store.open(HELLO_DIGEST))).rejects.toMatchObject({ code: 'store/missing-blob' });
    await expect(store.read(HELLO_DIGEST)).rejects.toMatchObject({ code: 'store/missing-blob' });
    expect(store.size(HELLO_DIGEST)).toBeNull();
  });

  it('does not follow a link that stands where a blob belongs', async () => {
    await store.put(HELLO);
    const elsewhere = join(root, 'elsewhere');
    writeFileSync(elsewhere, HELLO);
    rmSync(store.path(HELLO_DIGEST));
    symlinkSync(elsewhere, store.path(HELLO_DIGEST));
    expect(store.has(HELLO_DIGEST)).toBe(false);
    await expect(drain(store.open(HELLO_DIGEST))).rejects.toMatchObject({ code: 'store/io' });
  });

  it('ignores strange files among the blobs', async () => {
    await store.put(HELLO);
    writeFileSync(join(root, 'blobs-v1/sha256/2c/README'), 'x');
    writeFileSync(join(root, 'blobs-v1/sha256/stray'), 'x');
    expect([...store.list()].map((blob) => blob.digest)).toEqual([HELLO_DIGEST]);
  });

  it('names the path when the store cannot be written', async () => {
    const file = join(root, 'file');
    writeFileSync(file, '');
    const blocked = openFsBlobStore(file);
    await expect(blocked.put(HELLO)).rejects.toMatchObject({ code: 'store/io', message: expect.stringContaining(file) });
  });
});

describe('several processes', () => {
  it('leaves one valid blob when all write the same content at once', async () => {
    const results = await Promise.all(
      Array.from({ length: 5 }, () =>
        finished(spawn(process.execPath, [CHILD, root, '7', '64'], { stdio: ['ignore', 'pipe', 'inherit'] })),
      ),
    );
    const digest = digestOf(Buffer.alloc(64 * 65_536, 7));
    expect(results).toEqual(results.map(() => ({ code: 0, out: digest })));
    expect([...store.list()]).toEqual([{ digest, size: 64 * 65_536 }]);
    expect((await drain(store.open(digest))).length).toBe(64 * 65_536);
    expect(tempFiles()).toEqual([]);
  });

  it('leaves only a temporary file when a writer is killed', async () => {
    const child = spawn(process.execPath, [CHILD, root, '1', '40', 'hang'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const end = finished(child);
    await new Promise((resolve) => child.stdout.once('data', resolve));
    child.kill('SIGKILL');
    await end;
    expect([...store.list()]).toEqual([]);
    expect(tempFiles()).toHaveLength(1);
    await store.put(HELLO);
    expect(await store.read(HELLO_DIGEST)).toEqual(HELLO);
  });
});
