// The flattened tree against a simple model of layers: a map from path to what is there. Whatever
// layers say, tar and directory show exactly the model.
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BlobStore } from '../../../src/cache/blob-store.ts';
import { openFsBlobStore } from '../../../src/cache/fs-blob-store.ts';
import type { FileEntry } from '../../../src/core/file-entry.ts';
import { OCI_LAYER_GZIP } from '../../../src/core/media-types.ts';
import type { FlatLayer, RootfsTree } from '../../../src/executor/layer/flatten/flatten.ts';
import { exportLocal } from '../../../src/executor/layer/flatten/flatten-local.ts';
import { type FlattenOptions, writeRootfsTar } from '../../../src/executor/layer/flatten/flatten-tar.ts';
import { readTar } from '../../../src/executor/layer/tar/tar-read.ts';
import { END_OF_TAR, encodeHeader } from '../../../src/executor/layer/tar/tar-write.ts';
import { readLayer } from '../../../src/executor/layer/toc.ts';

let base: string;
let store: BlobStore;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'flatten-'));
  store = openFsBlobStore(join(base, 'store'));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

/** An entry of a layer; `text` is the content of a file. */
type Piece = Partial<FileEntry> & { readonly path: string; readonly type: FileEntry['type']; readonly text?: string };

const entryOf = ({ text = '', ...piece }: Piece): FileEntry => ({
  mode: 0o644,
  uid: 0,
  gid: 0,
  mtime: 1_600_000_000,
  ...piece,
  size: piece.type === 'file' ? Buffer.byteLength(text) : 0,
});
const dir = (path: string, more: Partial<Piece> = {}): Piece => ({ path, type: 'dir', mode: 0o755, ...more });
const file = (path: string, text: string, more: Partial<Piece> = {}): Piece => ({ path, type: 'file', text, ...more });
const link = (path: string, to: string): Piece => ({ path, type: 'hardlink', link: to });
const symlink = (path: string, to: string): Piece => ({ path, type: 'symlink', mode: 0o777, link: to });
const gone = (path: string): Piece => ({ path, type: 'whiteout' });
const opaque = (path: string): Piece => file(`${path}/.wh..wh..opq`, '');

async function layer(...pieces: readonly Piece[]): Promise<FlatLayer> {
  const parts = pieces.flatMap((piece) => {
    const text = Buffer.from(piece.type === 'file' ? (piece.text ?? '') : '');
    return [encodeHeader(entryOf(piece)), text, Buffer.alloc((512 - (text.length % 512)) % 512)];
  });
  const stored = await store.put(gzipSync(Buffer.concat([...parts, END_OF_TAR])));
  const { toc } = await readLayer(store.open(stored.digest));
  return { blob: { mediaType: OCI_LAYER_GZIP, ...stored }, toc };
}

interface Shown {
  readonly type: string;
  readonly text?: string;
  readonly link?: string;
  readonly mode: number;
  readonly mtime: number;
}

const tarBytes = (layers: readonly FlatLayer[], epoch?: number): Promise<Buffer> => tarOfTrees([{ layers }], epoch);

async function tarOfTrees(trees: readonly RootfsTree[], epoch?: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const out = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      setImmediate(done);
    },
  });
  await writeRootfsTar(trees, store, out, epoch === undefined ? {} : { epoch });
  return Buffer.concat(chunks);
}

