// Cache mounts that travel between stores, and what people do with those they have.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf, hasher } from '../../src/core/digest.ts';
import { buildBase, openWorkbench, type Workbench } from '../support/cli.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';

const DOCKERFILE = `FROM base
ARG N
RUN --mount=type=cache,id=npm,target=/c --mount=type=cache,id=own,target=/o,uid=1000,mode=0700 \\
  mkdir -p /c/a && echo "run $N" >> /c/a/log && chmod 0640 /c/a/log && ln -sf a/log /c/link && touch /o/x && chown 1000:7 /o/x && \\
  cat /c/link && ls -ln /c/a / | awk '{ print $1, $3, $4, $NF }' | grep -E ' (log|o)$' && ls -ln /o | tail -1 | awk '{ print $3, $4 }'
`;

let near: Workbench;
let far: Workbench;
let context: string;
let registry: TestRegistry;

beforeAll(async () => {
  near = openWorkbench();
  far = openWorkbench();
  registry = await startRegistry();
  await buildBase(near);
  await buildBase(far);
  context = near.context({ Dockerfile: DOCKERFILE });
});
afterAll(async () => {
  await registry?.stop();
  near.dispose();
  far.dispose();
});

const build = (bench: Workbench, n: number | string, ...flags: string[]) => bench.run(['--build-arg', `N=${n}`, ...flags, context]);
const forget = (bench: Workbench): Promise<unknown> => bench.run(['cache', 'rm', '--all']);

