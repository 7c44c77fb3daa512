// Image archives: what is written can be read back, by us and by the rules of the formats; archives
// from elsewhere are believed only as far as their digests go.
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { type Header, pack } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BlobStore } from '../../../src/cache/blob-store.ts';
import { openFsBlobStore } from '../../../src/cache/fs-blob-store.ts';
import { digestOf, parseDiffId, sha256Hex } from '../../../src/core/digest.ts';
import { OCI_LAYER } from '../../../src/core/media-types.ts';
import { type AssembledImage, assembleImage, assembleIndex } from '../../../src/push/assemble/assemble-image.ts';
import { writeDockerArchive } from '../../../src/push/assemble/docker-archive.ts';
import { readLayoutDirectory } from '../../../src/push/assemble/layout-directory.ts';
import type { LayoutImage } from '../../../src/push/assemble/layout-index.ts';
import { writeOciArchive, writeOciDirectory } from '../../../src/push/assemble/oci-archive.ts';
import { readArchive } from '../../../src/push/assemble/read-archive.ts';

let base: string;
let source: BlobStore;
let target: BlobStore;
const CREATED = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'archives-'));
  source = openFsBlobStore(join(base, 'source'));
  target = openFsBlobStore(join(base, 'target'));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

class Sink extends Writable {
  readonly chunks: Buffer[] = [];
  override _write(chunk: Buffer, _: unknown, done: () => void): void {
    this.chunks.push(chunk);
    // Late, so that back-pressure is felt.
    setImmediate(done);
  }
  bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }
}

async function archived(write: (out: Writable) => Promise<void>): Promise<Buffer> {
  const sink = new Sink();
  await write(sink);
  return sink.bytes();
}

/** An image whose layers are these bytes, uncompressed. */
async function image(layers: readonly Buffer[], architecture = 'amd64'): Promise<AssembledImage> {
  const refs = [];
  for (const bytes of layers) {
    const blob = { mediaType: OCI_LAYER, ...(await source.put(bytes)) };
    refs.push({ layer: { blob, diffId: parseDiffId(blob.digest) } });
  }
  return assembleImage({ platform: { os: 'linux', architecture }, config: {}, history: [] }, refs, source);
}

const layout = (assembled: { descriptor: LayoutImage['descriptor'] }, ...names: string[]): LayoutImage => ({
  descriptor: assembled.descriptor,
  names,
  created: CREATED,
});

interface Member {
  readonly name: string;
  readonly content?: string | Buffer;
  readonly type?: Header['type'];
  readonly linkname?: string;
}