/** Path → what the tar shows, checking on the way that parents and link targets come first. */
async function shownInTar(bytes: Buffer): Promise<Map<string, Shown>> {
  const shown = new Map<string, Shown>();
  async function* source(): AsyncGenerator<Buffer> {
    yield bytes;
  }
  for await (const { entry, content } of readTar(source(), { kind: 'archive' })) {
    expect(shown.has(entry.path)).toBe(false);
    const parent = entry.path.split('/').slice(0, -1).join('/');
    if (parent !== '') expect(shown.get(parent)?.type).toBe('dir');
    const common = { mode: entry.mode, mtime: entry.mtime };
    if (entry.type === 'file') {
      const parts: Buffer[] = [];
      for await (const chunk of content) parts.push(Buffer.from(chunk));
      shown.set(entry.path, { type: 'file', text: Buffer.concat(parts).toString(), ...common });
    } else if (entry.type === 'hardlink') {
      const target = shown.get(entry.link ?? '');
      expect(target?.type).toBe('file');
      if (target !== undefined) shown.set(entry.path, target);
    } else shown.set(entry.path, { type: entry.type, ...(entry.link === undefined ? {} : { link: entry.link }), ...common });
  }
  return shown;
}

function shownOnDisk(root: string, prefix = ''): Map<string, Shown> {
  const shown = new Map<string, Shown>();
  for (const name of readdirSync(join(root, prefix))) {
    const path = prefix === '' ? name : `${prefix}/${name}`;
    const stats = lstatSync(join(root, path));
    const common = { mode: stats.isSymbolicLink() ? 0o777 : stats.mode & 0o7777, mtime: Math.round(stats.mtimeMs / 1000) };
    if (stats.isDirectory()) {
      shown.set(path, { type: 'dir', ...common });
      for (const [below, what] of shownOnDisk(root, path)) shown.set(below, what);
    } else if (stats.isSymbolicLink()) shown.set(path, { type: 'symlink', link: readlinkSync(join(root, path)), ...common });
    else if (stats.isFIFO()) shown.set(path, { type: 'fifo', ...common });
    else shown.set(path, { type: 'file', text: readFileSync(join(root, path), 'utf8'), ...common });
  }
  return shown;
}

const sorted = (shown: ReadonlyMap<string, Shown>): [string, Shown][] => [...shown].toSorted(([a], [b]) => (a < b ? -1 : 1));
const texts = (shown: ReadonlyMap<string, Shown>): Record<string, string> =>
  Object.fromEntries(sorted(shown).map(([path, what]) => [path, what.text ?? what.type]));
const exported = async (layers: readonly FlatLayer[], options?: FlattenOptions): Promise<Map<string, Shown>> => {
  await exportLocal([{ layers }], store, join(base, 'out'), options);
  return shownOnDisk(join(base, 'out'));
};