describe('a cache mount in a layout directory', () => {
  it('fills the same mount of another store, owners and modes included', async () => {
    const layout = join(near.dir, 'layout');
    const saved = await build(near, 1, '--cache-mount-export', `id=npm,dest=${layout}`, '--cache-mount-export', `id=own,dest=${layout}`);
    expect(saved).toMatchObject({ code: 0 });
    const loaded = await build(far, 2, '--cache-mount-import', `id=npm,src=${layout}`, '--cache-mount-import', `id=own,src=${layout}`);
    expect(loaded).toMatchObject({ code: 0 });
    const shown = loaded.stderr.replace(/^#\d+ (\d+\.\d+ )?/gm, '');
    expect(shown).toContain('importing cache mount npm');
    for (const line of ['run 1\nrun 2', '-rw-r----- 0 0 log', 'drwx------ 1000 0 o', '1000 7']) expect(shown).toContain(`${line}\n`);
    const manifests = (JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')) as { manifests: { artifactType: string }[] }).manifests;
    expect(manifests.map((entry) => entry.artifactType)).toEqual(Array(2).fill('application/vnd.tsbuild.cache-mount.v1'));
  });

  it('is byte for byte the same while the cache is, and keeps no old blobs', async () => {
    const layout = join(near.dir, 'same');
    const flags = ['--cache-mount-export', `id=npm,dest=${layout}`];
    const blobs = (): string[] => readdirSync(join(layout, 'blobs/sha256')).sort();
    await build(near, 'same', ...flags);
    const [index, first] = [readFileSync(join(layout, 'index.json'), 'utf8'), blobs()];
    expect(await build(near, 'same', ...flags)).toMatchObject({ code: 0 });
    expect(readFileSync(join(layout, 'index.json'), 'utf8')).toBe(index);
    expect(blobs()).toEqual(first);
    await build(near, 'changed', ...flags);
    expect(readFileSync(join(layout, 'index.json'), 'utf8')).not.toBe(index);
    expect(blobs()).toHaveLength(first.length);
  });

  it('changes nothing where the store has the cache already', async () => {
    const layout = join(near.dir, 'older');
    await build(near, 'older', '--cache-mount-export', `id=npm,dest=${layout}`);
    await forget(near);
    await build(near, 'mine');
    const result = await build(near, 'more', '--cache-mount-import', `id=npm,src=${layout}`);
    expect(result.stderr).toContain('run mine');
    expect(result.stderr).not.toContain('run older');
    expect(result.stderr).not.toContain('importing');
  });

  it('leaves no snapshots and no blobs of its own in the store', async () => {
    const layout = join(near.dir, 'tidy');
    const items = (bench: Workbench): number =>
      readdirSync(join(bench.root, 'blobs-v1'), { recursive: true }).length + readdirSync(join(bench.root, 'snapshots-v1')).length;
    await build(near, 'tidy');
    const before = items(near);
    await build(near, 'tidy', '--cache-mount-export', `id=npm,dest=${layout}`);
    // One for `{}`, the config of artifacts.
    expect(items(near) - before).toBeLessThanOrEqual(2);
    await forget(near);
    const loaded = await build(near, 'untidy', '--cache-mount-import', `id=npm,src=${layout}`);
    expect(loaded.stderr).toContain('run tidy');
    const trees = readdirSync(join(near.root, 'snapshots-v1')).filter((id) => existsSync(join(near.root, 'snapshots-v1', id, 'fs/a/log')));
    expect(trees).toEqual([]);
  });

  it('may be missing at first', async () => {
    await forget(far);
    const result = await build(far, 'first', '--cache-mount-import', `id=npm,src=${far.dir}/nothing-yet`);
    expect(result).toMatchObject({ code: 0 });
    expect(result.stderr).toContain(`nothing to import for cache mount npm: ${far.dir}/nothing-yet has none yet`);
  });
});

describe('a cache mount in a registry', () => {
  it('travels by reference', async () => {
    await forget(far);
    const reference = `${registry.host}/caches/npm:main`;
    const saved = await build(near, 'pushed', '--cache-mount-export', `id=npm,ref=${reference}`);
    expect(saved).toMatchObject({ code: 0 });
    const loaded = await build(far, 'pulled', '--cache-mount-import', `id=npm,ref=${reference}`);
    expect(loaded).toMatchObject({ code: 0 });
    expect(loaded.stderr).toContain('run pushed');
  });

  it('may be missing at first', async () => {
    await forget(far);
    const result = await build(far, 'none', '--cache-mount-import', `id=npm,ref=${registry.host}/caches/none:main`);
    expect(result).toMatchObject({ code: 0 });
    expect(result.stderr).toContain('nothing to import for cache mount npm');
  });
});

const BLOCK = 512;
/** One tar entry without content. */
function tarEntry(name: string, type: string, mode = 0o644): Buffer {
  const header = Buffer.alloc(BLOCK);
  header.write(name, 0);
  for (const [at, value] of [
    [100, mode],
    [108, 0],
    [116, 0],
    [329, 8],
    [337, 0],
  ] as const)
    header.write(value.toString(8).padStart(7, '0'), at);
  for (const at of [124, 136]) header.write('00000000000', at);
  header.write(type, 156);
  header.write('ustar\x0000', 257, 'latin1');
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}

/** A layout that says it holds the cache `npm`, made of what a test wants. */
function writeLayout(directory: string, tar: Buffer, change: (manifest: Record<string, unknown>) => void = () => {}): void {
  const blobs = join(directory, 'blobs/sha256');
  mkdirSync(blobs, { recursive: true });
  const put = (bytes: Buffer): { digest: string; size: number } => {
    const digest = digestOf(bytes);
    writeFileSync(join(blobs, digest.slice(7)), bytes);
    return { digest, size: bytes.length };
  };
  const hash = hasher();
  hash.update(tar);
  const manifest: Record<string, unknown> = {
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    artifactType: 'application/vnd.tsbuild.cache-mount.v1',
    config: { mediaType: 'application/vnd.oci.empty.v1+json', ...put(Buffer.from('{}')) },
    layers: [
      {
        mediaType: 'application/vnd.oci.image.layer.v1.tar+zstd',
        ...put(zstdCompressSync(tar)),
        annotations: { 'vnd.tsbuild.cache-mount.diff-id': hash.diffId() },
      },
    ],
  };
  change(manifest);
  const entry = {
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    ...put(Buffer.from(JSON.stringify(manifest))),
    annotations: { 'vnd.tsbuild.cache-mount.id': 'npm' },
    artifactType: 'application/vnd.tsbuild.cache-mount.v1',
  };
  writeFileSync(join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(
    join(directory, 'index.json'),
    JSON.stringify({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests: [entry] }),
  );
}

const END = Buffer.alloc(2 * BLOCK);
const FINE = Buffer.concat([tarEntry('file', '0'), END]);
type Layers = { annotations: Record<string, string>; mediaType: string }[];

describe('an artifact from elsewhere', () => {
  it('is taken when it is right', async () => {
    await forget(far);
    const directory = join(far.dir, 'fine');
    writeLayout(directory, FINE);
    expect(await build(far, 'fine', '--cache-mount-import', `id=npm,src=${directory}`)).toMatchObject({ code: 0 });
  });

  it.each<[string, Buffer, (manifest: Record<string, unknown>) => void, string]>([
    ['a device node', Buffer.concat([tarEntry('disk', '4', 0o666), END]), () => {}, 'it holds the device node "disk"'],
    [
      'another artifact type',
      FINE,
      (manifest) => Object.assign(manifest, { artifactType: 'application/vnd.other' }),
      'it is no cache mount',
    ],
    ['an image', FINE, (manifest) => delete manifest['artifactType'], 'it is no cache mount'],
    [
      'two layers',
      FINE,
      (manifest) => (manifest['layers'] as Layers).push(...(manifest['layers'] as Layers)),
      'it has 2 layers instead of one',
    ],
    [
      'no content digest',
      FINE,
      (manifest) => Object.assign((manifest['layers'] as Layers)[0] ?? {}, { annotations: {} }),
      'names no digest of its content',
    ],
    [
      'a wrong content digest',
      FINE,
      (manifest) =>
        Object.assign((manifest['layers'] as Layers)[0] ?? {}, {
          annotations: { 'vnd.tsbuild.cache-mount.diff-id': `sha256:${'0'.repeat(64)}` },
        }),
      'error[exec/layer-diffid]',
    ],
    [
      'an unknown layer type',
      FINE,
      (manifest) => Object.assign((manifest['layers'] as Layers)[0] ?? {}, { mediaType: 'text/plain' }),
      'its layer is of an unknown type',
    ],
    ['no tar', Buffer.alloc(4096, 'x'), () => {}, 'error[exec/layer-'],
  ])('is refused with %s', async (name, tar, change, message) => {
    await forget(far);
    const directory = join(far.dir, name.replaceAll(' ', '-'));
    writeLayout(directory, tar, change);
    const result = await build(far, name, '--cache-mount-import', `id=npm,src=${directory}`);
    expect(result).toMatchObject({ code: 1 });
    expect(result.stderr).toContain(message);
    expect((await far.ok(['cache', 'ls', '-q'])).stdout).toBe('');
  });

  it('cannot put files outside of the cache', async () => {
    await forget(far);
    const directory = join(far.dir, 'leading-out');
    const tar = [
      tarEntry('../../../out', '0'),
      tarEntry('up', '5', 0o755),
      tarEntry('link', '2'),
      tarEntry('link/../../../../out', '0'),
      END,
    ];
    writeLayout(directory, Buffer.concat(tar));
    await build(far, 'leading-out', '--cache-mount-import', `id=npm,src=${directory}`);
    expect(readdirSync(far.dir)).not.toContain('out');
    expect(readdirSync(far.root)).not.toContain('out');
    expect(readdirSync(join(far.root, 'snapshots-v1'))).not.toContain('out');
  });

  it('is refused with a changed blob', async () => {
    await forget(far);
    const directory = join(far.dir, 'changed-blob');
    writeLayout(directory, Buffer.concat([tarEntry('unseen', '0'), END]));
    for (const name of readdirSync(join(directory, 'blobs/sha256'))) {
      const file = join(directory, 'blobs/sha256', name);
      const bytes = readFileSync(file);
      if (bytes.length < 4 || bytes.readUInt32LE(0) !== 0xfd2fb528) continue;
      rmSync(file);
      writeFileSync(file, Buffer.concat([bytes.subarray(0, -1), Buffer.from([0x5a])]));
    }
    const result = await build(far, 'changed-blob', '--cache-mount-import', `id=npm,src=${directory}`);
    expect(result).toMatchObject({ code: 1 });
    expect(result.stderr).toContain('error[store/digest-mismatch]');
  });
});

describe('what is typed', () => {
  it.each([
    ['--cache-mount-export', 'id=npm', 'it needs dest or ref'],
    ['--cache-mount-export', 'dest=x', 'it has no id'],
    ['--cache-mount-export', 'id=npm,dest=x,ref=y', 'it needs dest or ref, and not both'],
    ['--cache-mount-import', 'id=npm,dest=x', 'there is no field "dest"'],
  ])('%s %s is refused', async (flag, value, message) => {
    const result = await build(near, 1, flag, value);
    expect(result).toMatchObject({ code: 2 });
    expect(result.stderr).toContain(message);
  });

  it('an id that no RUN has is refused before anything is built', async () => {
    const result = await build(near, 'typo', '--cache-mount-export', `id=nmp,dest=${near.dir}/typo`);
    expect(result).toMatchObject({ code: 1 });
    expect(result.stderr).toContain('no RUN of this build has a cache mount with id "nmp"');
    expect(result.stderr).toContain('did you mean npm?');
    expect(result.stderr).not.toContain('DONE');
  });

  it('an export never writes into a directory of something else', async () => {
    const precious = near.context({ mine: 'x' });
    const result = await build(near, 'precious', '--cache-mount-export', `id=npm,dest=${precious}`);
    expect(result.stderr).toContain('is neither empty nor an OCI layout');
    expect(readFileSync(join(precious, 'mine'), 'utf8')).toBe('x');
  });
});

describe('tsbuild cache', () => {
  it('lists, measures and removes', async () => {
    await forget(near);
    await build(near, 'listed');
    const rows = JSON.parse((await near.ok(['cache', 'ls', '--format', 'json'])).stdout) as {
      id: string;
      key: string;
      size: number;
      inUse: boolean;
    }[];
    expect(rows.map(({ id, inUse }) => `${id} ${inUse}`).sort()).toEqual(['npm false', 'own false']);
    const usage = JSON.parse((await near.ok(['cache', 'du', '--format', 'json'])).stdout) as { total: number };
    expect(usage.total).toBe(rows.reduce((sum, row) => sum + row.size, 0));
    expect((await near.ok(['cache', 'rm', 'npm'])).stdout).toMatch(/^removed npm \([0-9a-f]{12}, .*\)\n$/);
    expect((await near.ok(['cache', 'ls', '-q'])).stdout).toBe('own\n');
    const missing = await near.run(['cache', 'rm', 'npn']);
    expect(missing).toMatchObject({ code: 1 });
    expect(missing.stderr).toContain('no cache mount "npn" in the store');
    await near.ok(['cache', 'rm', '--all']);
    expect(readdirSync(join(near.root, 'cache-mounts-v1'))).toEqual([]);
  });

  it('removes nothing that a running step has', async () => {
    const busy = near.context({ Dockerfile: 'FROM base\nRUN --mount=type=cache,id=busy,target=/c touch /c/x; echo now; sleep 3\n' });
    let begun: () => void = () => {};
    const started = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const building = near.run([busy], {
      onStart: (child) => child.stderr?.on('data', (text: string) => /\d now\n/.test(text) && begun()),
    });
    await started;
    const result = await near.run(['cache', 'rm', 'busy']);
    expect(result).toMatchObject({ code: 1 });
    expect(result.stderr).toContain('cache mount busy');
    expect(result.stderr).toContain('is in use by a running build');
    expect(await building).toMatchObject({ code: 0 });
    await near.ok(['cache', 'rm', 'busy']);
  });

  it('says what it does not do', async () => {
    expect((await near.run(['cache', 'prune'])).stderr).toContain("'tsbuild cache' does ls, du and rm");
    expect((await near.run(['cache', 'rm'])).stderr).toContain('takes ids or keys, or --all');
  });
});