async function tarOf(members: readonly Member[]): Promise<Buffer> {
  const tar = pack();
  for (const { name, content = '', type = 'file', linkname } of members) {
    tar.entry({ name, type, ...(linkname === undefined ? {} : { linkname }) }, content);
  }
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const read = (bytes: Buffer) => readArchive(Readable.from([bytes]), target);
const LAYER_A = Buffer.alloc(300_000, 'a');
const LAYER_B = Buffer.from('b');

describe('an OCI archive', () => {
  it('holds what buildx writes, one entry for each name, and comes back', async () => {
    const one = await image([LAYER_A, LAYER_B]);
    const bytes = await archived((out) => writeOciArchive([layout(one, 'docker.io/library/app:1', 'reg.test/x/app:2')], source, out));
    const index = bytes.toString('latin1').match(/\{"schemaVersion":2,"mediaType":"application\/vnd\.oci\.image\.index[^\0]*/)?.[0] ?? '';
    const entry = (full: string, tag: string): unknown => ({
      ...one.descriptor,
      annotations: {
        'io.containerd.image.name': full,
        'org.opencontainers.image.created': '2026-01-02T03:04:05Z',
        'org.opencontainers.image.ref.name': tag,
      },
    });
    expect(JSON.parse(index)).toMatchObject({ manifests: [entry('docker.io/library/app:1', '1'), entry('reg.test/x/app:2', '2')] });
    expect(await read(bytes)).toEqual([{ descriptor: one.descriptor, names: ['docker.io/library/app:1', 'reg.test/x/app:2'] }]);
    expect(await target.read(one.layers[0]?.digest ?? digestOf(''))).toEqual(LAYER_A);
  });

  it('depends on the image alone', async () => {
    const one = await image([LAYER_A]);
    const write = () => archived((out) => writeOciArchive([layout(one)], source, out));
    expect((await write()).equals(await write())).toBe(true);
  });

  it('comes back for any layers, names and compression', async () => {
    const name = fc.constantFrom('docker.io/library/a:1', 'docker.io/user/b:latest', 'localhost:5000/c:x');
    const squeeze = fc.constantFrom((bytes: Buffer) => bytes, gzipSync, zstdCompressSync);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 2000 }), { maxLength: 4 }),
        fc.uniqueArray(name),
        squeeze,
        async (layers, names, compress) => {
          const one = await image(layers.map((layer) => Buffer.from(layer)));
          const bytes = await archived((out) => writeOciArchive([layout(one, ...names)], source, out));
          expect(await read(compress(bytes) as Buffer)).toEqual([{ descriptor: one.descriptor, names }]);
          for (const layer of one.layers) expect(target.size(layer.digest)).toBe(layer.size);
        },
      ),
      { numRuns: 25 },
    );
  });

  it('holds an index over several platforms', async () => {
    const images = [await image([LAYER_A], 'amd64'), await image([LAYER_B], 'arm64')];
    const index = await assembleIndex(images, source);
    const bytes = await archived((out) => writeOciArchive([layout({ descriptor: index }, 'docker.io/library/app:1')], source, out));
    expect(await read(bytes)).toEqual([{ descriptor: index, names: ['docker.io/library/app:1'] }]);
    for (const each of images) expect(target.has(each.config.digest)).toBe(true);
  });

  it('is not finished when a blob is damaged on the way', async () => {
    const one = await image([LAYER_A]);
    const path = source.path(one.layers[0]?.digest ?? digestOf(''));
    chmodSync(path, 0o644);
    writeFileSync(path, Buffer.alloc(LAYER_A.length, 'x'));
    await expect(archived((out) => writeOciArchive([layout(one)], source, out))).rejects.toMatchObject({ code: 'store/corrupt-blob' });
  });

  it('stops when the reader goes away', async () => {
    const one = await image([Buffer.alloc(4_000_000)]);
    const out = new Writable({ write: (_chunk, _encoding, done) => done(Object.assign(new Error('closed'), { code: 'EPIPE' })) });
    await expect(writeOciArchive([layout(one)], source, out)).rejects.toMatchObject({ code: 'EPIPE' });
  });
});