describe('flattening', () => {
  it('applies whiteouts, opaque directories and replacements', async () => {
    const layers = [
      await layer(
        dir('a'),
        file('a/1', 'one'),
        file('a/2', 'two'),
        dir('b'),
        file('b/x', 'x'),
        dir('c'),
        file('c/y', 'y'),
        file('t', 'file'),
      ),
      await layer(
        gone('a/1'),
        file('a/3', 'three'),
        dir('b'),
        opaque('b'),
        file('b/z', 'z'),
        file('c', 'now a file'),
        dir('t'),
        file('t/in', 'in'),
      ),
    ];
    const want = { a: 'dir', 'a/2': 'two', 'a/3': 'three', b: 'dir', 'b/z': 'z', c: 'now a file', t: 'dir', 't/in': 'in' };
    expect(texts(await shownInTar(await tarBytes(layers)))).toEqual(want);
    expect(texts(await exported(layers))).toEqual(want);
  });

  it('takes metadata of a directory from the top, and keeps its content', async () => {
    const layers = [await layer(dir('d', { mode: 0o700 }), file('d/f', 'f')), await layer(dir('d', { mode: 0o555, mtime: 1_500_000_000 }))];
    const shown = await shownInTar(await tarBytes(layers));
    expect(shown.get('d')).toEqual({ type: 'dir', mode: 0o555, mtime: 1_500_000_000 });
    expect(shown.get('d/f')?.text).toBe('f');
    expect((await exported(layers)).get('d')).toEqual({ type: 'dir', mode: 0o555, mtime: 1_500_000_000 });
  });

  it('keeps a file whose first name was removed, under the names that are left', async () => {
    const layers = [await layer(dir('d'), file('d/a', 'shared'), link('d/b', 'd/a'), link('c', 'd/a')), await layer(gone('d/a'))];
    expect(texts(await shownInTar(await tarBytes(layers)))).toEqual({ c: 'shared', d: 'dir', 'd/b': 'shared' });
    await exported(layers);
    expect(lstatSync(join(base, 'out/c')).ino).toBe(lstatSync(join(base, 'out/d/b')).ino);
  });

  it('follows hard links into lower layers', async () => {
    const layers = [await layer(file('a', 'below')), await layer(link('b', 'a'))];
    expect(texts(await shownInTar(await tarBytes(layers)))).toEqual({ a: 'below', b: 'below' });
  });

  it('takes the last of several entries with one name', async () => {
    const layers = [await layer(file('a', 'first'), file('a', 'second'))];
    expect(texts(await shownInTar(await tarBytes(layers)))).toEqual({ a: 'second' });
  });

  it('makes directories that no layer describes', async () => {
    const layers = [await layer(file('deep/er/f', 'f'))];
    expect(texts(await exported(layers))).toEqual({ deep: 'dir', 'deep/er': 'dir', 'deep/er/f': 'f' });
  });

  it('keeps owners, special modes, pipes and empty files in a tar, and is the same every time', async () => {
    const layers = [
      await layer(
        file('s', 'x', { mode: 0o4755, uid: 123, gid: 4_000_000 }),
        { path: 'p', type: 'fifo', mode: 0o600 },
        file('e', ''),
        symlink('l', '/etc/passwd'),
      ),
    ];
    const bytes = await tarBytes(layers);
    expect(bytes.equals(await tarBytes(layers))).toBe(true);
    const entries: FileEntry[] = [];
    for await (const { entry } of readTar(
      (async function* () {
        yield bytes;
      })(),
    ))
      entries.push(entry);
    expect(entries.find((entry) => entry.path === 's')).toMatchObject({ mode: 0o4755, uid: 123, gid: 4_000_000 });
    expect(entries.map((entry) => entry.type).toSorted()).toEqual(['fifo', 'file', 'file', 'symlink']);
    expect((await exported(layers)).get('p')?.type).toBe('fifo');
    expect((await exported(layers)).get('s')?.mode).toBe(0o4755);
  });

  it('gives everything the time of the epoch', async () => {
    const layers = [await layer(dir('d'), file('d/f', 'f'), symlink('d/l', 'f'))];
    for (const shown of [await shownInTar(await tarBytes(layers, 1234)), await exported(layers, { epoch: 1234 })]) {
      expect(sorted(shown).map(([, what]) => what.mtime)).toEqual([1234, 1234, 1234]);
    }
  });

  it('survives directories nested as deep as a path can be', async () => {
    const path = Array(2_000).fill('d').join('/');
    const shown = await tarBytes([await layer(file(path, 'deep'))]);
    expect(shown.includes('deep')).toBe(true);
  });

  it('is nothing for an image without layers', async () => {
    expect(await tarBytes([])).toEqual(Buffer.alloc(1024));
    expect(await exported([])).toEqual(new Map());
  });

  it('fails on a damaged layer instead of ending early', async () => {
    const one = await layer(file('a', 'x'));
    const other = await layer(file('b', 'y'));
    await expect(tarBytes([{ ...one, toc: other.toc }])).rejects.toMatchObject({ code: 'exec/layer-malformed' });
  });

  it('shows what a simple model of layers shows', async () => {
    const path = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
    const piece = fc.oneof(
      { weight: 4, arbitrary: fc.tuple(path, fc.string({ maxLength: 5 })).map(([at, text]) => file(at, text)) },
      { weight: 3, arbitrary: path.map((at) => dir(at)) },
      { weight: 2, arbitrary: path.map(gone) },
      { weight: 1, arbitrary: path.map(opaque) },
    );
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uniqueArray(piece, { maxLength: 6, selector: (one) => one.path }), { maxLength: 4 }), async (stack) => {
        const consistent = stack.map(withoutContradictions);
        const layers = [];
        for (const pieces of consistent) layers.push(await layer(...pieces));
        const want = model(consistent);
        expect(texts(await shownInTar(await tarBytes(layers)))).toEqual(want);
        const out = join(base, `run${run++}`);
        await exportLocal([{ layers }], store, out);
        expect(texts(shownOnDisk(out))).toEqual(want);
      }),
      { numRuns: 60 },
    );
  });
});

