// Copies from real files into a real layer: what the blob holds is what the plan said, for the build
// context, for unpacked layers of a stage, and for archives of every codec.
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, linkSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openFsBlobStore } from '../../src/cache/fs-blob-store.ts';
import { openLocalTree } from '../../src/context/local-tree.ts';
import type { FileEntry, LayerToc } from '../../src/core/file-entry.ts';
import { type CopyInput, planCopy } from '../../src/executor/copy/plan-copy.ts';
import { runCopy } from '../../src/executor/copy/run-copy.ts';
import { createLayerSink } from '../../src/executor/layer/layer-sink.ts';
import { MergedTree } from '../../src/executor/layer/merged-tree.ts';
import { readLayer } from '../../src/executor/layer/toc.ts';
import type { CopyOp } from '../../src/graph/op.ts';

const NOW = 1_900_000_000;
let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'copy-layer-'));
  mkdirSync(join(root, 'store'));
  mkdirSync(join(root, 'ctx/d/e'), { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const op = (change: Partial<CopyOp> = {}): CopyOp => ({
  type: 'copy',
  keyword: 'COPY',
  sources: [{ type: 'files', input: 1, pattern: '' }],
  dest: '/to',
  destIsDir: true,
  link: false,
  parents: false,
  exclude: [],
  unpack: 'never',
  ...change,
});

/** Copies, then reads the blob back; the two tables of contents must agree. */
async function copy(request: CopyOp, input: CopyInput, base: MergedTree | null = null): Promise<LayerToc> {
  const store = openFsBlobStore(join(root, 'store'));
  const plan = await planCopy({
    op: request,
    base,
    sources: { 1: input },
    time: NOW,
    identity: (path) => base?.readIdentityFile(path) ?? null,
  });
  const made = await runCopy(plan, createLayerSink(store, { compression: 'gzip' }));
  const read = await readLayer(store.open(made.layer.blob.digest), { diffId: made.layer.diffId });
  expect(read.toc).toEqual(made.toc);
  return made.toc;
}

const context = (): CopyInput => ({ type: 'tree', tree: openLocalTree(join(root, 'ctx')) });
const write = (path: string, text: string | Uint8Array): void => writeFileSync(join(root, 'ctx', path), text);
const summary = (toc: LayerToc): string[] =>
  toc.entries.map(({ type, path, link }) => `${type} ${path}${link === undefined ? '' : ` -> ${link}`}`);
const find = (toc: LayerToc, path: string): FileEntry | undefined => toc.entries.find((entry) => entry.path === path);

describe('a copy of the build context', () => {
  it('keeps links, modes, times and names that are not UTF-8', async () => {
    write('d/a', 'hello');
    linkSync(join(root, 'ctx/d/a'), join(root, 'ctx/d/e/b'));
    symlinkSync('../nowhere', join(root, 'ctx/d/l'));
    chmodSync(join(root, 'ctx/d/a'), 0o4711);
    writeFileSync(Buffer.concat([Buffer.from(join(root, 'ctx/x')), Buffer.from([0x81])]), '');
    utimesSync(join(root, 'ctx/d/a'), 1_500_000_000, 1_500_000_000);
    const toc = await copy(op(), context());
    expect(summary(toc)).toEqual([
      'dir to',
      'dir to/d',
      'file to/d/a',
      'dir to/d/e',
      'hardlink to/d/e/b -> to/d/a',
      'symlink to/d/l -> ../nowhere',
      'file to/x\udc81',
    ]);
    expect(find(toc, 'to/d/a')).toMatchObject({ mode: 0o4711, uid: 0, gid: 0, size: 5, mtime: 1_500_000_000 });
  });

  it('is a layer without entries when everything is there already', async () => {
    write('d/a', 'hello');
    const first = await copy(op(), context());
    const second = await copy(op(), context(), new MergedTree([first]));
    expect(second.entries).toEqual([]);
    // Same size, same time, other bytes: only the content tells.
    const time = find(first, 'to/d/a')?.mtime ?? 0;
    write('d/a', 'other');
    utimesSync(join(root, 'ctx/d/a'), time, time);
    expect(summary(await copy(op(), context(), new MergedTree([first])))).toContain('file to/d/a');
  });

  it('stops when a file changes while it is read, and leaves nothing in the store', async () => {
    write('d/a', 'hello');
    const input = context();
    const store = openFsBlobStore(join(root, 'store'));
    const plan = await planCopy({ op: op(), base: null, sources: { 1: input }, time: NOW, identity: () => null });
    // As taking its content key does.
    if (input.type === 'tree') input.tree.entries?.('d');
    write('d/a', 'much longer');
    await expect(runCopy(plan, createLayerSink(store, { compression: 'gzip' }))).rejects.toMatchObject({ code: 'exec/layer-file-changed' });
    expect([...store.list()]).toEqual([]);
  });

  it('stops when it is cancelled', async () => {
    write('d/a', 'hello');
    const plan = await planCopy({ op: op(), base: null, sources: { 1: context() }, time: NOW, identity: () => null });
    const sink = createLayerSink(openFsBlobStore(join(root, 'store')), { compression: 'gzip' });
    await expect(runCopy(plan, sink, AbortSignal.abort())).rejects.toThrow();
  });
});

describe('a copy of a stage', () => {
  const entry = (path: string, type: FileEntry['type'], extra: Partial<FileEntry> = {}): FileEntry => ({
    path,
    type,
    mode: type === 'dir' ? 0o755 : 0o640,
    uid: 5,
    gid: 6,
    size: 0,
    mtime: 1_500_000_000,
    ...extra,
  });

  it('reads each file from the layer that carries it, keeps hard links and devices, and only file capabilities', async () => {
    const roots = [join(root, 'one'), join(root, 'two')];
    for (const dir of roots) mkdirSync(join(dir, 'd'), { recursive: true });
    writeFileSync(join(root, 'one/d/low'), 'low');
    linkSync(join(root, 'one/d/low'), join(root, 'one/d/link'));
    writeFileSync(join(root, 'one/d/both'), 'old');
    writeFileSync(join(root, 'two/d/both'), 'new!');
    const capability = { 'security.capability': '\x01\x00', 'user.note': 'x' };
    const tocs: LayerToc[] = [
      {
        entries: [
          entry('d', 'dir'),
          entry('d/low', 'file', { size: 3, xattrs: capability }),
          entry('d/link', 'hardlink', { link: 'd/low' }),
          entry('d/both', 'file', { size: 3 }),
          entry('d/gone', 'file'),
          entry('d/disk', 'block', { devMajor: 8, devMinor: 300 }),
        ],
        identityFiles: {},
      },
      { entries: [entry('d', 'dir'), entry('d/both', 'file', { size: 4 }), entry('d/gone', 'whiteout')], identityFiles: {} },
    ];
    const toc = await copy(op({ sources: [{ type: 'files', input: 1, pattern: 'd' }] }), {
      type: 'tree',
      tree: new MergedTree(tocs, roots),
    });
    expect(summary(toc)).toEqual(['dir to', 'file to/both', 'char to/disk', 'file to/link', 'hardlink to/low -> to/link']);
    expect(find(toc, 'to/both')).toMatchObject({ size: 4, uid: 5, gid: 6, mode: 0o640 });
    expect(find(toc, 'to/link')?.xattrs).toEqual({ 'security.capability': '\x01\x00' });
    expect(find(toc, 'to/disk')).toMatchObject({ devMajor: 8, devMinor: 300 });
  });
});

describe('ADD of an archive', () => {
  const tar = (): Buffer => {
    write('d/a', 'hello');
    write('d/e/big', Buffer.alloc(600_000, 'x'));
    linkSync(join(root, 'ctx/d/a'), join(root, 'ctx/d/h'));
    return execFileSync('tar', ['-C', join(root, 'ctx'), '--sort=name', '--owner=7', '--group=8', '--mtime=@1300000000', '-cf', '-', 'd']);
  };
  const expected = ['dir to', 'dir to/d', 'dir to/d/e', 'file to/d/a', 'file to/d/e/big', 'hardlink to/d/h -> to/d/a'];

  it.each([
    ['tar', (bytes: Buffer) => bytes],
    ['gzip', (bytes: Buffer) => gzipSync(bytes)],
    ['zstd', (bytes: Buffer) => zstdCompressSync(bytes)],
    ['bzip2', (bytes: Buffer) => execFileSync('bzip2', ['-c'], { input: bytes })],
    ['xz', (bytes: Buffer) => execFileSync('xz', ['-c'], { input: bytes })],
  ])('unpacks %s', async (codec, pack) => {
    if ((codec === 'bzip2' || codec === 'xz') && spawnSync(codec, ['--help']).error !== undefined) {
      process.stderr.write(`skipped: ADD of ${codec} archives needs the program ${codec}\n`);
      return;
    }
    const bytes = pack(tar());
    rmSync(join(root, 'ctx/d'), { recursive: true });
    write('t', bytes);
    const toc = await copy(op({ keyword: 'ADD', sources: [{ type: 'files', input: 1, pattern: 't' }], unpack: 'auto' }), context());
    expect(summary(toc)).toEqual(expected);
    expect(find(toc, 'to/d/e/big')).toMatchObject({ uid: 7, gid: 8, size: 600_000, mtime: 1_300_000_000 });
  });

  it('leaves downloads as they are unless told to unpack them', async () => {
    const hostPath = join(root, 'download');
    writeFileSync(hostPath, tar());
    const file: CopyInput = { type: 'file', name: 'x.tar', hostPath, mode: 0o600, size: statSync(hostPath).size, mtime: 7 };
    const remote = { keyword: 'ADD', sources: [{ type: 'remote', input: 1 }] } as const;
    expect(summary(await copy(op({ ...remote, unpack: 'auto' }), file))).toEqual(['dir to', 'file to/x.tar']);
    expect(summary(await copy(op({ ...remote, unpack: 'always' }), file))).toEqual(expected);
    const plain = await copy(op({ ...remote, unpack: 'auto', dest: '/bin/tool', destIsDir: false }), file);
    expect(find(plain, 'bin/tool')).toMatchObject({ mode: 0o600, uid: 0, gid: 0, mtime: 7 });
  });
});