describe('an OCI directory', () => {
  it('is added to: the same name is replaced, others stay, no name means latest', async () => {
    const directory = join(base, 'layout');
    const [one, two] = [await image([LAYER_A]), await image([LAYER_B])];
    await writeOciDirectory([layout(one, 'docker.io/library/a:1', 'docker.io/library/b:1')], source, directory);
    await writeOciDirectory([layout(two, 'docker.io/library/a:1')], source, directory);
    await writeOciDirectory([layout(two)], source, directory);
    const index = JSON.parse(readFileSync(join(directory, 'index.json'), 'utf8')) as {
      manifests: { digest: string; annotations: Record<string, string> }[];
    };
    expect(
      index.manifests.map((entry) => [
        entry.digest,
        entry.annotations['io.containerd.image.name'],
        entry.annotations['org.opencontainers.image.ref.name'],
      ]),
    ).toEqual([
      [one.descriptor.digest, 'docker.io/library/b:1', '1'],
      [two.descriptor.digest, 'docker.io/library/a:1', '1'],
      [two.descriptor.digest, undefined, 'latest'],
    ]);
    expect(readdirSync(directory).toSorted()).toEqual(['blobs', 'index.json', 'oci-layout']);
    expect(await readLayoutDirectory(directory, target)).toEqual([
      { descriptor: one.descriptor, names: ['docker.io/library/b:1'] },
      { descriptor: two.descriptor, names: ['docker.io/library/a:1'] },
    ]);
  });

  it('gives one image by digest, and leaves out what is not asked for', async () => {
    const directory = join(base, 'layout');
    const images = [await image([LAYER_A], 'amd64'), await image([LAYER_B], 'arm64')];
    const index = await assembleIndex(images, source);
    await writeOciDirectory([layout({ descriptor: index })], source, directory);
    const found = await readLayoutDirectory(directory, target, {
      digest: index.digest,
      skip: (manifest) => manifest.platform?.architecture === 'arm64',
    });
    expect(found[0]?.descriptor).toEqual(index);
    expect(images.map((each) => target.has(each.config.digest))).toEqual([true, false]);
    await expect(readLayoutDirectory(directory, target, { digest: digestOf('?') })).rejects.toMatchObject({ code: 'image/bad-archive' });
  });

  it('takes two images with a layer in common at once, as targets of one bake', async () => {
    const directory = join(base, 'layout');
    const [one, two] = [await image([LAYER_A, LAYER_B]), await image([LAYER_A])];
    await Promise.all([
      writeOciDirectory([layout(one, 'docker.io/library/a:1')], source, directory),
      writeOciDirectory([layout(two, 'docker.io/library/b:1')], source, directory),
    ]);
    const found = await readLayoutDirectory(directory, target);
    expect(found.map(({ descriptor }) => descriptor.digest).toSorted()).toEqual([one.descriptor.digest, two.descriptor.digest].toSorted());
    expect(readdirSync(join(directory, 'blobs/sha256')).filter((name) => name.includes('.'))).toEqual([]);
  });

  it('does not follow links to files of this machine', async () => {
    const directory = join(base, 'layout');
    const one = await image([LAYER_A]);
    await writeOciDirectory([layout(one)], source, directory);
    const blob = join(directory, 'blobs/sha256', one.layers[0]?.digest.slice(7) ?? '');
    rmSync(blob);
    symlinkSync(source.path(one.layers[0]?.digest ?? digestOf('')), blob);
    await expect(readLayoutDirectory(directory, target)).rejects.toMatchObject({ code: 'image/incomplete-archive' });
  });

  it('is refused when a blob has other bytes', async () => {
    const directory = join(base, 'layout');
    const one = await image([LAYER_A]);
    await writeOciDirectory([layout(one)], source, directory);
    const blob = join(directory, 'blobs/sha256', one.config.digest.slice(7));
    chmodSync(blob, 0o644);
    writeFileSync(blob, Buffer.alloc(one.config.size));
    await expect(readLayoutDirectory(directory, target)).rejects.toMatchObject({ code: 'store/digest-mismatch' });
    expect(target.has(one.config.digest)).toBe(false);
  });

  it('names the path that cannot be written, or holds no layout', async () => {
    writeFileSync(join(base, 'file'), '');
    await expect(writeOciDirectory([layout(await image([]))], source, join(base, 'file'))).rejects.toMatchObject({
      code: 'image/output-not-writable',
      message: expect.stringContaining(join(base, 'file')),
    });
    mkdirSync(join(base, 'empty'));
    await expect(readLayoutDirectory(join(base, 'empty'), target)).rejects.toMatchObject({ code: 'image/bad-archive' });
  });
});