/** Real layers put nothing below what is no directory, remove nothing they bring, and describe the directories they mark. */
function withoutContradictions(pieces: readonly Piece[]): Piece[] {
  const plain = new Set(pieces.filter((piece) => piece.type === 'file' && !piece.path.endsWith('.opq')).map((piece) => piece.path));
  const kept = pieces.filter((piece) => {
    const parts = piece.path.split('/');
    return !parts.slice(0, -1).some((_, index) => plain.has(parts.slice(0, index + 1).join('/')));
  });
  const present = new Set(
    kept
      .filter((piece) => piece.type !== 'whiteout')
      .flatMap((piece) => piece.path.split('/').map((_, index, parts) => parts.slice(0, index + 1).join('/'))),
  );
  const marked = kept.filter((piece) => piece.path.endsWith('.opq')).map((piece) => dir(piece.path.slice(0, -'/.wh..wh..opq'.length)));
  const bare = marked.filter((above) => !kept.some((piece) => piece.path === above.path && piece.type === 'dir'));
  return [...bare, ...kept.filter((piece) => piece.type !== 'whiteout' || !present.has(piece.path))];
}

/** Layer semantics in a few lines: first what the layer hides, then what it brings. */
function model(stack: readonly (readonly Piece[])[]): Record<string, string> {
  const tree = new Map<string, string>();
  const hide = (path: string, itself: boolean): void => {
    for (const key of [...tree.keys()]) if ((itself && key === path) || key.startsWith(`${path}/`)) tree.delete(key);
  };
  const put = (path: string, what: string): void => {
    const parts = path.split('/');
    for (let depth = 1; depth < parts.length; depth++) {
      const above = parts.slice(0, depth).join('/');
      if (tree.get(above) !== 'dir') {
        hide(above, true);
        tree.set(above, 'dir');
      }
    }
    if (what !== 'dir' || tree.get(path) !== 'dir') hide(path, true);
    tree.set(path, what);
  };
  for (const pieces of stack) {
    for (const piece of pieces) {
      if (piece.type === 'whiteout') hide(piece.path, true);
      else if (piece.path.endsWith('.opq')) hide(piece.path.split('/').slice(0, -1).join('/'), false);
    }
    for (const piece of pieces) {
      if (piece.path.endsWith('.opq')) put(piece.path.split('/').slice(0, -1).join('/'), 'dir');
      else if (piece.type !== 'whiteout') put(piece.path, piece.type === 'dir' ? 'dir' : (piece.text ?? ''));
    }
  }
  return Object.fromEntries([...tree].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

describe('type=local', () => {
  it('writes nothing through links that the image or an earlier export planted', async () => {
    mkdirSync(join(base, 'victim'));
    writeFileSync(join(base, 'victim/passwd'), 'safe');
    await exported([await layer(symlink('etc', join(base, 'victim')))]);
    await exported([await layer(dir('etc'), file('etc/passwd', 'evil'))]);
    expect(readFileSync(join(base, 'victim/passwd'), 'utf8')).toBe('safe');
    expect(readFileSync(join(base, 'out/etc/passwd'), 'utf8')).toBe('evil');

    rmSync(join(base, 'out/etc/passwd'));
    symlinkSync(join(base, 'victim/passwd'), join(base, 'out/etc/passwd'));
    await exported([await layer(dir('etc'), file('etc/passwd', 'evil'))]);
    expect(readFileSync(join(base, 'victim/passwd'), 'utf8')).toBe('safe');
  });

  it('merges into what is there', async () => {
    mkdirSync(join(base, 'out/d'), { recursive: true });
    writeFileSync(join(base, 'out/mine'), 'mine');
    writeFileSync(join(base, 'out/d/mine'), 'mine');
    const layers = [await layer(dir('d'), file('d/f', 'f'))];
    expect(texts(await exported(layers))).toEqual({ d: 'dir', 'd/f': 'f', 'd/mine': 'mine', mine: 'mine' });
  });

  it('replaces a directory by a file and the other way round', async () => {
    mkdirSync(join(base, 'out/f/deep'), { recursive: true });
    writeFileSync(join(base, 'out/d'), 'file');
    expect(texts(await exported([await layer(file('f', 'f'), dir('d'))]))).toEqual({ d: 'dir', f: 'f' });
  });

  it('writes into directories that are closed in the image', async () => {
    const shown = await exported([await layer(dir('d', { mode: 0o555 }), file('d/f', 'f', { mode: 0o400 }))]);
    expect(shown.get('d')?.mode).toBe(0o555);
  });

  const platform = async (name: string, ...pieces: readonly Piece[]): Promise<RootfsTree> => ({
    layers: [await layer(...pieces)],
    platform: name,
  });

  it('puts platforms into directories of their own when they are split', async () => {
    const trees = [
      { ...(await platform('linux/amd64', dir('d'), file('d/a', '1'), link('d/b', 'd/a'))), prefix: 'linux_amd64' },
      { ...(await platform('linux/arm/v7', dir('d'), file('d/a', '2'))), prefix: 'linux_arm_v7' },
    ];
    const want = {
      linux_amd64: 'dir',
      'linux_amd64/d': 'dir',
      'linux_amd64/d/a': '1',
      'linux_amd64/d/b': '1',
      linux_arm_v7: 'dir',
      'linux_arm_v7/d': 'dir',
      'linux_arm_v7/d/a': '2',
    };
    await exportLocal(trees, store, join(base, 'out'));
    expect(texts(shownOnDisk(join(base, 'out')))).toEqual(want);
    expect(shownOnDisk(join(base, 'out')).get('linux_amd64')).toMatchObject({ mode: 0o755, mtime: 0 });
    expect(texts(await shownInTar(await tarOfTrees(trees)))).toEqual(want);
  });

  it('merges platforms that are not split, but refuses a file that two of them have', async () => {
    const [one, two] = [
      await platform('linux/amd64', dir('d'), file('d/a', '1')),
      await platform('linux/arm64', dir('d'), file('d/b', '2')),
    ];
    await exportLocal([one, two], store, join(base, 'out'));
    expect(texts(shownOnDisk(join(base, 'out')))).toEqual({ d: 'dir', 'd/a': '1', 'd/b': '2' });
    const three = await platform('linux/s390x', file('d/a', '3'));
    await expect(exportLocal([one, three], store, join(base, 'none'))).rejects.toMatchObject({
      code: 'image/output-conflict',
      message: 'cannot overwrite d/a from linux/amd64 with linux/s390x',
    });
    expect(existsSync(join(base, 'none'))).toBe(false);
  });

  it('stops when aborted, and names the path that cannot be written', async () => {
    const layers = [await layer(file('a', 'x'))];
    await expect(exported(layers, { signal: AbortSignal.abort(new Error('interrupted')) })).rejects.toThrow('interrupted');
    writeFileSync(join(base, 'file'), '');
    await expect(exportLocal([{ layers }], store, join(base, 'file/out'))).rejects.toMatchObject({ code: 'image/output-not-writable' });
    expect(existsSync(join(base, 'file/out'))).toBe(false);
  });

  it('says that a name is too long instead of crashing', async () => {
    await expect(exported([await layer(file('n'.repeat(300), 'x'))])).rejects.toMatchObject({
      code: 'image/output-not-writable',
      message: expect.stringContaining('ENAMETOOLONG'),
    });
  });
});
