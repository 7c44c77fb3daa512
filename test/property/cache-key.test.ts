// Keys: every declared part counts, parts cannot run into each other, what is not declared does not count.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contentKeyOfEntries } from '../../src/core/content-digest.ts';
import { cacheKeyOf, contentKeyOf, sha256Hex } from '../../src/core/digest.ts';
import type { FileEntry } from '../../src/core/file-entry.ts';
import { differences, layerKey } from '../../src/graph/cache-key.ts';
import type { CopyOp, ExecOp, VertexMeta } from '../../src/graph/op.ts';
import type { Vertex, VertexId } from '../../src/graph/vertex.ts';

const META: VertexMeta = { label: 'l', stage: 's', noCache: false, proxyEnv: [], platform: { os: 'linux', architecture: 'amd64' } };
const vertex = (op: Vertex['op'], meta: Partial<VertexMeta> = {}): Vertex => ({
  id: 'v' as VertexId,
  op,
  inputs: [],
  meta: { ...META, ...meta },
});
const BASE = cacheKeyOf('base');
const keyOf = (op: Vertex['op'], meta?: Partial<VertexMeta>, base = BASE, sources = [contentKeyOf('s')]) =>
  layerKey(vertex(op, meta), { base, sources }, 'content').key;

const words = fc.array(fc.string({ maxLength: 4 }), { maxLength: 4 });
const exec: fc.Arbitrary<ExecOp> = fc.record({
  type: fc.constant('exec' as const),
  args: words,
  env: words.map((list) => list.map((word) => `K${word}`)),
  cwd: fc.string(),
  user: fc.string(),
  mounts: fc.constant([]),
  network: fc.constantFrom('default' as const, 'none' as const),
  security: fc.constant('sandbox' as const),
});
const copy: fc.Arbitrary<CopyOp> = fc.record({
  type: fc.constant('copy' as const),
  keyword: fc.constant('COPY' as const),
  sources: fc.constant([]),
  dest: fc.string(),
  destIsDir: fc.boolean(),
  chmod: fc.string(),
  chown: fc.string(),
  link: fc.constant(false),
  parents: fc.boolean(),
  exclude: words,
  unpack: fc.constantFrom('never' as const, 'auto' as const),
});
const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