describe('a docker archive', () => {
  it('has the manifest.json that docker load wants, with familiar names', async () => {
    const one = await image([LAYER_A, LAYER_B]);
    const bytes = await archived((out) => writeDockerArchive([layout(one, 'docker.io/library/app:1', 'reg.test/x/app:2')], source, out));
    const manifest = JSON.parse(bytes.toString('latin1').match(/\[\{"Config":[^\0]*/)?.[0] ?? '') as unknown;
    const path = (digest: string): string => `blobs/sha256/${digest.slice(7)}`;
    expect(manifest).toEqual([
      { Config: path(one.config.digest), RepoTags: ['app:1', 'reg.test/x/app:2'], Layers: one.layers.map((layer) => path(layer.digest)) },
    ]);
    expect(await read(bytes)).toEqual([{ descriptor: one.descriptor, names: ['docker.io/library/app:1', 'reg.test/x/app:2'] }]);
  });

  it('refuses an index', async () => {
    const index = await assembleIndex([await image([]), await image([LAYER_A], 'arm64')], source);
    await expect(archived((out) => writeDockerArchive([layout({ descriptor: index })], source, out))).rejects.toMatchObject({
      code: 'image/single-platform-only',
    });
  });
});

describe('what docker save and podman save write', () => {
  const config = (...layers: Buffer[]): string =>
    JSON.stringify({ architecture: 'arm', variant: 'v7', os: 'linux', rootfs: { type: 'layers', diff_ids: layers.map(digestOf) } });
  const manifest = (entry: object): Member => ({ name: 'manifest.json', content: JSON.stringify([entry]) });

  it('is read with links between layers resolved inside the archive', async () => {
    const json = config(LAYER_A, LAYER_B, LAYER_A);
    const bytes = await tarOf([
      { name: 'one/layer.tar', content: LAYER_A },
      { name: './two/layer.tar', content: LAYER_B },
      { name: 'three/layer.tar', type: 'symlink', linkname: '../one/layer.tar' },
      { name: `${sha256Hex(json)}.json`, content: json },
      manifest({
        Config: `${sha256Hex(json)}.json`,
        RepoTags: ['app:1', '<none>:<none>'],
        Layers: ['one/layer.tar', 'two/layer.tar', 'three/layer.tar'],
      }),
    ]);
    const [found] = await read(bytes);
    expect(found?.names).toEqual(['docker.io/library/app:1']);
    expect(found?.descriptor.platform).toEqual({ os: 'linux', architecture: 'arm', variant: 'v7' });
    const document = JSON.parse((await target.read(found?.descriptor.digest ?? digestOf(''))).toString()) as {
      layers: { digest: string }[];
      config: { digest: string };
    };
    expect(document.layers.map((layer) => layer.digest)).toEqual([LAYER_A, LAYER_B, LAYER_A].map(digestOf));
    expect(document.config.digest).toBe(digestOf(json));
  });

  it('may carry compressed layers', async () => {
    const json = config(LAYER_A);
    const bytes = await tarOf([
      { name: 'l', content: gzipSync(LAYER_A) },
      { name: 'c.json', content: json },
      manifest({ Config: 'c.json', RepoTags: null, Layers: ['l'] }),
    ]);
    const [found] = await read(bytes);
    const document = (await target.read(found?.descriptor.digest ?? digestOf(''))).toString();
    expect(document).toContain('layer.v1.tar+gzip');
  });

  const hostile: [string, string, () => Member[]][] = [
    [
      'a layer with another diffID',
      'store/digest-mismatch',
      () => [{ name: 'l', content: 'x' }, { name: 'c', content: config(LAYER_A) }, manifest({ Config: 'c', Layers: ['l'] })],
    ],
    [
      'a config with another digest',
      'store/digest-mismatch',
      () => [{ name: `${'a'.repeat(64)}.json`, content: config() }, manifest({ Config: `${'a'.repeat(64)}.json`, Layers: [] })],
    ],
    [
      'a missing layer',
      'image/incomplete-archive',
      () => [{ name: 'c', content: config(LAYER_A) }, manifest({ Config: 'c', Layers: ['../../etc/passwd'] })],
    ],
    ['a missing config', 'image/incomplete-archive', () => [manifest({ Config: '/etc/passwd', Layers: [] })]],
    [
      'links in circles',
      'image/bad-archive',
      () => [
        { name: 'a', type: 'symlink', linkname: 'b' },
        { name: 'b', type: 'symlink', linkname: 'a' },
        { name: 'c', content: config(LAYER_A) },
        manifest({ Config: 'c', Layers: ['a'] }),
      ],
    ],
    ['a link out of the archive', 'image/unsafe-archive', () => [{ name: 'a/l', type: 'symlink', linkname: '../../x' }]],
    ['an absolute link', 'image/unsafe-archive', () => [{ name: 'l', type: 'symlink', linkname: '/etc/passwd' }]],
    ['a name out of the archive', 'image/unsafe-archive', () => [{ name: '../../l', content: 'x' }]],
    ['a device', 'image/unsafe-archive', () => [{ name: 'l', type: 'block-device' }]],
    [
      'fewer diffIDs than layers',
      'image/bad-archive',
      () => [{ name: 'l', content: LAYER_A }, { name: 'c', content: config() }, manifest({ Config: 'c', Layers: ['l'] })],
    ],
    [
      'a config of other types',
      'image/bad-archive',
      () => [{ name: 'c', content: JSON.stringify({ os: 5, rootfs: { diff_ids: [] } }) }, manifest({ Config: 'c', Layers: [] })],
    ],
    ['a manifest.json that is no list', 'image/bad-archive', () => [{ name: 'manifest.json', content: '{}' }]],
    ['a manifest.json of null', 'image/bad-archive', () => [{ name: 'manifest.json', content: '[null]' }]],
    ['layers that are no text', 'image/bad-archive', () => [{ name: 'c', content: config() }, manifest({ Config: 'c', Layers: [{}] })]],
    ['no manifest at all', 'image/bad-archive', () => [{ name: 'readme', content: 'x' }]],
    ['a huge document', 'image/unsafe-archive', () => [{ name: 'index.json', content: Buffer.alloc(9 * 1024 * 1024) }]],
    ['an index.json that is no index', 'registry/bad-manifest', () => [{ name: 'index.json', content: '[]' }]],
    ['a blob with other bytes than its name', 'store/digest-mismatch', () => [{ name: `blobs/sha256/${'0'.repeat(64)}`, content: 'x' }]],
    [
      'an index that names a manifest that is not there',
      'image/incomplete-archive',
      () => [
        {
          name: 'index.json',
          content: JSON.stringify({
            schemaVersion: 2,
            manifests: [{ mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: digestOf('?'), size: 3 }],
          }),
        },
      ],
    ],
  ];
  it.each(hostile)('is refused with %s', async (_, code, members) => {
    await expect(read(await tarOf(members()))).rejects.toMatchObject({ code });
  });

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['text', Buffer.from('hello, this is not a tar archive'.repeat(40))],
    ['xz', Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 0])],
    ['a gzip stream that ends early', gzipSync(Buffer.alloc(100_000, 'q')).subarray(0, 60)],
  ])('is refused when it is %s', async (_, bytes) => {
    await expect(read(bytes)).rejects.toMatchObject({ code: 'image/bad-archive' });
  });

  it('is refused when cut or flipped anywhere, never crashing, with nothing wrong in the store', async () => {
    const one = await image([Buffer.alloc(1500, 'z'), LAYER_B]);
    const bytes = await archived((out) => writeDockerArchive([layout(one, 'docker.io/library/a:1')], source, out));
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), fc.boolean(), async (at, change, cut) => {
        const hurt = cut ? bytes.subarray(0, at) : Buffer.from(bytes);
        if (!cut) hurt[at] = (hurt[at] ?? 0) ^ change;
        const outcome = await read(hurt).catch((error: unknown) => error);
        if (!Array.isArray(outcome)) expect(outcome).toMatchObject({ name: 'TsbuildError' });
        for (const blob of target.list()) await target.read(blob.digest);
      }),
      { numRuns: 150 },
    );
    expect(existsSync(join(base, 'target/tmp-v1')) ? readdirSync(join(base, 'target/tmp-v1')) : []).toEqual([]);
  });

  it('stops when aborted', async () => {
    const controller = new AbortController();
    const endless = Readable.from(
      (async function* () {
        yield (await tarOf([{ name: 'l', content: LAYER_A }])).subarray(0, 100_000);
        controller.abort(new Error('interrupted'));
        for (;;) {
          await new Promise((resolve) => setImmediate(resolve));
          yield Buffer.alloc(1024);
        }
      })(),
    );
    await expect(readArchive(endless, target, controller.signal)).rejects.toThrow('interrupted');
  });
});