describe('keys of steps', () => {
  it('are equal for equal steps only', () => {
    fc.assert(fc.property(exec, exec, (a, b) => (keyOf(a) === keyOf(b)) === same(a, b)));
    fc.assert(fc.property(copy, copy, (a, b) => (keyOf(a) === keyOf(b)) === same(a, b)));
  });

  it.each([
    'args',
    'env',
    'cwd',
    'user',
    'network',
    'security',
    'hostname',
    'addHosts',
    'shmSize',
    'ulimits',
    'cgroupParent',
    'secretKeys',
  ])('change with %s of RUN', (name) => {
    fc.assert(fc.property(exec, (op) => keyOf(op) !== keyOf({ ...op, [name]: ['something else'] } as unknown as ExecOp)));
  });

  it.each(['dest', 'destIsDir', 'chown', 'chmod', 'parents', 'exclude', 'unpack', 'sources', 'link'])('change with %s of COPY', (name) => {
    fc.assert(fc.property(copy, (op) => keyOf(op) !== keyOf({ ...op, [name]: ['something else'] } as unknown as CopyOp)));
  });

  it('change with a mount and its target', () => {
    const mounted = (target: string): ExecOp['mounts'] => [{ type: 'tmpfs', target }];
    fc.assert(fc.property(exec, (op) => new Set([[], mounted('/a'), mounted('/b')].map((mounts) => keyOf({ ...op, mounts }))).size === 3));
  });

  it('change with what the kernel refuses to a step, if it refuses anything', () => {
    const keyOfRefused = (op: ExecOp, refused?: readonly string[]) =>
      layerKey(vertex(op), { base: BASE, sources: [], ...(refused === undefined ? {} : { refused }) }, 'content').key;
    fc.assert(
      fc.property(
        exec,
        (op) =>
          keyOfRefused(op, []) === keyOfRefused(op) &&
          new Set([[], ['a'], ['a', 'b']].map((refused) => keyOfRefused(op, refused))).size === 3,
      ),
    );
  });

  it('never differ without an ingredient that says so', () => {
    const target = fc.constantFrom('/a', '/b');
    const mounts = fc.array(
      fc.oneof(
        fc.record({ type: fc.constant('tmpfs' as const), target }),
        fc.record({
          type: fc.constant('secret' as const),
          id: target,
          required: fc.boolean(),
          mode: fc.nat(2),
          uid: fc.nat(1),
          gid: fc.nat(1),
        }),
        fc.record({ type: fc.constant('bind' as const), input: fc.nat(1), source: target, target, readonly: fc.boolean() }),
      ),
      { maxLength: 3 },
    );
    const run = fc.tuple(
      exec,
      mounts,
      fc.record({ hostname: target, shmSize: fc.nat(2), addHosts: words, ulimits: words }, { requiredKeys: [] }),
    );
    const source = fc.oneof(
      fc.record({ type: fc.constant('files' as const), input: fc.nat(1), pattern: target }),
      fc.record({ type: fc.constant('inline' as const), name: target, content: target }),
      fc.record({ type: fc.constant('remote' as const), input: fc.nat(1) }),
    );
    const file = fc.tuple(copy, fc.constantFrom('COPY' as const, 'ADD' as const), fc.array(source, { maxLength: 2 }), fc.boolean());
    const make = fc.record({ type: fc.constant('mkdir' as const), path: target, user: target }, { requiredKeys: ['type', 'path', 'user'] });
    const op: fc.Arbitrary<Vertex['op']> = fc.oneof(
      run.map(([one, all, more]): ExecOp => ({ ...one, ...more, mounts: all })),
      file.map(([one, keyword, sources, link]): CopyOp => ({ ...one, keyword, sources, link })),
      make,
    );
    type Refused = readonly string[];
    const refused: fc.Arbitrary<readonly [Refused, Refused]> = fc.tuple(fc.subarray(['devices', 'ids']), fc.subarray(['devices', 'ids']));
    const explained = (ops: readonly Vertex['op'][], refusals: readonly [Refused, Refused]): boolean => {
      const [one, two] = ops.map((each, at) => layerKey(vertex(each), { base: BASE, sources: [], refused: refusals[at] ?? [] }, 'content'));
      return one?.key === two?.key || differences(one?.ingredients ?? {}, two?.ingredients ?? {}).length > 0;
    };
    // Two of a kind that differ little are where a change could hide: the same parts in another order.
    const reordered = op.map((one): [Vertex['op'], Vertex['op']] => [
      one,
      'env' in one
        ? { ...one, env: one.env.toReversed(), mounts: one.mounts.toReversed() }
        : 'sources' in one
          ? { ...one, sources: one.sources.toReversed() }
          : one,
    ]);
    fc.assert(fc.property(fc.oneof(fc.tuple(op, op), reordered), fc.oneof(refused, fc.constant([[], []] as const)), explained), {
      numRuns: 2000,
    });
  });

  it('change with the name of a source and not with its place, where its content counts', () => {
    const name = fc.stringMatching(/^[a-z]{1,3}$/);
    const copyOf = (op: CopyOp, pattern: string): CopyOp => ({ ...op, sources: [{ type: 'files', input: 1, pattern }] });
    const bindOf = (op: ExecOp, source: string): ExecOp => ({
      ...op,
      mounts: [{ type: 'bind', input: 1, source, target: '/m', readonly: true }],
    });
    const ofTrees = (op: Vertex['op']): string => layerKey(vertex(op), { base: BASE, sources: [BASE] }, 'definition').key;
    fc.assert(
      fc.property(copy, exec, name, name, name, (file, run, one, two, dir) => {
        expect(keyOf(copyOf(file, `${dir}/${one}`)) === keyOf(copyOf(file, one))).toBe(!file.parents);
        expect(keyOf(copyOf(file, one)) === keyOf(copyOf(file, two))).toBe(one === two);
        expect(keyOf(bindOf(run, `/${dir}/${one}`))).toBe(keyOf(bindOf(run, `/${two}`)));
        expect(ofTrees(copyOf(file, `${dir}/${one}`))).not.toBe(ofTrees(copyOf(file, one)));
        expect(ofTrees(bindOf(run, `/${dir}/${one}`))).not.toBe(ofTrees(bindOf(run, `/${one}`)));
      }),
    );
  });

  it('do not change with names, labels, limits and proxies', () => {
    const meta = { label: 'other', stage: 'other', proxyEnv: ['HTTP_PROXY=x'], memory: 5, cpus: 1, origin: { start: 1, end: 2 } };
    fc.assert(fc.property(exec, (op) => keyOf(op) === keyOf(op, meta)));
  });

  it('do not depend on the order in which a step was put together', () => {
    fc.assert(fc.property(copy, (op) => keyOf(op) === keyOf(Object.fromEntries(Object.entries(op).reverse()) as unknown as CopyOp)));
  });

  it('hold the base, but for linked copies, the content of sources and their order', () => {
    const op = fc.sample(copy, 1)[0] as CopyOp;
    const [one, two] = [contentKeyOf('1'), contentKeyOf('2')];
    expect(keyOf(op, {}, cacheKeyOf('other'))).not.toBe(keyOf(op));
    expect(keyOf({ ...op, link: true }, {}, cacheKeyOf('other'))).toBe(keyOf({ ...op, link: true }));
    expect(new Set([[one, two], [two, one], [one], [one, one]].map((sources) => keyOf(op, {}, BASE, sources))).size).toBe(4);
  });
});

const entry: fc.Arbitrary<FileEntry> = fc
  .record({
    path: fc.string({ minLength: 1 }),
    mode: fc.nat(0o7777),
    uid: fc.nat(9),
    gid: fc.nat(9),
    content: fc.string(),
    link: fc.boolean(),
  })
  .map(({ content, link, ...common }) =>
    link
      ? { ...common, type: 'symlink', size: 0, mtime: 0, link: content }
      : { ...common, type: 'file', size: content.length, mtime: 0, sha256: sha256Hex(content) },
  );

describe('keys of content', () => {
  it('are equal for equal files only, whatever their names and link texts hold', () => {
    const files = fc.array(entry, { maxLength: 4 });
    fc.assert(fc.property(files, files, (a, b) => (contentKeyOfEntries(a) === contentKeyOfEntries(b)) === same(a, b)));
  });

  it('do not change with modification times', () => {
    fc.assert(
      fc.property(
        fc.array(entry),
        (files) => contentKeyOfEntries(files) === contentKeyOfEntries(files.map((file) => ({ ...file, mtime: 7 }))),
      ),
    );
  });

  it.each([{ mode: 0o10000 }, { uid: 77 }, { gid: 77 }, { path: 'another name' }, { type: 'dir' }, { xattrs: { 'user.a': 'b' } }])(
    'change with %j',
    (change) => {
      fc.assert(fc.property(entry, (file) => contentKeyOfEntries([file]) !== contentKeyOfEntries([{ ...file, ...change } as FileEntry])));
    },
  );
});
